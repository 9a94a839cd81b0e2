"""Refining arrays and data sets by a part of what R changes."""

from __future__ import annotations

import signal
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from simgan import refine
from simgan.errors import ConfigError
from simgan.images import PixelRange, groups, open_images
from simgan.refining import data_set as refining
from simgan.refining.data_set import refine_data_set


def model_of(layer: keras.Layer) -> keras.Model:
    images = keras.Input((None, None, 1))
    return keras.Model(images, layer(images))


@pytest.fixture(scope="module")
def brighter() -> keras.Model:
    """R(x) = x + 0.5."""
    return model_of(keras.layers.Rescaling(1.0, offset=0.5))


@pytest.fixture
def floats(tmp_path) -> np.ndarray:
    """in.npy: 90 images of 4x5 within -0.5 and 0.5, so that x + 0.5 is within [-1, 1]."""
    images = np.random.default_rng(0).uniform(-0.5, 0.5, (90, 4, 5)).astype(np.float32)
    images[0, 0, 0] = -0.5  # so that the range is [-1, 1] for certain
    np.save(tmp_path / "in.npy", images)
    return images


def refined_set(model, path: Path, output: str = "out", **options: object) -> Path:
    output_path = path.with_name(output + path.suffix)
    with open_images(path, **({"pixel_range": PixelRange(-1, 1)} if path.suffix == ".npy" else {})) as source:
        refine_data_set(model, source, output_path, **options)
    return output_path


