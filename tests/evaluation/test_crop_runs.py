"""Evaluation of a run that was trained on crops, and the limit of memory of any sample."""

from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest
from PIL import Image

import simgan
from simgan.errors import DataError
from simgan.evaluation import refined_sample as sampling
from simgan.evaluation.evaluate import EvaluateConfig, evaluate
from simgan.evaluation.refined_sample import refined_sample, shrunk_sample
from simgan.images import open_images, resize

QUICK = EvaluateConfig(steps=2, two_sample_steps=2, seeds=1, plain=False)
COUNT = 12


def write_set(path, height=160, width=320, count=COUNT, seed=0):
    """Grey noise of one size, with boxes, a mask, a point and a class for each image."""
    random = np.random.default_rng(seed)
    masks = np.zeros((count, height, width), np.uint8)
    masks[:, height // 2 :, width // 2 :] = 1
    with h5py.File(path, "w") as file:
        file["image"] = random.integers(0, 256, (count, height, width), np.uint8)
        file["boxes"] = np.tile(np.float32([[[16, 32, 40, 80, 1]]]), (count, 1, 1))
        file["mask"] = masks
        file["iris"] = random.uniform(20, 140, (count, 2))
        file["digit"] = np.arange(count) % 2
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory, tiny_config):
    """A training on crops of 9x8 from images of several sizes. Its data sets are beside it."""
    folder, random = tmp_path_factory.mktemp("crops"), np.random.default_rng(0)
    for name, least in (("synthetic", 20), ("real", 30)):
        (folder / name).mkdir()
        for number in range(6):
            size = (least + 3 * number, least + 11)
            Image.fromarray(random.integers(0, 256, size, np.uint8)).save(folder / name / f"{number}.png")
    config = tiny_config(crop="9x8", steps=1)
    return simgan.train(config, folder / "synthetic", folder / "real", folder / "run")


@pytest.fixture
def seen(monkeypatch):
    """What estimators would learn from and be tested on, and the sets between which distances are measured."""
    found = {}

    def learn(synthetic, refined, photographs, test, *_, **__):
        found.update(synthetic=synthetic, refined=refined, photographs=photographs, test=test)
        raise InterruptedError

    def measure(*sets, **_):
        found["distances"] = sets
        return ()

    monkeypatch.setattr(simgan.evaluation.evaluate, "downstream", learn)
    monkeypatch.setattr(simgan.evaluation.evaluate, "distances", measure)
    return found


def middle(image):
    top, left = (image.shape[0] - 9) // 2, (image.shape[1] - 8) // 2
    return image[top : top + 9, left : left + 8] / 127.5 - 1


def test_distances_compare_middle_crops_of_all_sets(run, seen):
    evaluate(run, config=QUICK)
    unrefined, refined, photographs, extractors = seen["distances"]
    for crops, record in ((unrefined, run.data.synthetic), (photographs, run.data.real)):
        with open_images(record.path) as source:
            expected = np.stack([middle(source[index]) for index in range(6)])
        np.testing.assert_allclose(crops, expected, atol=1e-6)
    assert refined.shape == unrefined.shape
    assert set(extractors) == {"random features", "features of D"}


def test_images_of_one_size_are_not_stacked_whole(run, tmp_path):
    with open_images(write_set(tmp_path / "x.h5"), key="image") as source:
        sample = refined_sample(run, source, 4)
        expected = np.stack([middle(source[index]) for index in sample.indices])
    assert (sample.size, sample.resized, sample.cropped) == ((9, 8), True, True)
    np.testing.assert_allclose(sample.synthetic, expected, atol=1e-6)


def test_estimators_learn_from_whole_images_that_are_refined_and_then_shrunk(run, seen, tmp_path):
    """By hand: 160x320 and 80x160 become 64x128, so boxes are 0.4 and 0.8 times as large."""
    x, test = write_set(tmp_path / "x.h5"), write_set(tmp_path / "test.h5", 80, 160, count=9, seed=1)
    with open_images(x, key="image") as synthetic, open_images(test, key="image") as real_test:
        config = replace(QUICK, label="boxes")
        with pytest.raises(InterruptedError):
            evaluate(run, synthetic=synthetic, real=real_test, real_test=real_test, config=config)
        stored, tested = np.stack(list(synthetic)), np.stack(list(real_test))
    given, whole = seen["synthetic"], simgan.refine(run, stored)
    for images, source in ((given.images, stored), (seen["refined"], whole), (seen["test"].images, tested)):
        np.testing.assert_allclose(images, [resize(one / 127.5 - 1, (64, 128)) for one in source], atol=0.02)
    np.testing.assert_array_equal(seen["photographs"], seen["test"].images)
    assert np.abs(seen["refined"] - given.images).max() > 0.05
    assert [np.round(one, 3).tolist() for one in given.labels] == [[[6.4, 12.8, 16, 32, 1]]] * COUNT
    assert [np.round(one, 3).tolist() for one in seen["test"].labels] == [[[12.8, 25.6, 32, 64, 1]]] * 9


