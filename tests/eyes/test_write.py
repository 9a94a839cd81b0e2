"""Files of rendered eyes."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from simgan.errors import DataError
from simgan.eyes import render_eyes, write_eyes


def test_round_trip_in_the_layout_of_the_kaggle_set(tmp_path: Path) -> None:
    reports: list[tuple[int, int]] = []
    write_eyes(tmp_path / "eyes.h5", 300, domain="camera", seed=3, on_progress=lambda *pair: reports.append(pair))
    eyes = render_eyes(300, domain="camera", seed=3)
    with h5py.File(tmp_path / "eyes.h5") as file:
        assert sorted(file) == ["gaze", "head_pose", "image", "iris_centre", "lid_contour", "pupil_centre"]
        keys = [f"{index:06d}" for index in range(300)]
        for group in file.values():
            assert list(group) == keys
        assert file["image/000000"].shape == (35, 55)
        assert file["image/000000"].dtype == np.uint8
        np.testing.assert_array_equal([file["image"][key][()] for key in keys], eyes.images[..., 0])
        np.testing.assert_array_equal([file["gaze"][key][()] for key in keys], eyes.gaze)
        np.testing.assert_array_equal(file["lid_contour/000299"][()], eyes.lid_contour[299])
    assert reports == [(256, 300), (300, 300)]
    assert [path.name for path in tmp_path.iterdir()] == ["eyes.h5"]


def test_rgb_keeps_its_channels(tmp_path: Path) -> None:
    write_eyes(tmp_path / "eyes.h5", 2, height=20, width=30, channels=3, equalise=True)
    with h5py.File(tmp_path / "eyes.h5") as file:
        expected = render_eyes(2, height=20, width=30, channels=3, equalise=True).images
        np.testing.assert_array_equal(file["image/000001"][()], expected[1])


def test_nothing_is_left_when_it_fails(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_eyes(tmp_path / "eyes.h5", 3, on_progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "eyes.h5").write_text("mine")
    with pytest.raises(DataError, match=r"^path: expected a new file\. Received: .*eyes\.h5, which exists\."):
        write_eyes(tmp_path / "eyes.h5", 1)
    assert (tmp_path / "eyes.h5").read_text() == "mine"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="existing folder"):
        write_eyes(tmp_path / "none" / "eyes.h5", 1)


@pytest.mark.parametrize("settings", [{"count": 0}, {"count": -1}, {"channels": 4}, {"domain": "x"}, {"height": 1}])
def test_bad_settings_write_nothing(tmp_path: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        write_eyes(tmp_path / "eyes.h5", **{"count": 1, **settings})
    assert list(tmp_path.iterdir()) == []


def test_a_name_of_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\.h5"):
        write_eyes(tmp_path / "eyes.npy", 1)
    assert list(tmp_path.iterdir()) == []
