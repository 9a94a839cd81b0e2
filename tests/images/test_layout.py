"""Arrays with the channels first: refused, or read and written as they are when that is said."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from simgan.errors import DataError
from simgan.images import open_images, write_like

FORMATS = ("a.npy", "fortran.npy", "a.npz", "deflated.npz", "stack.h5", "gzip.h5", "keyed.h5")


@pytest.fixture
def stack():
    """(5, 3, 6, 8): channels first."""
    return np.random.default_rng(0).integers(0, 256, (5, 3, 6, 8), dtype=np.uint8)


def write(path, stack):
    if path.name == "keyed.h5":
        with h5py.File(path, "w") as file:
            for index, image in enumerate(stack):
                file[f"image/{index}"] = image
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file.create_dataset("image", data=stack, compression="gzip" if path.name == "gzip.h5" else None)
    elif path.suffix == ".npy":
        np.save(path, np.asfortranarray(stack) if path.name == "fortran.npy" else stack)
    else:
        (np.savez if path.name == "a.npz" else np.savez_compressed)(path, image=stack)
    return path


def read(path):
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            node = file["image"]
            return np.stack([node[name][()] for name in node]) if isinstance(node, h5py.Group) else node[()]
    loaded = np.load(path)
    return loaded if path.suffix == ".npy" else loaded["image"]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("channels", [1, 3])
def test_channels_first_are_refused_with_what_to_type(tmp_path, stack, name, channels, message):
    with pytest.raises(DataError) as caught:
        open_images(write(tmp_path / name, stack[:, :channels]))
    assert f"(5, {channels}, 6, 8)" in message(caught.value)
    assert "np.moveaxis(a, 1, -1)" in str(caught.value)
    assert "--layout nchw" in str(caught.value)


@pytest.mark.parametrize("name", FORMATS)
def test_channels_first_are_read_and_written_as_they_are(tmp_path, stack, name):
    path = write(tmp_path / name, stack)
    output = path.with_name(f"out{path.suffix}")
    with open_images(path, layout="nchw") as source:
        assert (source.channels, source.size(0), source.size(4), source.layout) == (3, (6, 8), (6, 8), "nchw")
        for index in range(5):
            np.testing.assert_array_equal(source[index], stack[index].transpose(1, 2, 0))
        np.testing.assert_array_equal(np.stack(source.read([3, 0])), stack[[3, 0]].transpose(0, 2, 3, 1))
        with write_like(source, output) as writer:
            writer.write(2, 255 - source[2])
            writer.write_many([0, 1], [255 - image for image in source.read([0, 1])])
            writer.write_many([3, 4], 255 - np.stack(source.read([3, 4])))
    np.testing.assert_array_equal(read(output), 255 - stack)


@pytest.mark.parametrize("shape", [(2, 3, 6, 3), (2, 6, 8, 5), (2, 2, 6, 8), (2, 3, 5, 8)])
def test_what_may_be_channels_last_is_not_refused(tmp_path, shape):
    np.save(tmp_path / "a.npy", np.zeros(shape, np.uint8))
    with open_images(tmp_path / "a.npy") as source:
        assert (*source.size(0), source.channels) == shape[1:]


def test_one_colour_image_is_no_stack_of_grey_ones(tmp_path, message):
    np.save(tmp_path / "a.npy", np.zeros((36, 60, 3), np.uint8))
    with pytest.raises(DataError) as caught:
        open_images(tmp_path / "a.npy")
    assert "a[np.newaxis]" in message(caught.value)
    with open_images(tmp_path / "a.npy", layout="nhwc") as source:
        assert (len(source), source.size(0), source.channels) == (36, (60, 3), 1)


def test_channels_last_may_be_insisted_on(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 3, 6, 8), np.uint8))
    with open_images(tmp_path / "a.npy", layout="nhwc") as source:
        assert (source.size(0), source.channels) == ((3, 6), 8)


def test_a_layout_where_there_is_no_channel_axis_is_refused(tmp_path, write_pngs, message):
    np.save(tmp_path / "a.npy", np.zeros((2, 6, 8), np.uint8))
    folder = write_pngs(tmp_path / "set", np.zeros((2, 6, 8), np.uint8))
    for path in (tmp_path / "a.npy", folder):
        with pytest.raises(DataError) as caught:
            open_images(path, layout="nchw")
        assert "--layout" in message(caught.value)


def test_images_left_out_keep_their_layout(tmp_path):
    images = np.zeros((3, 3, 6, 8), np.float32)
    images[1, 0, 0, 0] = np.nan
    np.save(tmp_path / "a.npy", images)
    with open_images(tmp_path / "a.npy", layout="nchw", on_bad_image="skip") as source:
        assert (len(source), source.layout, source[0].shape) == (2, "nchw", (6, 8, 3))


def smooth(count, height=36, width=60):
    """(N, H, W) different images, whose neighbouring pixels differ little."""
    y, x = np.mgrid[:height, :width]
    return np.stack([128 + 90 * np.sin((x + 5 * i) / 8) * np.cos((y + 3 * i) / 6) for i in range(count)])


@pytest.mark.parametrize("name", ["a.npy", "fortran.npy", "a.npz", "stack.h5", "gzip.h5"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_grey_images_along_the_last_axis_are_refused_with_what_to_type(tmp_path, name, dtype, message):
    path = write(tmp_path / name, smooth(24).transpose(1, 2, 0).astype(dtype))
    with pytest.raises(DataError) as caught:
        open_images(path)
    assert "(36, 60, 24)" in message(caught.value)
    assert "np.moveaxis(a, -1, 0)" in str(caught.value)
    with open_images(path, layout="nhwc") as source:  # insisted on
        assert (len(source), source.size(0)) == (36, (60, 24))
    write(path, np.moveaxis(smooth(24).transpose(1, 2, 0), -1, 0).astype(dtype))  # the way out
    with open_images(path) as source:
        assert (len(source), source.size(0)) == (24, (36, 60))


def test_colour_images_along_the_last_axis_are_refused(tmp_path, message):
    np.save(tmp_path / "a.npy", np.zeros((32, 32, 3, 20), np.uint8))
    with pytest.raises(DataError) as caught:
        open_images(tmp_path / "a.npy")
    assert "np.moveaxis(a, -1, 0)" in message(caught.value)


@pytest.mark.parametrize(
    "stack",
    [
        smooth(30, 24, 24),
        np.random.default_rng(0).uniform(0, 255, (20, 20, 20)),
        np.repeat(smooth(1), 30, axis=0) + np.random.default_rng(0).normal(size=(30, 1, 1)),  # nearly one picture
        np.zeros((20, 20, 20)),
    ],
    ids=["smooth", "noise", "alike", "black"],
)
def test_grey_images_along_the_first_axis_are_read(tmp_path, stack):
    np.save(tmp_path / "a.npy", stack.astype(np.uint8))
    with open_images(tmp_path / "a.npy") as source:
        assert len(source) == len(stack)
