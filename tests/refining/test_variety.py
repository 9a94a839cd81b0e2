"""Looks: each image of a data set is matched to a photograph of its own and refined by a snapshot of its own."""

from __future__ import annotations

import numpy as np
import pytest

import simgan
from simgan.images import PixelRange, open_images
from simgan.matching import in_model_range, match_image
from simgan.refining.data_set import refine, refine_data_set
from simgan.refining.variety import Variety
from tests.conftest import make_tiny_config, write_data

WIDTH = 8


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> simgan.Run:
    """A tiny training with three snapshots that matches images; its R changes visibly from step to step."""
    folder = tmp_path_factory.mktemp("varied")
    config = make_tiny_config(
        steps=5,
        snapshot_every=1,
        match="mixed",
        refiner={"filters": 4, "blocks": 1, "output": "residual"},
        refiner_optimiser={"name": "adam", "learning_rate": 0.02},
    )
    return simgan.train(config, *write_data(folder), folder / "run")


@pytest.fixture
def floats(tmp_path) -> np.ndarray:
    """in.npy: 90 images within [-1, 1], which are refined in float32."""
    images = np.random.default_rng(5).uniform(-1, 1, (90, WIDTH, WIDTH)).astype(np.float32)
    np.save(tmp_path / "in.npy", images)
    return images


def refined_by(run: simgan.Run, weights, image: np.ndarray) -> np.ndarray:
    """An image (H, W) refined by R with these weights, in Keras."""
    model = run.refiner
    own = model.get_weights()
    model.set_weights(weights)
    try:
        return model.predict_on_batch(image[None, ..., None])[0, ..., 0]
    finally:
        model.set_weights(own)


def written(run, tmp_path, name: str, **options) -> np.ndarray:
    with open_images(tmp_path / "in.npy", pixel_range=PixelRange(-1, 1)) as source:
        refine_data_set(run, source, tmp_path / name, **options)
    return np.load(tmp_path / name)


def test_each_image_is_matched_and_then_refined_by_one_of_the_snapshots(run, floats, tmp_path):
    refined = written(run, tmp_path, "out.npy", strength=1.0, seed=4)
    photographs, used = in_model_range(run.photographs), []
    for place in range(90):
        seen = match_image(floats[place][..., None], photographs, seed=4, place=place)[..., 0]
        errors = [np.abs(refined_by(run, weights, seen) - refined[place]).max() for weights in run.snapshots]
        assert min(errors) < 1e-5
        assert sorted(errors)[1] > 1e-4, "two snapshots give the same image"
        used.append(int(np.argmin(errors)))
    assert np.bincount(used, minlength=3).min() > 15  # 30 are expected


def test_strength_mixes_with_the_matched_image(run, floats, tmp_path):
    photographs = in_model_range(run.photographs)
    refined = written(run, tmp_path, "out.npy", strength=0.0)
    seen = [match_image(one[..., None], photographs, seed=0, place=place)[..., 0] for place, one in enumerate(floats)]
    np.testing.assert_allclose(refined, np.stack(seen), atol=1e-6)


def test_without_variety_r_at_the_end_refines_the_images_as_they_are(run, floats, tmp_path):
    refined = written(run, tmp_path, "out.npy", strength=1.0, variety=False)
    expected = run.refiner.predict_on_batch(floats[..., None])[..., 0]
    np.testing.assert_allclose(refined, expected, atol=1e-5)
    np.testing.assert_allclose(refine(run, floats), expected, atol=1e-5)  # the default in memory


def test_arrays_in_memory_and_data_sets_get_the_same_looks(run, floats, tmp_path):
    refined = written(run, tmp_path, "out.npy", seed=2)
    in_memory = refine(run, floats, strength=(0.5, 1.0), variety=True, seed=2)
    np.testing.assert_allclose(in_memory, refined, atol=1e-6)
    with open_images(tmp_path / "in.npy", pixel_range=PixelRange(-1, 1)) as source:
        of_source = refine(run, source, strength=(0.5, 1.0), variety=True, seed=2)[..., 0]
    np.testing.assert_allclose(of_source, refined, atol=1e-6)
    assert np.abs(refine(run, floats, variety=True, seed=3) - refine(run, floats, variety=True, seed=2)).max() > 0.1


def test_the_fast_form_of_8_bits_refines_by_the_snapshots_too(run):
    images = np.random.default_rng(1).integers(0, 256, (20, WIDTH, WIDTH, 1)).astype(np.uint8)
    refined = refine(run, images, variety=True)
    model_range = images / np.float32(127.5) - 1
    exact = refine(run, model_range.astype(np.float32), pixel_range=PixelRange(-1, 1), variety=True)
    assert np.abs(refined - (exact + 1) * 127.5).max() < 3  # bfloat16 where the processor has it


def test_a_digest_tells_seeds_and_snapshots_apart(run):
    looks = Variety.of(run, 0, wanted=True)
    assert looks.digest() == Variety.of(run, 0, wanted=True).digest()
    others = {
        Variety.of(run, 1, wanted=True).digest(),
        Variety.of(run, 0, wanted=False).digest(),
        Variety(run.photographs, run.snapshots[:-1]).digest(),
        Variety(run.photographs[:-1], run.snapshots).digest(),
        looks.digest(),
    }
    assert len(others) == 5
