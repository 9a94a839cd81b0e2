"""What every writer does, in each format: complete or not there."""

from __future__ import annotations

import os
import resource
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest

from simgan.errors import DataError, OutputError
from simgan.images import PixelRange, open_images, write_like


@pytest.fixture(params=["keyed.h5", "gzip.h5", "images.npy", "a.npz", "deflated.npz", "folder"])
def path(request, write_set, write_folder, tmp_path, images, gaze):
    (tmp_path / "in").mkdir()
    if request.param == "folder":
        return write_folder(tmp_path / "in/folder", images)
    return write_set(tmp_path / "in", request.param, images, gaze)


@pytest.fixture
def source(path):
    with open_images(path) as opened:
        yield opened


@pytest.fixture
def output(tmp_path, path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / f"refined{path.suffix}"


def write_all(source, output, but=(), then=lambda: None):
    """Write all images inverted, `but` those indices, and call `then` before the end."""
    with write_like(source, output) as writer:
        for index in range(len(source)):
            if index not in but:
                writer.write(index, 255 - source[index])
        then()


def left_in(output):
    return sorted(path.name for path in output.parent.iterdir())


def test_written_is_read_in_any_order_from_threads(source, output):
    with write_like(source, output) as writer, ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda index: writer.write(index, 255 - source[index]), [4, 2, 0, 1, 3]))
        assert not output.exists()
        assert output.name not in left_in(output)
    assert left_in(output) == [output.name]
    with open_images(output) as refined:
        assert (refined.kind, refined.names, refined.dtype) == (source.kind, source.names, source.dtype)
        for index in range(5):
            np.testing.assert_array_equal(refined[index], 255 - source[index])


def test_it_is_on_the_disk_before_it_has_its_name_and_then_the_name_is(source, output, monkeypatch):
    """A power cut after the rename must not find an empty file: what it was made from may be gone by then."""
    done = []

    def path_of(descriptor):
        return str(Path(f"/proc/self/fd/{descriptor}").readlink())

    def noted(name, own, of=lambda *args: None):
        def call(*args):
            done.append((name, of(*args)))
            return own(*args)

        return call

    with write_like(source, output) as writer:
        writer.write_many(range(5), [255 - source[index] for index in range(5)])
        monkeypatch.setattr(os, "sync", noted("sync", os.sync))
        monkeypatch.setattr(os, "fsync", noted("sync", os.fsync, path_of))
        monkeypatch.setattr(Path, "rename", noted("rename", Path.rename, lambda old, new: str(new)))
    named = done.index(("rename", str(output)))
    assert set(done[:named]) & {("sync", None), ("sync", str(writer.partial))}
    assert ("sync", str(output.parent)) in done[named:]


@pytest.mark.parametrize("parts", [[range(5)], [[3, 1], [4], [0, 2]], [[0, 1], [], range(2, 5)]], ids=str)
@pytest.mark.parametrize("as_list", [False, True])
def test_many_are_written_together_in_any_order(source, output, images, parts, as_list):
    with write_like(source, output) as writer:
        for part in parts:
            some = 255 - images[list(part)]
            writer.write_many(part, list(some) if as_list else some)
    with open_images(output) as refined:
        np.testing.assert_array_equal(np.stack(refined.read(range(5))), 255 - images)


def test_one_image_of_another_form_among_many_leaves_nothing(source, output, images, message):
    writer = write_like(source, output)
    with pytest.raises(DataError) as caught:
        writer.write_many([0, 1], [images[0], images[1][:5]])
    assert repr(source.names[1]) in message(caught.value)
    assert left_in(output) == []


@pytest.mark.parametrize(("indices", "count"), [([0, 1], 3), ([0, 1, 2], 2), ([], 1), ([0], 0)])
@pytest.mark.parametrize("as_list", [False, True])
def test_as_many_images_as_indices(source, output, images, indices, count, as_list, message):
    writer = write_like(source, output)
    some = list(images[:count]) if as_list else images[:count]
    with pytest.raises(DataError) as caught:
        writer.write_many(indices, some)
    assert not isinstance(caught.value, OutputError)
    assert f"{len(indices)} indices and {count} images" in message(caught.value)
    assert left_in(output) == []


