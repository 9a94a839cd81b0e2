"""Everything but the pixels is as it was."""

from __future__ import annotations

import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from simgan.images import open_images, write_like


def refine(path, output):
    with open_images(path) as source, write_like(source, output) as writer:
        for index in range(len(source)):
            writer.write(index, 255 - source[index])


def everything(path):
    """Name -> layout, filters, type, raw attributes and raw values of each object in the file."""
    found = {}

    def visit(name, node):
        attributes = {key: (value.dtype, np.asarray(value).tobytes()) for key, value in node.attrs.items()}
        if isinstance(node, h5py.Dataset):
            made = (node.dtype, node.shape, node.maxshape, node.chunks, node.compression, node.compression_opts)
            found[name] = (attributes, made, node.shuffle, node.fillvalue, node[()])
        else:
            found[name] = (attributes,)

    with h5py.File(path) as file:
        visit("/", file)
        file.visititems(visit)
    return found


def test_kaggle_layout(tmp_path):
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "a.h5", "w", track_order=True) as file:
        file.attrs["made by"] = np.bytes_("hand")
        for name in ("2", "10", "1"):
            options = {"compression": "gzip", "compression_opts": 3, "chunks": (4, 5), "shuffle": True}
            data = file.create_dataset(f"image/{name}", data=rng.integers(0, 256, (8, 10), dtype=np.uint8), **options)
            data.attrs["f"] = np.float32([1, 2])
            file[f"look/{name}"] = rng.normal(size=3)
        file.create_dataset("extra/deep", data=rng.normal(size=(3, 2)), maxshape=(None, 2))
        file["link"] = h5py.SoftLink("/look/1")
    refine(tmp_path / "a.h5", tmp_path / "b.h5")
    before, after = everything(tmp_path / "a.h5"), everything(tmp_path / "b.h5")
    assert list(before) == list(after)
    assert "image/10" in before
    for name in before:
        assert before[name][:-1] == after[name][:-1]
        if name.startswith("image/"):
            np.testing.assert_array_equal(after[name][-1], 255 - before[name][-1])
        elif len(before[name]) > 1:
            assert before[name][-1].tobytes() == after[name][-1].tobytes()
    with h5py.File(tmp_path / "b.h5") as file:
        assert file.get("link", getlink=True).path == "/look/1"


@settings(deadline=None, max_examples=25)
@given(
    images=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=4, max_side=5)),
    values=st.binary(min_size=1, max_size=40),
    options=st.sampled_from([{}, {"chunks": True}, {"compression": "gzip"}, {"compression": "lzf", "shuffle": True}]),
)
def test_any_stack_with_any_bytes_beside_it(images, values, options):
    with tempfile.TemporaryDirectory() as folder:
        path, output = Path(folder) / "a.hdf5", Path(folder) / "b.h5"
        with h5py.File(path, "w") as file:
            file.create_dataset("image", data=images, **options).attrs["raw"] = np.void(values)
            file["labels"] = np.frombuffer(values, np.uint8)
        refine(path, output)
        before, after = everything(path), everything(output)
    np.testing.assert_array_equal(after["image"][-1], 255 - images)
    assert before["image"][:-1] == after["image"][:-1]
    assert after["labels"][-1].tobytes() == values


def test_the_input_is_not_touched(write_set, tmp_path, images, gaze):
    path = write_set(tmp_path, "stacked.h5", images, gaze)
    before = path.read_bytes()
    refine(path, tmp_path / "b.h5")
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["keyed.h5", "gzip.h5"])
def test_compressed_output_does_not_swell(tmp_path, name):
    """Pixels are written over those of the input: what they took must be used again when they take more."""
    flat = np.zeros((60, 64, 64), np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, flat.shape, dtype=np.uint8)
    for target, images in (("a.h5", flat), ("ideal.h5", noise)):
        with h5py.File(tmp_path / target, "w") as file:
            if name == "gzip.h5":
                file.create_dataset("image", data=images, compression="gzip")
            else:
                for index, image in enumerate(images):
                    file.create_dataset(f"image/{index:03d}", data=image, compression="gzip")
    with open_images(tmp_path / "a.h5") as source, write_like(source, tmp_path / "b.h5") as writer:
        for index, image in enumerate(noise):
            writer.write(index, image[..., np.newaxis])
    assert (tmp_path / "b.h5").stat().st_size < 1.2 * (tmp_path / "ideal.h5").stat().st_size