def strengths_of(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The strength of each image that `brighter` refined: 2 (x~ - x), which is the same in all of its pixels."""
    each = 2 * (after.astype(np.float64) - before).reshape(len(before), -1)
    np.testing.assert_allclose(each, each[:, :1].repeat(each.shape[1], axis=1), atol=1e-6)
    return each[:, 0]


def test_each_image_of_a_set_gets_a_strength_of_its_own(floats, brighter, tmp_path):
    strengths = strengths_of(floats, np.load(refined_set(brighter, tmp_path / "in.npy")))
    assert strengths.min() > 0.5 - 1e-6
    assert strengths.max() < 1 + 1e-6
    assert strengths.mean() == pytest.approx(0.75, abs=0.06)  # four standard errors of the mean of 90
    assert len(set(strengths.round(6))) == 90
    narrow = np.load(refined_set(brighter, tmp_path / "in.npy", "narrow", strength=(0.2, 0.4)))
    np.testing.assert_allclose(strengths_of(floats, narrow), 0.2 + 0.4 * (strengths - 0.5), atol=1e-6)
    other = np.load(refined_set(brighter, tmp_path / "in.npy", "other", seed=1))
    assert np.abs(strengths_of(floats, other) - strengths).mean() > 0.1


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0, (0.25, 0.25)])
def test_one_strength_is_that_of_all_images(strength, floats, brighter, tmp_path):
    refined = np.load(refined_set(brighter, tmp_path / "in.npy", strength=strength))
    share = strength if isinstance(strength, float) else strength[0]
    np.testing.assert_allclose(refined, floats + 0.5 * share, atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_strength_0_gives_back_every_value(dtype, brighter):
    values = np.arange(np.iinfo(dtype).max + 1).astype(dtype).reshape(1, 16, -1)
    np.testing.assert_array_equal(refine(brighter, values, strength=0.0), values)


def test_strength_1_writes_what_r_makes_bit_for_bit(finished_run, tmp_path, pixels):
    images = pixels(9, 1, (8, 8, 1))
    np.savez(tmp_path / "in.npz", image=images)
    predict = refining.predictor(finished_run, np.dtype(np.uint8), images.shape, one_size=True)
    whole = PixelRange(0, 255).from_model(predict(PixelRange(0, 255).to_model(images)), np.uint8)
    assert (whole != images).any()
    np.testing.assert_array_equal(np.load(refined_set(finished_run, tmp_path / "in.npz", strength=1))["image"], whole)
    np.testing.assert_array_equal(refine(finished_run, images), whole)


def test_arrays_and_open_sets_can_be_refined_as_files_are(floats, brighter, tmp_path):
    written = np.load(refined_set(brighter, tmp_path / "in.npy", strength=(0.1, 0.9), seed=4))
    options = {"strength": (0.1, 0.9), "seed": 4}
    np.testing.assert_array_equal(refine(brighter, floats, **options), written)
    with open_images(tmp_path / "in.npy", pixel_range=PixelRange(-1, 1)) as source:
        np.testing.assert_array_equal(refine(brighter, source, **options)[..., 0], written)


@pytest.mark.usefixtures("floats")
def test_groups_of_another_size_give_the_same_bytes(brighter, tmp_path, monkeypatch):
    usual = refined_set(brighter, tmp_path / "in.npy").read_bytes()
    monkeypatch.setattr(groups, "AT_ONCE", 7)
    monkeypatch.setattr(groups, "_BLOCK_BYTES", 20 * 4 * 11)
    assert refined_set(brighter, tmp_path / "in.npy", "in small groups").read_bytes() == usual


def test_images_that_wait_for_others_of_their_size_keep_their_strength(brighter, tmp_path, write_pngs):
    """Sizes alternate, so groups hold every second image."""
    images = [np.full((4 + index % 2, 5), 100, np.uint8) for index in range(6)]
    refined = refined_set(brighter, write_pngs(tmp_path / "mixed", images))
    (tmp_path / "alike").mkdir()
    alike = refined_set(brighter, write_pngs(tmp_path / "alike/in", [np.full((4, 5), 100, np.uint8)] * 6))
    with open_images(refined) as one, open_images(alike) as other:
        shades = [int(other[index][0, 0, 0]) for index in range(6)]
        assert [int(one[index][0, 0, 0]) for index in range(6)] == shades
    assert len(set(shades)) > 3


@pytest.mark.parametrize("bad", [[0], [2, 4]])
def test_images_keep_their_strength_if_others_are_left_out(bad, brighter, tmp_path, write_pngs, pixels):
    folder = write_pngs(tmp_path / "in", pixels(6, 1, (8, 8)) // 2)
    whole = refined_set(brighter, folder, "whole")
    for index in bad:
        (folder / f"{index:03d}.png").write_bytes(b"broken")
    with open_images(folder, on_bad_image="skip") as source:
        refine_data_set(brighter, source, tmp_path / "skipped")
        in_memory = refine(brighter, source, strength=(0.5, 1.0))
    with open_images(tmp_path / "skipped") as skipped, open_images(whole) as all_images:
        good = [index for index in range(6) if index not in bad]
        for place, index in enumerate(good):
            np.testing.assert_array_equal(skipped[place], all_images[index])
            np.testing.assert_array_equal(in_memory[place], all_images[index])


KILLED = """
import os, signal, sys
import keras
import simgan
from simgan.images import open_images
from simgan.refining.data_set import refine_data_set

def kill(done, total):
    if done >= 128:
        os.kill(os.getpid(), signal.SIGKILL)

with open_images(sys.argv[2]) as source:
    refine_data_set(sys.argv[1], source, sys.argv[3], kill, strength=(0.25, 1.0), seed=3)
"""


@pytest.fixture
def many(tmp_path, pixels) -> Path:
    """many.h5: 200 grey 8x8 images in one data set."""
    with h5py.File(tmp_path / "many.h5", "w") as file:
        file["image"] = pixels(200, 1, (8, 8))
    return tmp_path / "many.h5"


@pytest.mark.parametrize("options", [{"seed": 3}, {"strength": (0.25, 1.0)}, {"strength": 1}])
def test_a_killed_job_goes_on_only_with_its_own_strength_and_seed(options, many, finished_run, tmp_path, fork):
    own = {"strength": (0.25, 1.0), "seed": 3}
    expected = {}
    for name, asked in (("own", own), ("other", options)):
        expected[name] = refined_set(finished_run, many, f"{name} at once", **asked).read_bytes()
    assert expected["own"] != expected["other"]
    for name, asked in (("own", own), ("other", options)):
        output = tmp_path / f"{name}.h5"
        assert fork(KILLED, finished_run.path, many, output).wait() == -signal.SIGKILL
        assert (tmp_path / f".{output.name}.spool").stat().st_size > 64 * 64
        assert refined_set(finished_run, many, name, **asked).read_bytes() == expected[name]


def test_a_job_does_not_go_on_if_images_left_out_have_gone(brighter, tmp_path, write_pngs, pixels):
    """The places of the others change, and so do their strengths."""
    folder = write_pngs(tmp_path / "in", pixels(80, 1, (8, 8)) // 2)
    for name in ("000.png", "079.png"):
        (folder / name).write_bytes(b"broken")

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with open_images(folder, on_bad_image="skip") as source, pytest.raises(KeyboardInterrupt):
        refine_data_set(brighter, source, tmp_path / "out", stop)
    assert (tmp_path / ".out.spool").exists()
    (folder / "000.png").unlink()
    with open_images(folder, on_bad_image="skip") as source:
        refine_data_set(brighter, source, tmp_path / "out")
        refine_data_set(brighter, source, tmp_path / "at once")
    written, expected = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("out", "at once")
    )
    assert len(written) == 78
    assert written == expected


def test_drift_is_measured_on_what_is_written(tmp_path, monkeypatch):
    """R moves content by 3 px. At strength 0 nothing moves."""
    monkeypatch.setattr(refining, "predictor", lambda *args, **options: lambda images: np.roll(images, 3, axis=2))
    shapes = np.zeros((4, 24, 40), np.uint8)
    shapes[:, 8:16, 12:24] = 200
    with h5py.File(tmp_path / "in.h5", "w") as file:
        for index, image in enumerate(shapes):
            file[f"image/{index}"] = image
    any_model = model_of(keras.layers.Identity())
    with open_images(tmp_path / "in.h5") as source:
        assert refine_data_set(any_model, source, tmp_path / "still.h5", max_drift=1.0, strength=0) == []
        aside = refine_data_set(any_model, source, tmp_path / "mixed.h5", max_drift=1.0, strength=(0.0, 1.0), seed=1)
    assert 0 < len(aside) < 4


@pytest.mark.parametrize("options", [{"strength": 1.5}, {"strength": (0.6, 0.5)}, {"seed": -1}])
def test_a_wrong_strength_or_seed_is_one_line_and_leaves_nothing(options, floats, brighter, tmp_path, only_line):
    for job in (
        lambda: refine(brighter, floats, **options),
        lambda: refined_set(brighter, tmp_path / "in.npy", **options),
    ):
        with pytest.raises(ConfigError) as caught:
            job()
        assert "expected" in only_line(str(caught.value))
    assert [path.name for path in tmp_path.iterdir()] == ["in.npy"]