def test_a_mistake_of_the_caller_is_not_blamed_on_the_disk(source, output):
    class Wrong(list):
        def __iter__(self):
            raise ValueError("a mistake")

    with pytest.raises(ValueError, match=r"^a mistake$"), write_like(source, output) as writer:
        writer.write_many([0], Wrong([source[0]]))
    assert left_in(output) == []


def test_a_lack_of_memory_while_writing_is_an_error_of_the_output(source, output, monkeypatch, message):
    def lacking(*args):
        raise MemoryError

    writer = write_like(source, output)
    monkeypatch.setattr(writer, "_put_many", lacking)
    with pytest.raises(OutputError) as caught, writer:
        writer.write(0, source[0])
    assert "MemoryError; the unfinished output was removed; free some memory" in message(caught.value)
    assert left_in(output) == []


def test_an_output_whose_name_may_not_last_is_removed(source, output, monkeypatch, message):
    def broken(path):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("simgan.images.writer.sync", broken)
    with pytest.raises(OutputError) as caught:
        write_all(source, output)
    assert "the unfinished output was removed" in message(caught.value)
    assert left_in(output) == []


def test_the_last_write_counts(source, output):
    with write_like(source, output) as writer:
        for value in (1, 2):
            for index in range(5):
                writer.write(index, np.full_like(source[index], value))
    with open_images(output) as refined:
        assert all(image.min() == image.max() == 2 for image in refined)


def test_an_exception_leaves_nothing(source, output):
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_all(source, output, then=interrupt)
    assert left_in(output) == []


def test_a_missing_image_leaves_nothing(source, output, message):
    with pytest.raises(DataError) as caught:
        write_all(source, output, but=[2])
    assert repr(source.names[2]) in message(caught.value)
    assert "1 fewer" in str(caught.value)
    assert left_in(output) == []


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((6, 4, 1), np.uint8),
        np.zeros((4, 6, 3), np.uint8),
        np.zeros((6, 4, 3), np.uint16),
        np.zeros((6, 4), np.uint8),
    ],
)
def test_an_image_of_another_form_leaves_nothing(source, output, image, message):
    writer = write_like(source, output)
    with pytest.raises(DataError) as caught:
        writer.write(1, image)
    assert repr(source.names[1]) in message(caught.value)
    assert str(image.shape) in str(caught.value)
    assert left_in(output) == []
    with pytest.raises(DataError) as caught:
        writer.write(0, source[0])
    assert "closed" in message(caught.value)


@pytest.mark.parametrize("index", [-1, 5])
def test_an_index_beyond(source, output, index, message):
    with pytest.raises(DataError) as caught, write_like(source, output) as writer:
        writer.write(index, source[0])
    assert "0 to 4" in message(caught.value)
    assert left_in(output) == []


def test_an_existing_output_is_left_alone(source, output, message):
    output.write_text("precious")
    with pytest.raises(DataError) as caught:
        write_like(source, output)
    assert str(output) in message(caught.value)
    assert output.read_text() == "precious"
    assert left_in(output) == [output.name]


def test_an_output_that_appeared_meanwhile_is_left_alone(source, output, message):
    with pytest.raises(DataError) as caught:
        write_all(source, output, then=lambda: output.write_text("precious"))
    assert "meanwhile" in message(caught.value)
    assert output.read_text() == "precious"
    assert left_in(output) == [output.name]


def test_the_input_itself(source, path, message):
    with pytest.raises(DataError) as caught:
        write_like(source, path)
    assert str(path) in message(caught.value)


def test_no_parent_folder(source, output, message):
    with pytest.raises(DataError) as caught:
        write_like(source, output.parent / "none" / output.name)
    assert "existing folder" in message(caught.value)


def test_a_partial_output_of_another_job(source, output, message):
    partial = output.with_name(f".{output.name}.partial")
    partial.write_text("its")
    with pytest.raises(DataError) as caught:
        write_like(source, output)
    assert partial.name in message(caught.value)
    assert partial.read_text() == "its"


