from __future__ import annotations

import csv
import os
import resource
import signal
import threading
from dataclasses import replace
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from simgan import refine
from simgan.errors import DataError, OutputError, RunError
from simgan.images import PixelRange, groups, open_images
from simgan.images.hdf5_stacked import StackedHdf5
from simgan.images.hdf5_writer import Hdf5Writer
from simgan.models import refiner_model
from simgan.refining import data_set as refining
from simgan.refining.data_set import refine_data_set


def model_of(*layers: keras.Layer, channels: int = 1) -> keras.Model:
    images = keras.Input((None, None, channels))
    return keras.Model(images, keras.Sequential(layers)(images))


@pytest.fixture(scope="module")
def identity() -> keras.Model:
    return model_of(keras.layers.Identity())


@pytest.fixture(scope="module")
def negative() -> keras.Model:
    """x~ = -x: an 8-bit value v becomes 255 - v."""
    return model_of(keras.layers.Rescaling(-1.0))


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_identity_gives_back_every_value(dtype, identity):
    values = np.arange(np.iinfo(dtype).max + 1).astype(dtype).reshape(1, 16, -1)
    refined = refine(identity, values)
    assert refined.dtype == values.dtype
    np.testing.assert_array_equal(refined, values)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_are_within_minus_1_and_1(dtype, identity, negative):
    values = np.linspace(-1, 1, 60).astype(dtype).reshape(2, 5, 6)
    np.testing.assert_allclose(refine(identity, values), values, atol=1e-7)
    refined = refine(negative, values)
    assert refined.dtype == dtype
    np.testing.assert_allclose(refined, -values, atol=1e-7)


@pytest.mark.parametrize("shape", [(3, 4, 5), (3, 4, 5, 1), (70, 4, 5), (0, 4, 5)])
def test_refined_images_have_the_shape_of_the_images(shape, negative, pixels):
    images = pixels(shape[0], 1, shape[1:])
    before = images.copy()
    refined = refine(negative, images)
    np.testing.assert_array_equal(refined, 255 - images)
    np.testing.assert_array_equal(images, before)
    assert refined.shape == shape


def test_colour_images_keep_their_channels(pixels):
    images = pixels(2, 1, (4, 5, 3))
    np.testing.assert_array_equal(refine(model_of(keras.layers.Rescaling(-1.0), channels=3), images), 255 - images)


def test_values_beyond_the_range_are_clipped_to_black_and_white():
    images = np.array([[[0, 100, 127, 128, 155, 255]]], np.uint8)
    refined = refine(model_of(keras.layers.Rescaling(100.0)), images)
    np.testing.assert_array_equal(refined, [[[0, 0, 78, 178, 255, 255]]])  # 127.5 -+ 0.5 * 100


def test_given_range_is_what_the_model_sees(negative):
    twelve_bits = np.array([[[0, 1, 4095]]], np.uint16)
    np.testing.assert_array_equal(refine(negative, twelve_bits, pixel_range=PixelRange(0, 4095)), [[[4095, 4094, 0]]])
    unit = np.array([[[0.0, 0.25, 1.0]]], np.float32)
    np.testing.assert_allclose(refine(negative, unit, pixel_range=PixelRange(0, 1)), [[[1.0, 0.75, 0.0]]], atol=1e-7)


def positive_floats(shape: tuple[int, ...] = (5, 8, 8)) -> np.ndarray:
    """Values in 0 to 0.7: by themselves they would be taken for [0, 1]."""
    return np.random.default_rng(7).uniform(0, 0.7, shape).astype(np.float32)


def test_arrays_of_the_type_of_the_training_are_in_its_range(signed_run, finished_run):
    images = positive_floats()
    signed = signed_run.refiner.predict_on_batch(images[..., np.newaxis])[..., 0]
    np.testing.assert_allclose(refine(signed_run, images), signed, atol=1e-5)
    np.testing.assert_allclose(refine(signed_run, images.astype(np.float64)), signed, atol=1e-5)
    # In [0, 1] they are 2 v - 1 for R: where that is given, and of a run that was trained so.
    as_unit = (signed_run.refiner.predict_on_batch(2 * images[..., np.newaxis] - 1)[..., 0] + 1) / 2
    np.testing.assert_allclose(refine(signed_run, images, pixel_range=PixelRange(0, 1)), as_unit, atol=1e-5)
    record = signed_run.data.synthetic.model_copy(update={"range": (0, 1)})
    of_unit = replace(signed_run, data=signed_run.data.model_copy(update={"synthetic": record}))
    np.testing.assert_allclose(refine(of_unit, images), as_unit, atol=1e-5)
    # Of a run on 8-bit images floats are in [-1, 1].
    by_bytes = finished_run.refiner.predict_on_batch(images[..., np.newaxis])[..., 0]
    np.testing.assert_allclose(refine(finished_run, images), by_bytes, atol=1e-5)


def test_an_array_beyond_the_range_of_the_training_is_refused(signed_run, only_line):
    with pytest.raises(DataError) as caught:
        refine(signed_run, 3 * positive_floats())
    assert "[-1, 1], the range of the training" in only_line(str(caught.value))