def test_whole_images_of_several_sizes_are_brought_to_the_median_height_and_width(run, write_pngs, tmp_path):
    """By hand: the medians are 100 and 300, so the longer side of 128 px goes with a height of 42.7 px."""
    random = np.random.default_rng(2)
    sizes = [(160, 320), (20, 30), (100, 300), (20, 30), (110, 300)]
    stored = [random.integers(0, 256, size, np.uint8) for size in sizes]
    with open_images(write_pngs(tmp_path / "pngs", stored)) as source:
        sample = shrunk_sample(run, source, 9)
        names = list(source.names)
    assert (sample.indices, sample.names) == ([0, 1, 2, 3, 4], names)
    assert (sample.size, sample.resized, sample.cropped) == ((43, 128), True, False)
    for place, image in enumerate(stored):
        whole = simgan.refine(run, image[None])[0]
        for found, expected in ((sample.synthetic, image), (sample.refined, whole)):
            shrunk = resize(expected.reshape(*image.shape, 1) / 127.5 - 1, (43, 128))
            np.testing.assert_allclose(found[place], shrunk, atol=0.02)


def test_masks_shrink_with_the_images(run, seen, tmp_path):
    x = write_set(tmp_path / "x.h5")
    with open_images(x, key="image") as source, pytest.raises(InterruptedError):
        evaluate(run, synthetic=source, real=source, real_test=source, config=replace(QUICK, label="mask"))
    expected = np.zeros((COUNT, 64, 128), np.uint8)
    expected[:, 32:, 64:] = 1
    for labelled in (seen["synthetic"], seen["test"]):
        np.testing.assert_array_equal(labelled.labels, expected)


def test_points_of_images_that_shrink_are_refused_and_their_drift_is_not_read(run, tmp_path, message):
    with open_images(write_set(tmp_path / "x.h5"), key="image") as source:
        config = replace(QUICK, label="iris", points="iris")
        with pytest.raises(DataError) as caught:
            evaluate(run, synthetic=source, real=source, real_test=source, config=config)
        found = evaluate(run, synthetic=source, real=source, config=config)
    assert "160x320" in message(caught.value)
    assert "64x128" in str(caught.value)
    assert [drift.measured_by for drift in found.drift] == ["optical flow"]
    assert any("crops" in warning and "iris" in warning for warning in found.warnings)


def test_everything_is_measured_for_a_class(run, tmp_path):
    with open_images(write_set(tmp_path / "x.h5", 40, 60), key="image") as source:
        found = evaluate(run, synthetic=source, real=source, real_test=source, config=replace(QUICK, label="digit"))
    assert found.downstream[0].task == "classification"
    assert not any("GiB" in warning for warning in found.warnings)


@pytest.mark.parametrize("cropped", [True, False])
def test_no_sample_takes_more_than_the_limit(cropped, run, run_on_eyes, seen, tmp_path, monkeypatch):
    """The limit is five images of 24x32 in float32."""
    monkeypatch.setattr(sampling, "MOST_BYTES", 5 * 24 * 32 * 4)
    of = run if cropped else run_on_eyes
    with open_images(write_set(tmp_path / "x.h5", 24, 32), key="image") as source, pytest.raises(InterruptedError):
        evaluate(of, synthetic=source, real=source, real_test=source, config=replace(QUICK, label="digit"))
    for name in ("refined", "photographs"):
        assert len(seen[name]) == 5
    for labelled in (seen["synthetic"], seen["test"]):
        assert labelled.images.shape == (5, 24, 32, 1)
        np.testing.assert_array_equal(labelled.labels, [0, 1, 0, 0, 1])  # of images 0, 3, 6, 8 and 11


def test_fewer_images_than_wanted_are_said(run_on_eyes, tmp_path, monkeypatch):
    monkeypatch.setattr(sampling, "MOST_BYTES", 5 * 24 * 32 * 4)
    with open_images(write_set(tmp_path / "x.h5", 24, 32), key="image") as source:
        found = evaluate(run_on_eyes, synthetic=source, real=source, config=QUICK)
    fewer = [warning for warning in found.warnings if "GiB" in warning]
    assert len(fewer) == 2
    assert all(f"5 of the 12 images in {source.path}" in warning and "24x32" in warning for warning in fewer)


def test_fewer_whole_images_than_wanted_are_said_for_each_set(run, tmp_path, monkeypatch):
    """Crops of 9x8 are below the limit; whole images of 24x32 are not."""
    monkeypatch.setattr(sampling, "MOST_BYTES", 5 * 24 * 32 * 4)
    paths = [write_set(tmp_path / f"{name}.h5", 24, 32) for name in ("x", "real", "test")]
    x, real, test = (open_images(path, key="image") for path in paths)
    with x, real, test:
        found = evaluate(run, synthetic=x, real=real, real_test=test, config=replace(QUICK, label="digit"))
    fewer = [warning for warning in found.warnings if "GiB" in warning]
    assert len(fewer) == 3
    for warning, path in zip(fewer, paths, strict=True):
        assert f"5 of the 12 images in {path}" in warning
        assert "24x32" in warning
