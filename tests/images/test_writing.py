from __future__ import annotations

import numpy as np
import pytest

from simgan.errors import DataError
from simgan.images import ImageSource, open_images, write_like


class Elsewhere(ImageSource):
    """A source of no format that can be written."""

    def stored(self, index):
        return np.zeros((1, 1, 1), np.uint8)

    def size(self, index):
        return 1, 1

    def close(self):
        pass


def test_a_source_of_another_kind(tmp_path, message):
    with pytest.raises(DataError) as caught:
        write_like(Elsewhere(tmp_path, "none", ["a"]), tmp_path / "b")
    assert "Elsewhere" in message(caught.value)


@pytest.mark.parametrize(("name", "other"), [("keyed.h5", ".npy"), ("images.npy", ".npz"), ("a.npz", "")])
def test_the_extension_of_another_format(write_set, tmp_path, images, gaze, name, other, message):
    with open_images(write_set(tmp_path, name, images, gaze)) as source, pytest.raises(DataError) as caught:
        write_like(source, tmp_path / f"b{other}")
    assert repr(other) in message(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("inside", ["new", "sub/new", "sub/../new", "../link/new"])
def test_an_output_inside_the_input(write_folder, tmp_path, images, inside, message):
    folder = write_folder(tmp_path / "in", images)
    (tmp_path / "link").symlink_to("in")
    with open_images(folder) as source, pytest.raises(DataError) as caught:
        write_like(source, folder / inside)
    assert "inside" in message(caught.value)
    assert [path.name for path in folder.iterdir()] == ["sub"]