def test_a_set_whose_guessed_range_is_not_that_of_the_training_is_refused(signed_run, tmp_path, only_line):
    np.save(tmp_path / "some.npy", positive_floats())
    output = tmp_path / "out.npy"
    with open_images(tmp_path / "some.npy") as source:
        for job in (lambda: refine(signed_run, source), lambda: refine_data_set(signed_run, source, output)):
            with pytest.raises(DataError) as caught:
                job()
            message = only_line(str(caught.value))
            assert "[-1, 1]" in message
            assert "[0, 1]" in message
            assert "run.input_range" in message
    assert not output.exists()
    with open_images(tmp_path / "some.npy", pixel_range=signed_run.input_range) as source:
        signed = signed_run.refiner.predict_on_batch(positive_floats()[..., np.newaxis])
        np.testing.assert_allclose(refine(signed_run, source), signed, atol=1e-5)
    with open_images(tmp_path / "some.npy", pixel_range=PixelRange(0, 1)) as source:
        assert refine(signed_run, source).shape == (5, 8, 8, 1)


def in_pixels(refined: np.ndarray) -> np.ndarray:
    """[-1, 1] in [0, 255]."""
    return (refined.astype(np.float64) + 1) * 127.5


def test_run_refines_with_its_refiner(finished_run, pixels):
    images = pixels(3, 1, (9, 10))
    expected = in_pixels(finished_run.refiner.predict_on_batch(images[..., np.newaxis] / np.float32(127.5) - 1))
    by_run, by_path = refine(finished_run, images), refine(str(finished_run.path), images)
    np.testing.assert_array_equal(by_run, by_path)
    assert np.abs(expected[..., 0] - images).mean() > 3  # so that refining is no identity
    assert np.abs(by_run - expected[..., 0]).max() <= 2.5  # 8 bits may be computed in bfloat16
    assert np.abs(refine(finished_run.refiner, images) - expected[..., 0]).max() <= 0.51


def test_images_deeper_than_8_bits_are_refined_in_float32(finished_run, pixels):
    images = pixels(3, 1, (9, 10), "uint16")
    model_range = images[..., np.newaxis] / np.float32(32767.5) - 1
    expected = (finished_run.refiner.predict_on_batch(model_range).astype(np.float64) + 1) * 32767.5
    assert np.abs(refine(finished_run, images) - expected[..., 0]).max() <= 1


def test_refiner_of_one_size_refines_others(pixels):
    fixed = refiner_model(8, 8, filters=4, blocks=1)
    free = refiner_model(None, None, filters=4, blocks=1)
    free.set_weights(fixed.get_weights())
    images = pixels(2, 1, (5, 11))
    np.testing.assert_array_equal(refine(fixed, images), refine(free, images))


def test_open_data_set_is_refined_in_its_order_and_range(tmp_path, negative):
    images = np.linspace(0, 1, 40 * 4 * 5, dtype=np.float32).reshape(40, 4, 5)
    np.save(tmp_path / "unit.npy", images)
    with open_images(tmp_path / "unit.npy") as source:
        refined = refine(negative, source)
    assert refined.dtype == np.float32
    np.testing.assert_allclose(refined, 1 - images[..., np.newaxis], atol=1e-6)


def test_each_image_of_a_set_of_mixed_sizes_comes_once(tmp_path, negative, pixels, write_pngs):
    images = [pixels(1, index, (4 + index % 3, 5))[0] for index in range(70)]
    with open_images(write_pngs(tmp_path / "mixed", images)) as source:
        refine_data_set(negative, source, tmp_path / "refined", strength=1)
    with open_images(tmp_path / "refined") as refined:
        assert len(refined) == 70
        for index, image in enumerate(images):
            np.testing.assert_array_equal(refined[index][..., 0], 255 - image)


