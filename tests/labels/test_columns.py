from __future__ import annotations

import pytest

from simgan.labels.columns import join_columns, parse_number


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["pitch", "yaw"], {"gaze": (0, 1)}),
        (["yaw", "Pitch"], {"gaze": (1, 0)}),
        (["head_pitch", "head_yaw"], {"head": (0, 1)}),
        (["pitch"], {"pitch": (0,)}),
        (["x", "y"], {"point": (0, 1)}),
        (["x", "y", "z"], {"point": (0, 1, 2)}),
        (["eye_y", "eye_x", "nose_x", "nose_y", "nose_z"], {"eye": (1, 0), "nose": (2, 3, 4)}),
        (["eye_x", "eye_z"], {"eye_x": (0,), "eye_z": (1,)}),
        (["p_0", "p_1", "p_2"], {"p": (0, 1, 2)}),
        (["p_2", "p_1"], {"p": (1, 0)}),
        (["p_0", "p_2"], {"p_0": (0,), "p_2": (1,)}),
        (["p_0"], {"p_0": (0,)}),
        (["eye", "eye_x", "eye_y"], {"eye": (0,), "eye_x": (1,), "eye_y": (2,)}),
        (["max", "gray"], {"max": (0,), "gray": (1,)}),
    ],
)
def test_which_columns_are_joined(names, expected):
    found = join_columns(dict(enumerate(names)))
    assert {name: one.columns for name, one in found.items()} == expected


def test_numbers():
    assert parse_number("1,5", ";") == 1.5
    assert parse_number("-1e3", ",") == -1000
    assert str(parse_number("1,5", ",")) == "nan"
