"""Looks of the two domains."""

import numpy as np
import pytest

from simgan.eyes.appearance import PROCESSES, draw_appearance
from simgan.eyes.draws import Streams
from simgan.eyes.labels import DOMAINS, Domain


@pytest.mark.parametrize("domain", DOMAINS)
def test_appearances_are_float32_rows_and_keep_to_their_ranges(domain: Domain) -> None:
    appearance = draw_appearance(Streams(0, domain, 0, 300).appearance, PROCESSES[domain])
    for values in vars(appearance).values():
        assert values.dtype == np.float32
        assert len(values) == 300
    low, high = PROCESSES[domain].lash
    assert low <= appearance.lash.min() < appearance.lash.max() <= high
    np.testing.assert_allclose(np.linalg.norm(appearance.lamps, axis=-1), 1.0, atol=1e-5)
    assert appearance.lamps[..., 2].max() < 0.0  # lamps stand on the camera's side


def test_the_camera_shows_darker_irises_and_softer_scleras() -> None:
    clean, photo = (draw_appearance(Streams(0, d, 0, 300).appearance, PROCESSES[d]) for d in DOMAINS)
    assert photo.iris.mean() < 0.6 * clean.iris.mean()
    assert photo.sclera.mean() < 0.85 * clean.sclera.mean()
    contrast = [(appearance.iris - appearance.pupil).mean() for appearance in (clean, photo)]
    assert contrast[1] < 0.6 * contrast[0]