def test_no_more_than_a_few_hundred_images_wait_for_others_of_their_size(
    tmp_path, negative, pixels, write_pngs, monkeypatch
):
    """Every image has a size of its own, so none finds company."""
    images = [pixels(1, index, (2 + index % 20, 2 + index // 20))[0] for index in range(300)]
    read, waiting = 0, []

    def on_progress(done: int, total: int) -> None:
        waiting.append(read - done)

    monkeypatch.setattr(groups, "_BLOCK_BYTES", 10 * images[0].nbytes)
    with open_images(write_pngs(tmp_path / "mixed", images)) as source:
        stored_many = source.stored_many

        def counted(indices):
            nonlocal read
            read += len(indices)
            return stored_many(indices)

        source.stored_many = counted
        refine_data_set(negative, source, tmp_path / "refined", on_progress)
    assert len(waiting) == 300
    assert max(waiting) < 256 + 3 * 10 + 3  # blocks that are read ahead, groups that are being written


def test_set_of_mixed_sizes_in_one_array_is_one_line(tmp_path, negative, pixels, write_pngs, only_line):
    folder = write_pngs(tmp_path / "mixed", [*pixels(1, 1, (4, 5)), *pixels(1, 2, (5, 5))])
    with open_images(folder) as source, pytest.raises(DataError) as caught:
        refine(negative, source)
    assert "size" in only_line(str(caught.value))


@pytest.mark.parametrize("shape", [(4, 5), (1, 2, 4, 5, 1)])
def test_array_that_is_no_stack_is_one_line(shape, identity, only_line):
    with pytest.raises(DataError) as caught:
        refine(identity, np.zeros(shape, np.uint8))
    assert "(N, H, W" in only_line(str(caught.value))


@pytest.mark.parametrize("shape", [(3, 0, 32, 1), (3, 32, 0), (0, 0, 5)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_images_without_pixels_are_one_line(shape, dtype, identity, finished_run, only_line):
    for refiner in (identity, finished_run):
        with pytest.raises(DataError) as caught:
            refine(refiner, np.zeros(shape, dtype))
        assert f"received {shape[1]} x {shape[2]}" in only_line(str(caught.value))


def test_integers_without_a_range_are_one_line(identity, only_line):
    with pytest.raises(DataError) as caught:
        refine(identity, np.zeros((1, 4, 5), np.int32))
    assert "int32" in only_line(str(caught.value))


def test_other_channels_than_the_training_s_are_one_line(finished_run, only_line):
    with pytest.raises(DataError) as caught:
        refine(finished_run, np.zeros((1, 4, 5, 3), np.uint8))
    message = only_line(str(caught.value))
    assert "expected 1 channel" in message
    assert "received 3" in message


def test_path_that_is_no_run_is_a_run_error(tmp_path):
    with pytest.raises(RunError):
        refine(tmp_path, np.zeros((1, 4, 5), np.uint8))


# --- Whole data sets --------------------------------------------------------------------------------------------


def read_all(path) -> dict[str, np.ndarray]:
    """Every data set and attribute of an HDF5 file."""
    found = {}
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, item: found.update({name: item[()]} if isinstance(item, h5py.Dataset) else {}))
        found.update({f"@{name}": np.array(value) for name, value in file.attrs.items()})
    return found


def test_hdf5_keeps_every_label_byte_for_byte(labelled, tmp_path, negative):
    untouched = labelled.read_bytes()
    done = []
    with open_images(labelled) as source:
        refine_data_set(negative, source, tmp_path / "refined.h5", lambda *progress: done.append(progress), strength=1)
    before, after = read_all(labelled), read_all(tmp_path / "refined.h5")
    assert len(before) == 3 * 7 + 1
    assert list(after) == list(before)
    for name, value in before.items():
        if name.startswith("image/"):
            np.testing.assert_array_equal(after[name], 255 - value)
        else:
            assert after[name].dtype == value.dtype
            assert after[name].tobytes() == value.tobytes()
    assert done == [(7, 7)]
    assert labelled.read_bytes() == untouched


def test_folder_of_mixed_sizes_keeps_names_sizes_and_other_files(tmp_path, negative, pixels, write_pngs):
    images = [pixels(1, index, (4 + index % 2, 5))[0] for index in range(5)]
    folder = write_pngs(tmp_path / "in", images)
    (folder / "labels.csv").write_bytes(b"name,gaze\r\n000.png,0.1\r\n")
    with open_images(folder) as source:
        refine_data_set(negative, source, tmp_path / "out", strength=1)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(path.name for path in folder.iterdir())
    assert (tmp_path / "out/labels.csv").read_bytes() == b"name,gaze\r\n000.png,0.1\r\n"
    for index, image in enumerate(images):
        with Image.open(tmp_path / f"out/{index:03d}.png") as picture:
            np.testing.assert_array_equal(np.asarray(picture), 255 - image)


@pytest.fixture
def many(tmp_path, pixels):
    """many.h5: 300 grey 4x5 images in one data set."""
    with h5py.File(tmp_path / "many.h5", "w") as file:
        file["image"] = pixels(300, 1, (4, 5))
    return tmp_path / "many.h5"


@pytest.mark.parametrize("block_bytes", [1, 20 * 7, 2**20])
def test_all_images_are_refined_in_blocks_of_any_size(many, tmp_path, negative, monkeypatch, block_bytes):
    monkeypatch.setattr(groups, "_BLOCK_BYTES", block_bytes)
    done = []
    with open_images(many) as source:
        refine_data_set(negative, source, tmp_path / "refined.h5", lambda *progress: done.append(progress), strength=1)
    np.testing.assert_array_equal(read_all(tmp_path / "refined.h5")["image"], 255 - read_all(many)["image"])
    assert done == [(min(number, 300), 300) for number in range(64, 384, 64)]


@pytest.mark.parametrize("error", [ZeroDivisionError, RuntimeError])
def test_refining_that_fails_leaves_nothing(error, many, tmp_path, identity):
    def stop(done: int, total: int) -> None:
        if done == 128:
            raise error

    threads = threading.active_count()
    with open_images(many) as source, pytest.raises(error):
        refine_data_set(identity, source, tmp_path / "refined.h5", stop)
    assert [path.name for path in tmp_path.iterdir()] == ["many.h5"]
    assert threading.active_count() == threads


@pytest.mark.parametrize("method", ["stored_many", "_put_many"])
def test_an_error_while_reading_or_writing_ahead_leaves_nothing(
    method, many, tmp_path, identity, monkeypatch, only_line
):
    calls = []

    def broken(self, indices, *images):
        calls.append(indices)
        if 200 in indices:
            raise DataError("image '200' is bad")
        return whole(self, indices, *images)

    monkeypatch.setattr(groups, "_BLOCK_BYTES", 20 * 32)
    owner = StackedHdf5 if method == "stored_many" else Hdf5Writer
    whole = getattr(owner, method)
    monkeypatch.setattr(owner, method, broken)
    threads = threading.active_count()
    with open_images(many) as source, pytest.raises(DataError) as caught:
        refine_data_set(identity, source, tmp_path / "refined.h5")
    assert only_line(str(caught.value)) == "image '200' is bad"
    assert len(calls) > 3
    assert [path.name for path in tmp_path.iterdir()] == ["many.h5"]
    assert threading.active_count() == threads


def test_refiner_that_diverged_leaves_nothing(labelled, tmp_path, only_line):
    model = refiner_model(None, None, filters=2, blocks=1)
    model.set_weights([np.full_like(array, np.nan) for array in model.get_weights()])
    with open_images(labelled) as source, pytest.raises(DataError) as caught:
        refine_data_set(model, source, tmp_path / "refined.h5")
    assert "NaN" in only_line(str(caught.value))
    assert [path.name for path in tmp_path.iterdir()] == ["labelled.h5"]


def test_other_channels_leave_nothing(labelled, tmp_path, only_line):
    with open_images(labelled) as source, pytest.raises(DataError) as caught:
        refine_data_set(model_of(keras.layers.Identity(), channels=3), source, tmp_path / "refined.h5")
    assert "expected 3 channel" in only_line(str(caught.value))
    assert [path.name for path in tmp_path.iterdir()] == ["labelled.h5"]


def test_existing_output_is_refused_and_untouched(labelled, tmp_path, identity):
    (tmp_path / "refined.h5").write_text("mine")
    with open_images(labelled) as source, pytest.raises(DataError):
        refine_data_set(identity, source, tmp_path / "refined.h5")
    assert (tmp_path / "refined.h5").read_text() == "mine"


# --- Setting images aside ---------------------------------------------------------------------------------------


def textures(count: int) -> np.ndarray:
    """8-bit images of blobs, a different one each."""
    blobs = gaussian_filter(np.random.default_rng(0).normal(size=(count, 24, 40)), (0, 1.5, 1.5))
    return (127 + 100 * blobs / np.abs(blobs).max()).astype(np.uint8)[..., None]


@pytest.fixture
def mover(monkeypatch):
    """Refining that moves every second image by 2 px and leaves the others."""
    made = []

    def predict(images):
        moved = images.copy()
        odd = [len(made) + place for place in range(len(images))]
        for place, number in enumerate(odd):
            if number % 2:
                moved[place] = np.roll(images[place], 2, axis=1)
        made.extend(odd)
        return moved

    monkeypatch.setattr(refining, "predictor", lambda *args, **options: predict)


def save_set(form: str, path: Path, images: np.ndarray) -> Path:
    names = [f"eye{number}" for number in range(len(images))]
    gaze = np.arange(2.0 * len(images)).reshape(-1, 2)
    if form == "keyed":
        with h5py.File(path / "in.h5", "w") as file:
            for name, image, label in zip(names, images, gaze, strict=True):
                file[f"image/{name}"] = image[..., 0]
                file[f"gaze/{name}"] = label
        return path / "in.h5"
    if form == "stacked":
        with h5py.File(path / "in.h5", "w") as file:
            file["image"], file["gaze"] = images, gaze
        return path / "in.h5"
    if form == "npz":
        np.savez(path / "in.npz", image=images, gaze=gaze)
        return path / "in.npz"
    (path / "in").mkdir()
    for name, image in zip(names, images, strict=True):
        Image.fromarray(image[..., 0]).save(path / "in" / f"{name}.png")
    (path / "in" / "labels.csv").write_text("as it is\n")
    return path / "in"


@pytest.mark.usefixtures("mover")
@pytest.mark.parametrize("form", ["keyed", "stacked", "npz", "folder"])
def test_images_that_moved_too_far_are_set_aside_and_listed(form, tmp_path, identity):
    images = textures(6)
    path = save_set(form, tmp_path, images)
    output = tmp_path / f"out{path.suffix}"
    with open_images(path) as source:
        names = list(source.names)
        aside = refining.refine_data_set(identity, source, output, max_drift=1.0, strength=1)
    assert [image.name for image in aside] == names[1::2]
    assert [image.drift for image in aside] == pytest.approx([2, 2, 2], abs=0.4)
    listed = (tmp_path / f"{output.name}.quarantine.csv").read_text().splitlines()
    assert listed[0] == "name,drift_px,reason,kept"
    assert [line.split(",")[0] for line in listed[1:]] == names[1::2]
    with open_images(output) as refined:
        if form in ("keyed", "folder"):
            assert list(refined.names) == names[::2]
            np.testing.assert_array_equal(np.stack(refined.read(range(3))), images[::2])
        else:
            np.testing.assert_array_equal(np.stack(refined.read(range(6))), images)
        if form == "keyed":
            np.testing.assert_array_equal(refined.labels("gaze"), [[0, 1], [4, 5], [8, 9]])
    if form == "folder":
        assert (output / "labels.csv").read_text() == "as it is\n"


@pytest.mark.usefixtures("mover")
def test_nothing_beyond_leaves_an_empty_list(tmp_path, identity):
    path = save_set("keyed", tmp_path, textures(4))
    with open_images(path) as source:
        assert refining.refine_data_set(identity, source, tmp_path / "out.h5", max_drift=9.0) == []
    assert (tmp_path / "out.h5.quarantine.csv").read_text().splitlines() == ["name,drift_px,reason,kept"]
    with open_images(tmp_path / "out.h5") as refined:
        assert len(refined) == 4


def test_all_beyond_is_an_error_that_leaves_nothing(tmp_path, only_line, monkeypatch, identity):
    monkeypatch.setattr(refining, "predictor", lambda *args, **options: lambda images: np.roll(images, 2, axis=2))
    path = save_set("keyed", tmp_path, textures(4))
    with open_images(path) as source, pytest.raises(DataError) as caught:
        refining.refine_data_set(identity, source, tmp_path / "out.h5", max_drift=1.0, strength=1)
    assert "drift" in only_line(str(caught.value))
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("mover")
@pytest.mark.parametrize("max_drift", [1.0, None])
def test_an_old_list_is_not_written_over(max_drift, tmp_path, only_line, identity):
    path = save_set("keyed", tmp_path, textures(4))
    (tmp_path / "out.h5.quarantine.csv").write_text("old")
    with open_images(path) as source, pytest.raises(DataError) as caught:
        refining.refine_data_set(identity, source, tmp_path / "out.h5", max_drift=max_drift)
    assert "quarantine" in only_line(str(caught.value))
    assert all_files(tmp_path) == {"in.h5": path.read_bytes(), "out.h5.quarantine.csv": b"old"}


@pytest.mark.parametrize("max_drift", [1.0, None])
def test_a_list_that_came_after_an_interruption_is_not_removed(
    max_drift, stopped, many, tmp_path, only_line, negative
):
    """Only a job with a list may find its own, and the interrupted one had none."""
    stopped(negative)
    (tmp_path / "refined.h5.quarantine.csv").write_text("old")
    with open_images(many) as source, pytest.raises(DataError) as caught:
        refine_data_set(negative, source, tmp_path / "refined.h5", max_drift=max_drift)
    assert "quarantine" in only_line(str(caught.value))
    assert (tmp_path / "refined.h5.quarantine.csv").read_text() == "old"
    assert not list(tmp_path.glob(".*.partial"))


@pytest.mark.usefixtures("mover")
@pytest.mark.parametrize("max_drift", [0.0, -1.0, float("nan"), float("inf")])
def test_drift_that_is_no_distance_is_refused(max_drift, tmp_path, only_line, identity):
    path = save_set("keyed", tmp_path, textures(4))
    with open_images(path) as source, pytest.raises(DataError) as caught:
        refining.refine_data_set(identity, source, tmp_path / "out.h5", max_drift=max_drift)
    assert "max_drift" in only_line(str(caught.value))
    assert sorted(tmp_path.iterdir()) == [path]


# --- What was interrupted goes on -------------------------------------------------------------------------------


@pytest.fixture
def stopped(many, tmp_path):
    """Refines many.h5 until 128 images are written, then is interrupted; gives how to call it."""

    def refine(model, **options):
        def stop(done, total):
            if done == 128:
                raise KeyboardInterrupt

        with open_images(many) as source, pytest.raises(KeyboardInterrupt) as caught:
            refine_data_set(model, source, tmp_path / "refined.h5", stop, **options)
        return caught.value

    return refine


@pytest.fixture
def counted(monkeypatch):
    """The number of images in each call of R from now on."""
    calls, own = [], refining.predictor

    def counting(*args, **options):
        predict = own(*args, **options)
        return lambda images: calls.append(len(images)) or predict(images)

    monkeypatch.setattr(refining, "predictor", counting)
    return calls


def test_interrupted_refining_goes_on_where_it_was(stopped, counted, many, tmp_path, negative):
    assert any("continues" in note for note in stopped(negative).__notes__)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".refined.h5.spool", "many.h5"]
    counted.clear()
    with open_images(many) as source:
        refine_data_set(negative, source, tmp_path / "refined.h5")
        assert sum(counted) <= 300 - 128
        refine_data_set(negative, source, tmp_path / "at once.h5")
    assert (tmp_path / "refined.h5").read_bytes() == (tmp_path / "at once.h5").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["at once.h5", "many.h5", "refined.h5"]


GROUP = 16 + 64 * 4 * 5  # bytes in the spool: a checksum and the pixels


@pytest.mark.parametrize(
    ("damage", "whole_groups"),
    [
        (lambda content: content[:-7], 1),
        (lambda content: content[: 32 + GROUP] + bytes(len(content) - 32 - GROUP), 1),
        (lambda content: content[:32] + bytes(len(content) - 32), 0),
        (lambda content: content[:100] + bytes([content[100] ^ 1]) + content[101:], 0),
        (lambda content: bytes(len(content)), 0),
        (lambda content: b"", 0),
    ],
    ids=["torn", "second group of zeros", "all groups of zeros", "a bit flipped", "file of zeros", "empty"],
)
def test_damaged_groups_are_made_anew(damage, whole_groups, stopped, counted, many, tmp_path, negative):
    """As after a power cut: R makes what is damaged and all after it, and the output has the same bytes."""
    stopped(negative, strength=1)
    spool = tmp_path / ".refined.h5.spool"
    content = spool.read_bytes()[: 32 + 2 * GROUP]
    spool.write_bytes(damage(content))
    counted.clear()
    with open_images(many) as source:
        refine_data_set(negative, source, tmp_path / "refined.h5", strength=1)
        assert sum(counted) == 300 - 64 * whole_groups
        refine_data_set(negative, source, tmp_path / "at once.h5", strength=1)
    assert (tmp_path / "refined.h5").read_bytes() == (tmp_path / "at once.h5").read_bytes()
    np.testing.assert_array_equal(read_all(tmp_path / "refined.h5")["image"], 255 - read_all(many)["image"])


def test_what_another_model_or_other_images_left_is_not_used(stopped, many, tmp_path, negative, identity):
    stopped(identity, strength=1)
    with open_images(many) as source:
        refine_data_set(negative, source, tmp_path / "refined.h5", strength=1)
    np.testing.assert_array_equal(read_all(tmp_path / "refined.h5")["image"], 255 - read_all(many)["image"])
    (tmp_path / "refined.h5").unlink()
    stopped(identity, strength=1)
    with h5py.File(many, "r+") as file:
        file["image"][:] = 7
    with open_images(many) as source:
        refine_data_set(identity, source, tmp_path / "refined.h5", strength=1)
    assert (read_all(tmp_path / "refined.h5")["image"] == 7).all()


def test_a_spool_that_a_job_killed_at_its_very_end_left_is_removed(stopped, many, tmp_path, only_line, identity):
    """Killed after the output got its name: the spool was still there, and nothing would ever use it."""
    stopped(identity)
    (tmp_path / "refined.h5").write_text("mine")
    with open_images(many) as source, pytest.raises(DataError) as caught:
        refine_data_set(identity, source, tmp_path / "refined.h5")
    assert "exists" in only_line(str(caught.value))
    assert any("spool" in only_line(note) for note in caught.value.__notes__)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["many.h5", "refined.h5"]
    assert (tmp_path / "refined.h5").read_text() == "mine"


def test_the_spool_of_a_job_at_work_is_not_removed(many, tmp_path, identity):
    """The other job sees an output that somebody created meanwhile."""
    seen = []

    def start_another(done, total):
        (tmp_path / "refined.h5").write_text("mine")
        with open_images(many) as source, pytest.raises(DataError, match="exists") as caught:
            refine_data_set(identity, source, tmp_path / "refined.h5")
        seen.append(((tmp_path / ".refined.h5.spool").exists(), getattr(caught.value, "__notes__", [])))

    with open_images(many) as source, pytest.raises(OutputError, match="meanwhile"):
        refine_data_set(identity, source, tmp_path / "refined.h5", start_another)
    assert set(map(str, seen)) == {"(True, [])"}


def test_two_jobs_of_one_output_are_one_too_many(many, tmp_path, identity, only_line):
    def start_another(done, total):
        with open_images(many) as source:
            refine_data_set(identity, source, tmp_path / "refined.h5")

    with open_images(many) as source, pytest.raises(DataError) as caught:
        refine_data_set(identity, source, tmp_path / "refined.h5", start_another)
    assert "no other job" in only_line(str(caught.value))


KILLED = """
import os, signal, sys
import simgan
from simgan.images import open_images
from simgan.refining.data_set import refine_data_set

def kill(done, total):
    if done >= int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)

with open_images(sys.argv[2]) as source:
    refine_data_set(sys.argv[1], source, sys.argv[3], kill)
"""


@pytest.mark.parametrize("form", ["keyed", "npz", "folder"])
def test_killed_refining_goes_on_and_gives_the_same_bytes(form, finished_run, tmp_path, fork):
    """Killed twice: once it has written some, and later on."""
    images = np.random.default_rng(0).integers(0, 256, (200, 9, 10, 1), np.uint8)
    path = save_set(form, tmp_path, images)
    output = tmp_path / f"out{path.suffix}"
    for at in (64, 128):
        assert fork(KILLED, finished_run.path, path, output, at).wait() == -signal.SIGKILL
        assert not output.exists()
        assert (tmp_path / f".{output.name}.partial").exists() or form == "npz"
    with open_images(path) as source:
        refine_data_set(finished_run, source, output)
        refine_data_set(finished_run, source, tmp_path / f"at-once{path.suffix}")
    files = [[output], [tmp_path / f"at-once{path.suffix}"]]
    if form == "folder":
        files = [sorted(one.iterdir()) for (one,) in files]
    assert len(files[0]) == len(files[1])
    for one, other in zip(*files, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert not list(tmp_path.glob(".*"))


KILLED_LATE = """
import os, signal, sys
from pathlib import Path
import simgan
from simgan.images import open_images
from simgan.images.writer import ImageWriter
from simgan.refining.data_set import refine_data_set

run, path, output, moment = sys.argv[1:]
finish, rename, replace = ImageWriter.finish, Path.rename, os.replace

def die(*args):
    os.kill(os.getpid(), signal.SIGKILL)

def finish_and_die(writer):
    finish(writer)
    die()

if moment == "output not complete":
    ImageWriter.finish = die
elif moment == "output complete":
    ImageWriter.finish = finish_and_die
elif moment == "list without its name":
    os.replace = lambda old, new: die() if str(new).endswith(".csv") else replace(old, new)
else:
    Path.rename = lambda old, new: die() if new == Path(output) else rename(old, new)
with open_images(path) as source:
    refine_data_set(run, source, output, max_drift=0.01)
"""


def all_files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    ("moment", "form"),
    [
        ("output not complete", "npz"),
        ("output complete", "folder"),
        ("list without its name", "npz"),
        ("list with its name", "npz"),
        ("list with its name", "keyed"),
    ],
)
def test_killed_at_the_end_it_goes_on_and_gives_the_same_output_and_list(
    moment, form, finished_run, counted, tmp_path, fork
):
    """SIGKILL around the last steps: complete the output, write the list, name the list, name the output."""
    images = np.concatenate([textures(6), np.full((2, 24, 40, 1), 100, np.uint8)])
    (tmp_path / "work").mkdir()
    (tmp_path / "unharmed").mkdir()
    path = save_set(form, tmp_path, images)
    output = tmp_path / "work" / f"out{path.suffix}"
    assert fork(KILLED_LATE, finished_run.path, path, output, moment).wait() == -signal.SIGKILL
    assert not output.exists()
    listed = tmp_path / "work" / f"{output.name}.quarantine.csv"
    assert listed.exists() == (moment == "list with its name")
    with open_images(path) as source:
        counted.clear()
        aside = refine_data_set(finished_run, source, output, max_drift=0.01)
        assert counted == []
        refine_data_set(finished_run, source, tmp_path / "unharmed" / output.name, max_drift=0.01)
    assert 0 < len(aside) < 8
    assert all_files(tmp_path / "work") == all_files(tmp_path / "unharmed")


def test_a_job_without_a_list_refuses_the_list_that_a_killed_job_left(
    finished_run, counted, tmp_path, only_line, fork
):
    """The list would be taken for one of the new output. What R made stays, for the same command."""
    path = save_set("npz", tmp_path, np.concatenate([textures(3), np.full((1, 24, 40, 1), 100, np.uint8)]))
    killed = fork(KILLED_LATE, finished_run.path, path, tmp_path / "out.npz", "list with its name")
    assert killed.wait() == -signal.SIGKILL
    left = all_files(tmp_path)
    assert "out.npz.quarantine.csv" in left
    counted.clear()
    with open_images(path) as source:
        with pytest.raises(DataError) as caught:
            refine_data_set(finished_run, source, tmp_path / "out.npz")
        assert "out.npz.quarantine.csv" in only_line(str(caught.value))
        assert all_files(tmp_path) == left
        refine_data_set(finished_run, source, tmp_path / "out.npz", max_drift=0.01)
    assert counted == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.npz", "out.npz", "out.npz.quarantine.csv"]


@pytest.mark.usefixtures("mover")
@pytest.mark.parametrize("form", ["keyed", "npz", "folder"])
@pytest.mark.parametrize("step", ["finish", "list", "rename"])
def test_an_error_at_the_end_leaves_neither_output_nor_list(step, form, tmp_path, identity, monkeypatch):
    path = save_set(form, tmp_path, textures(4))
    output = tmp_path / f"out{path.suffix}"

    def full(*args):
        raise OSError(28, "No space left on device")

    rename, replace = Path.rename, os.replace
    if step == "finish":
        monkeypatch.setattr("simgan.images.writer.sync_all", full)
    elif step == "list":
        monkeypatch.setattr(os, "replace", lambda old, new: full() if str(new).endswith(".csv") else replace(old, new))
    else:
        monkeypatch.setattr(Path, "rename", lambda old, new: full() if new == output else rename(old, new))
    with open_images(path) as source, pytest.raises(OutputError, match="free some space") as caught:
        refine_data_set(identity, source, output, max_drift=1.0)
    assert any("continues" in note for note in caught.value.__notes__)
    assert sorted(one.name for one in tmp_path.iterdir()) == [f".{output.name}.spool", path.name]
    monkeypatch.undo()


# --- A full disk ------------------------------------------------------------------------------------------------


def save_large(form: str, folder: Path) -> tuple[Path, int]:
    """A set whose refined version needs a file above a limit, in bytes, that its spool stays below."""
    flat = np.full((60, 64, 64, 1), 100, np.uint8)
    if form == "npz":  # fails at the end, when all images are refined: the labels are large
        np.savez(folder / "in.npz", image=flat, gaze=np.zeros((60, 10_000), np.float32))
        return folder / "in.npz", 1_000_000
    if form == "keyed":  # fails amid the images: flat ones were small, refined ones cannot be compressed
        with h5py.File(folder / "in.h5", "w") as file:
            for index, image in enumerate(flat):
                file.create_dataset(f"image/{index:02d}", data=image[..., 0], compression="gzip")
        return folder / "in.h5", 250_000
    (folder / "in").mkdir()
    if form == "folder":  # PNG of noise is a little larger than the noise
        Image.fromarray(flat[0, ..., 0]).save(folder / "in/a.png")
        return folder / "in", 64 * 64 + 32 + 16 + 10
    for index, image in enumerate(flat):  # in the spool, none in the output
        Image.fromarray(image[..., 0]).save(folder / f"in/{index:02d}.png")
    return folder / "in", 6 * 64 * 64


@pytest.mark.parametrize("form", ["npz", "keyed", "folder", "spool"])
def test_a_full_disk_keeps_what_r_made(form, tmp_path, identity, only_line, monkeypatch):
    """A limit on the size of files stands for the full disk; R makes noise, which no format can compress."""
    noise, calls = np.random.default_rng(0).uniform(-1, 1, (64, 64, 1)).astype(np.float32), []

    def predict(images):
        calls.append(len(images))
        return np.broadcast_to(noise, images.shape)

    monkeypatch.setattr(refining, "predictor", lambda *args, **options: predict)
    monkeypatch.setattr(groups, "AT_ONCE", 4)
    path, limit = save_large(form, tmp_path)
    output = tmp_path / f"out{path.suffix}"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_images(path) as source:
        count = len(source)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
        try:
            with pytest.raises(OutputError) as caught:
                refine_data_set(identity, source, output, strength=1)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        message = only_line(str(caught.value))
        assert "free some space" in message
        assert ("output was removed" in message) == (form != "spool")
        assert caught.value.__notes__ == ["then the same command continues where it stopped"]
        assert sorted(one.name for one in tmp_path.iterdir()) == sorted([f".{output.name}.spool", path.name])
        made = sum(calls)
        calls.clear()
        refine_data_set(identity, source, output, strength=1)
    in_spool = 4 if form == "spool" else made  # of 24,576 bytes; a group has 16,400
    assert sum(calls) == count - in_spool
    assert made > 0
    with open_images(output) as refined:
        expected = np.rint((noise + 1) * 127.5).astype(np.uint8)
        for image in refined.read(range(count)):
            np.testing.assert_array_equal(image, expected)
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted([output.name, path.name])


# --- Another scale than the training's --------------------------------------------------------------------------


# --- Images that cannot be used ---------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["keyed", "folder"])
def test_images_that_cannot_be_used_are_left_out_and_listed(form, tmp_path, identity):
    images = textures(6)
    path = save_set(form, tmp_path, images)
    if form == "folder":
        (path / "eye2.png").write_bytes((path / "eye2.png").read_bytes()[:40])
    else:
        with h5py.File(path, "r+") as file:
            del file["image/eye2"]
            file["image/eye2"] = np.zeros((3, 3, 3, 3), np.uint8)
    output = tmp_path / f"out{path.suffix}"
    with pytest.raises(DataError, match="eye2"), open_images(path) as source:
        refine_data_set(identity, source, output)
    with open_images(path, on_bad_image="skip") as source:
        assert len(source) == 5
        (aside,) = refine_data_set(identity, source, output)
    assert aside.name.startswith("eye2")
    assert aside.drift is None
    listed = list(csv.reader((tmp_path / f"{output.name}.quarantine.csv").read_text("utf-8").splitlines()))
    assert listed[1][0].startswith("eye2")
    assert "eye2" in listed[1][2]
    with open_images(output) as refined:
        np.testing.assert_array_equal(np.stack(refined.read(range(5))), images[[0, 1, 3, 4, 5]])
        if form == "keyed":
            np.testing.assert_array_equal(refined.labels("gaze")[2], [6, 7])


def test_files_of_an_image_that_is_left_out_of_a_folder_are_copied_and_listed(tmp_path, identity):
    path = save_set("folder", tmp_path, textures(6))
    (path / "masks").mkdir()
    (path / "eye2.png").write_bytes(b"broken")
    for name in ("eye2.json", "masks/eye2.npy", "eye3.json", "eye22.json"):
        (path / name).write_text("{}")
    with open_images(path, on_bad_image="skip") as source:
        (aside,) = refine_data_set(identity, source, tmp_path / "out")
    assert aside.copied == ("eye2.json", "masks/eye2.npy")
    output = all_files(tmp_path / "out")
    assert sorted(all_files(path)) == sorted([*output, "eye2.png"])
    (_, row) = csv.reader((tmp_path / "out.quarantine.csv").read_text("utf-8").splitlines())
    assert row[3] == "left out; copied all the same: eye2.json, masks/eye2.npy"


def test_rows_of_an_array_cannot_be_left_out(tmp_path, identity, only_line):
    images = np.random.default_rng(0).random((5, 8, 8), np.float32)
    images[3, 1, 1] = np.nan
    np.save(tmp_path / "in.npy", images)
    with open_images(tmp_path / "in.npy", on_bad_image="skip") as source, pytest.raises(DataError) as caught:
        refine_data_set(identity, source, tmp_path / "out.npy")
    assert "rows of an array" in only_line(str(caught.value))
    assert [path.name for path in tmp_path.iterdir()] == ["in.npy"]
