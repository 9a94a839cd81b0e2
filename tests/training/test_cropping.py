from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import simgan
from simgan.errors import ConfigError, DataError
from simgan.evaluation.refined_sample import refined_sample, shrunk_sample
from simgan.images import Crops, open_images
from simgan.refining.data_set import refine_data_set
from simgan.settings.config import TrainConfig
from simgan.training.batches import training_size
from simgan.training.cropping import training_sets

RANDOM = np.random.default_rng(0)


@pytest.fixture
def sets(tmp_path):
    """Folders of grey pictures of several sizes, whose shorter sides are about `side`."""

    def make(side: int):
        for name in ("synthetic", "real"):
            (tmp_path / name).mkdir()
            for number in range(6):
                size = (side + 7 * number, side + 20 + number)
                Image.fromarray(RANDOM.integers(0, 256, size, np.uint8)).save(tmp_path / name / f"{number}.png")
        return tmp_path / "synthetic", tmp_path / "real"

    return make


@pytest.mark.parametrize(
    ("side", "given", "expected"),
    [
        (140, {"crop": "auto"}, "64x64"),
        (60, {"crop": "auto"}, None),
        (140, {"crop": "auto", "size": "32x32"}, None),
        (140, {}, None),
        (60, {"crop": "20x24"}, "20x24"),
    ],
)
def test_large_images_are_cropped(side, given, expected, sets):
    synthetic, real = sets(side)
    with open_images(synthetic) as x, open_images(real) as y:
        chosen = training_sets(TrainConfig(**given), x, y)
        assert chosen.config.crop == expected
        assert isinstance(chosen.synthetic, Crops) == isinstance(chosen.real, Crops) == (expected is not None)
        assert ["--size HxW" in note for note in chosen.notes] == [True] * (
            expected is not None and given["crop"] == "auto"
        )


def test_both_sets_are_cropped_at_places_of_their_own(sets):
    synthetic, _ = sets(40)
    with open_images(synthetic) as x, open_images(synthetic) as y:
        _, first, second, _ = training_sets(TrainConfig(crop="16x16"), x, y)
        assert not np.array_equal(first[0], second[0])


def test_size_and_crop_exclude_each_other():
    with pytest.raises(ConfigError, match="crop: expected no size together with crops"):
        TrainConfig(size="32x32", crop="16x16")


def test_a_label_cannot_be_kept_of_crops(sets):
    synthetic, real = sets(40)
    with (
        open_images(synthetic) as x,
        open_images(real) as y,
        pytest.raises(ConfigError, match="keep_label: expected whole images"),
    ):
        training_sets(TrainConfig(crop="16x16", keep_label=("digit:1%",)), x, y)


def test_training_on_crops_goes_on_bit_for_bit_and_refines_whole_images(sets, tmp_path, tiny_config, monkeypatch):
    synthetic, real = sets(20)
    config = tiny_config(crop="9x8", steps=6, checkpoint_every="2", log_every=(1, 1, 1))
    said = io.StringIO()
    whole = simgan.train(config, synthetic, real, tmp_path / "whole", console=Console(file=said, width=300))
    assert (whole.data.height, whole.data.width) == (9, 8)

    class StopAfterError(Exception):
        pass

    own = simgan.training.checkpoint.Checkpoints.step

    def stop_at_5(self) -> None:
        own(self)
        if self._state.position.phase == "adversarial" and self._state.position.step == 5:
            raise StopAfterError

    monkeypatch.setattr(simgan.training.checkpoint.Checkpoints, "step", stop_at_5)
    with pytest.raises(StopAfterError):
        simgan.train(config, synthetic, real, tmp_path / "stopped")
    monkeypatch.undo()
    again = simgan.resume(tmp_path / "stopped")
    assert (again.path / "networks.safetensors").read_bytes() == (whole.path / "networks.safetensors").read_bytes()

    with open_images(synthetic) as source:
        refine_data_set(whole, source, tmp_path / "refined")
        sample, shrunk = refined_sample(whole, source, 4), shrunk_sample(whole, source, 4)
        shapes = [image.shape for image in source.read(range(6))]
    with open_images(tmp_path / "refined") as refined:
        assert [image.shape for image in refined.read(range(6))] == shapes
    assert sample.synthetic.shape == sample.refined.shape == (4, 9, 8, 1)  # middle crops: not shrunk
    assert sample.resized
    # Refined at their own size, of which the largest is 55x45, then brought to the size in the middle.
    heights, widths = np.median([shape[:2] for shape in shapes], axis=0)
    assert shrunk.resized
    assert shrunk.synthetic.shape[0] == 4
    assert abs(shrunk.size[0] - heights) < 8
    assert abs(shrunk.size[1] - widths) < 8
    assert shrunk.refined.shape == shrunk.synthetic.shape


def test_crops_too_small_for_d_are_enlarged_by_crop(sets, tmp_path, tiny_config, message):
    """Jitter of 2 px leaves D nothing of 4 rows."""
    synthetic, real = sets(40)
    with pytest.raises(ConfigError) as caught:
        simgan.train(tiny_config(crop="4x6", jitter=2), synthetic, real, tmp_path / "run")
    text = message(caught.value)
    assert text.startswith("crop: expected crops of at least ")
    assert "--crop " in text
    assert "--size" not in text


@pytest.mark.parametrize("large", ["synthetic", "real"])
def test_small_images_are_not_continued_unasked(large, sets, tmp_path, message):
    """One set is large, the other smaller than a crop: its crops would be mostly mirror images."""
    (tmp_path / "small").mkdir()
    for number in range(6):
        Image.fromarray(RANDOM.integers(0, 256, (30, 40), np.uint8)).save(tmp_path / "small" / f"{number}.png")
    other = sets(140)[0]
    paths = (other, tmp_path / "small") if large == "synthetic" else (tmp_path / "small", other)
    with open_images(paths[0]) as x, open_images(paths[1]) as y:
        chosen = training_sets(TrainConfig(crop="auto"), x, y)
        assert (chosen.config.crop, chosen.notes) == (None, ())
        with pytest.raises(DataError) as caught:
            training_size(chosen.synthetic, chosen.real, None, 4)
    assert "--size" in message(caught.value)
    assert "--crop HxW" in message(caught.value)


def test_sets_of_two_sizes_may_be_cropped(tmp_path, message):
    for name, side in (("x", 30), ("y", 40)):
        np.save(tmp_path / f"{name}.npy", RANDOM.integers(0, 256, (4, side, side), np.uint8))
    with (
        open_images(tmp_path / "x.npy") as x,
        open_images(tmp_path / "y.npy") as y,
        pytest.raises(DataError) as caught,
    ):
        training_size(x, y, None, 4)
    assert "--size 40x40" in message(caught.value)
    assert "--crop HxW" in message(caught.value)


def test_a_crop_larger_than_images_is_said(sets):
    """By hand: images are 60x80, 67x81, 74x82, 81x83, 88x84 and 95x85; the first four are smaller than 80x84."""
    synthetic, real = sets(60)
    with open_images(synthetic) as x, open_images(real) as y:
        notes = training_sets(TrainConfig(crop="80x84"), x, y).notes
        assert training_sets(TrainConfig(crop="60x80"), x, y).notes == ()
    assert [note.startswith("4 of 6 images in a sample of ") for note in notes] == [True, True]
    assert all("80x84" in note and "smaller --crop" in note for note in notes)