def several_places(path, layout):
    """A file of six images in that layout, with labels and other things, and the key that names the images."""
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (6, 8, 10), dtype=np.uint8)
    with h5py.File(path, "w", track_order=True) as file:
        file.attrs["made by"] = np.bytes_("hand")
        file["extra/deep"] = rng.normal(size=(3, 2))
        for index, image in enumerate(images):
            person = f"p{index // 2}"
            if layout == "root":
                file[f"i{index}"], file[f"gaze/i{index}"] = image, rng.normal(size=3)
            elif layout == "image":
                file[f"i{index}/image"], file[f"i{index}/gaze"] = image, rng.normal(size=3)
            elif layout == "person" or (layout == "mixed" and person == "p1"):
                file[f"{person}/image/{index}"], file[f"{person}/gaze/{index}"] = image, rng.normal(size=3)
            elif index % 2 == 0:
                file.create_dataset(f"{person}/image", data=images[index : index + 2], compression="gzip")
                file[f"{person}/gaze"] = rng.normal(size=(2, 3))
                file[f"{person}/other"] = rng.normal(size=5)
    return None if layout == "root" else "*/image"


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("layout", ["root", "image", "person", "stack", "mixed"])
def test_images_at_several_places(tmp_path, layout, together):
    key = several_places(tmp_path / "a.h5", layout)
    with open_images(tmp_path / "a.h5", key=key) as source, write_like(source, tmp_path / "b.h5") as writer:
        if together:
            for indices in ([4, 1, 5], [0, 2, 3]):
                writer.write_many(indices, np.stack([255 - source[index] for index in indices]))
        else:
            for index in range(6):
                writer.write(index, 255 - source[index])
    before, after = everything(tmp_path / "a.h5"), everything(tmp_path / "b.h5")
    assert list(before) == list(after)
    written = 0
    for name in before:
        assert before[name][:-1] == after[name][:-1] or len(before[name]) == 1
        if len(before[name]) == 1:
            continue
        if "image" in name or (layout == "root" and name.startswith("i")):
            np.testing.assert_array_equal(after[name][-1], 255 - before[name][-1])
            written += before[name][-1].size
        else:
            assert before[name][-1].tobytes() == after[name][-1].tobytes()
    assert written == 6 * 8 * 10


@pytest.mark.parametrize(
    ("layout", "gone"),
    [
        ("root", {"i3", "gaze/i3"}),
        ("image", {"i3/image", "i3/gaze"}),
        ("person", {"p1/image/3", "p1/gaze/3"}),
    ],
)
def test_an_image_that_is_left_out_takes_its_labels_along(tmp_path, layout, gone):
    key = several_places(tmp_path / "a.h5", layout)
    with open_images(tmp_path / "a.h5", key=key) as source, write_like(source, tmp_path / "b.h5") as writer:
        for index in range(6):
            if index == 3:
                writer.set_aside(index, source[index])
            else:
                writer.write(index, source[index])
    before, after = everything(tmp_path / "a.h5"), everything(tmp_path / "b.h5")
    assert before.keys() - after.keys() == gone
    with open_images(tmp_path / "b.h5", key=key) as source:
        assert len(source) == 5
        assert source.labels("gaze").shape == (5, 3)


@pytest.mark.parametrize("layout", ["stack", "mixed"])
def test_nothing_is_left_out_where_a_part_goes_by_place(tmp_path, layout):
    key = several_places(tmp_path / "a.h5", layout)
    with open_images(tmp_path / "a.h5", key=key) as source, write_like(source, tmp_path / "b.h5") as writer:
        assert not writer.leaves_out
        for index in range(6):
            writer.set_aside(index, source[index])
    with open_images(tmp_path / "b.h5", key=key) as source:
        assert len(source) == 6
