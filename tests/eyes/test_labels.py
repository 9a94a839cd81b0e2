"""The result's own behaviour."""

import dataclasses

import pytest

from simgan.eyes import render_eyes


def test_eyes_count_their_images_and_cannot_be_changed() -> None:
    eyes = render_eyes(3)
    assert len(eyes) == 3
    with pytest.raises(dataclasses.FrozenInstanceError):
        eyes.gaze = eyes.head_pose  # type: ignore[misc]