def test_a_full_disk_leaves_nothing(write_set, write_folder, path, tmp_path, message):
    """A limit on file sizes stands for the full disk: writing beyond it is an OSError too."""
    noise = np.random.default_rng(0).integers(0, 256, (3, 120, 120, 3), dtype=np.uint8)
    (tmp_path / "large").mkdir()
    (tmp_path / "out").mkdir()
    if path.is_dir():
        large = write_folder(tmp_path / "large/folder", noise)
    else:
        large = write_set(tmp_path / "large", path.name, noise, np.zeros((3, 3), np.float32))
    output = tmp_path / "out" / f"refined{large.suffix}"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_images(large) as source:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
        try:
            with pytest.raises(DataError) as caught:
                write_all(source, output)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "free some space" in message(caught.value)
    assert left_in(output) == []


def test_values_out_of_range_are_not_written(tmp_path, message):
    np.save(tmp_path / "a.npy", np.zeros((1, 2, 2), np.uint16))
    source = open_images(tmp_path / "a.npy", pixel_range=PixelRange(0, 4095))
    with source, pytest.raises(DataError) as caught, write_like(source, tmp_path / "b.npy") as writer:
        writer.write(0, np.full((2, 2, 1), 4096, np.uint16))
    assert "refined image '0'" in message(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]


def test_the_first_of_many_out_of_range_is_named(tmp_path, message):
    np.save(tmp_path / "a.npy", np.zeros((3, 2, 2), np.uint16))
    source = open_images(tmp_path / "a.npy", pixel_range=PixelRange(0, 4095))
    values = np.array([4095, 4096, 4097], np.uint16).reshape(3, 1, 1, 1).repeat(2, 1).repeat(2, 2)
    with source, pytest.raises(DataError) as caught, write_like(source, tmp_path / "b.npy") as writer:
        writer.write_many(range(3), values)
    assert "refined image '1'" in message(caught.value)


@pytest.mark.parametrize("output", ["", ".", "/", "..", "a\0b"])
def test_an_output_without_a_name_is_refused_in_one_line(output, tmp_path, only_line):
    np.save(tmp_path / "images.npy", np.zeros((3, 4, 4), np.uint8))
    with open_images(tmp_path / "images.npy") as source, pytest.raises(DataError) as caught:
        write_like(source, output)
    assert "expected" in only_line(str(caught.value))


def begin_fails(source, output, message):
    """Starts writing, which must fail and leave nothing; gives the message."""
    before = sorted(output.parent.iterdir())
    with pytest.raises(DataError) as caught:
        write_like(source, output)
    assert sorted(output.parent.iterdir()) == before
    text = message(caught.value)
    assert str(output) not in text
    return text


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file here that opens but cannot be read")
def test_a_label_file_that_cannot_be_read_is_blamed_on_the_input_before_the_work(write_folder, tmp_path, message):
    folder = write_folder(tmp_path / "in", np.zeros((2, 3, 4, 1), np.uint8))
    (folder / "sub/labels.json").symlink_to("/proc/self/mem")
    with open_images(folder) as source:
        text = begin_fails(source, tmp_path / "out", message)
    assert text.startswith(f"{folder / 'sub/labels.json'}: expected content that can be read")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_damaged_label_of_an_archive_is_blamed_on_the_input_before_the_work(save, tmp_path, message):
    path = tmp_path / "a.npz"
    save(path, gaze=np.random.default_rng(0).random((2, 9999)), image=np.zeros((2, 3, 4), np.uint8))
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("gaze.npy")
    content = bytearray(path.read_bytes())
    end = info.header_offset + 30 + len("gaze.npy") + info.compress_size
    content[end - 4 : end] = bytes(255 - value for value in content[end - 4 : end])  # opening reads only the header
    path.write_bytes(content)
    with open_images(path) as source:
        text = begin_fails(source, tmp_path / "out.npz", message)
    assert text.startswith(f"{path}: 'gaze.npy'")


def test_a_damaged_label_of_an_image_left_out_of_hdf5_is_blamed_on_the_input(labelled, tmp_path, message):
    with h5py.File(labelled) as file:
        place = h5py.h5o.get_info(file["gaze/e3"].id).addr
    content = bytearray(labelled.read_bytes())
    content[place] = 99  # no version of an object header
    labelled.write_bytes(content)
    with open_images(labelled) as source, write_like(source, tmp_path / "out.h5") as writer:
        with pytest.raises(DataError) as caught:
            writer.leave_out(3)
        writer.discard()
    assert message(caught.value).startswith(f"labels of image 'e3' of {labelled}")
    assert not (tmp_path / "out.h5").exists()
