from __future__ import annotations

import sys
from dataclasses import replace

import keras
import numpy as np
import pytest

from simgan.errors import ConfigError
from simgan.evaluation.contenders import ALL, WITH_REFINED
from simgan.evaluation.downstream import Labelled, downstream
from simgan.matching import METHODS
from simgan.tasks.choice import choose_task
from simgan.tasks.photometric import DESCRIPTION
from simgan.tasks.task import Classification, Vector

RANDOM = np.random.default_rng(0)
NAMES = [name for name in ALL if name != "framing"]  # the sets of labels of any kind


def shades(count: int, offset: float) -> Labelled:
    """Flat images whose shade is their label, moved by `offset` in this domain."""
    values = RANDOM.uniform(-0.5, 0.5, count).astype(np.float32)
    images = np.broadcast_to((values + offset)[:, None, None, None], (count, 8, 8, 1))
    return Labelled(np.ascontiguousarray(images), values)


@pytest.fixture
def trained(monkeypatch):
    """All trainings and the estimators that they gave."""
    seen = []
    module = sys.modules[downstream.__module__]
    original = module.train_estimators

    def train(trainings, *arguments):
        found = original(trainings, *arguments)
        seen.extend(zip(trainings, found, strict=True))
        return found

    monkeypatch.setattr(module, "train_estimators", train)
    return seen


class FastVector(Vector):
    """Learns in fewer steps."""

    learning_rate = 4e-3


def test_refined_images_that_are_like_the_real_ones_win():
    """Matching makes each flat image as bright as any photograph, so its label is lost."""
    synthetic, test, photographs = shades(128, 0.0), shades(60, 0.4), shades(40, 0.4).images
    progress: list[tuple[int, int]] = []
    found = downstream(
        synthetic,
        synthetic.images + np.float32(0.4),
        photographs,
        test,
        FastVector(),
        label="shade",
        steps=20,
        seeds=(0, 1),
        on_progress=lambda done, total: progress.append((done, total)),
    )
    error = {(trained.on, trained.augmented): trained.error.estimate for trained in found.trained}
    assert error["synthetic", False] == pytest.approx(0.4, abs=0.1)
    assert error["refined whole", False] < 0.15
    plain = {one.on: one for one in found.comparisons if not one.augmented}
    assert plain["refined whole"].difference.high < 0
    assert plain["refined whole"].relative.high < -0.3
    assert (found.seeds, found.test_images, found.training_images, found.steps) == (2, 60, 128, 20)
    assert found.augmentation == DESCRIPTION
    assert found.labels.startswith("Labels, mean +- standard deviation: synthetic ")
    # 12 sets with the first seed; synthetic, four with refined and two matched sets with the second; each twice.
    total = 2 * (12 + 7) * 20
    assert progress == [(done, total) for done in range(1, total + 1)]
    assert [(one.on, one.augmented) for one in found.trained] == [
        (name, aug) for name in NAMES for aug in (False, True)
    ]
    seeds = {one.on: len(one.each_seed) for one in found.trained}
    matched = {name: seeds.pop(name) for name in METHODS}
    assert seeds == dict.fromkeys(("synthetic", *WITH_REFINED), 2)
    with_first_seed = {name: min(one.each_seed[0] for one in found.trained if one.on == name) for name in METHODS}
    best = sorted(METHODS, key=lambda name: with_first_seed[name])[:2]
    assert matched == {name: 1 + (name in best) for name in METHODS}
    assert [(one.on, one.augmented) for one in found.comparisons] == [
        (name, aug) for name in WITH_REFINED for aug in (False, True)
    ]


def test_the_same_images_make_no_difference(trained):
    synthetic, test = shades(16, 0.0), shades(20, 0.0)
    found = downstream(
        synthetic, synthetic.images, synthetic.images, test, Vector(), label="shade", steps=3, seeds=(4,)
    )
    error = {(one.on, one.augmented): one.error for one in found.trained}
    for augmented in (False, True):
        assert error["refined", augmented] == error["synthetic", augmented]
        assert error["refined whole", augmented] == error["synthetic", augmented]
    assert len(trained) == 24
    assert {training.seed for training, _ in trained} == {4}
    augmented = [training.augment is not None for training, _ in trained]
    assert augmented == [False, True] * 12


def test_photographs_are_drawn_by_the_first_seed(trained):
    """Colour transfer makes flat images as bright as their photographs: which were drawn can be seen."""
    synthetic, photographs = shades(30, 0.0), shades(50, 0.0).images
    drawn = {}
    for seed in (0, 1):
        trained.clear()
        downstream(
            synthetic,
            synthetic.images,
            photographs,
            shades(5, 0.0),
            Vector(),
            label="shade",
            steps=1,
            seeds=(seed,),
            plain=False,
        )
        drawn[seed] = trained[ALL.index("colour")][0].images
    assert np.abs(drawn[0] - drawn[1]).max() > 0.1


def judged_by_others(of_bound, images: np.ndarray) -> np.ndarray:
    """The output for each image of the one network out of three that did not train on it."""
    assert len(of_bound) == 3
    unseen = np.array([~np.isin(np.arange(len(images)), training.rows) for training, _ in of_bound])
    assert (unseen.sum(axis=0) == 1).all()
    outputs = np.array([estimator(images) for _, estimator in of_bound])
    return outputs[unseen.argmax(axis=0), np.arange(len(images))]


@pytest.mark.parametrize(("count", "has_bound"), [(299, False), (300, True)])
def test_bound_of_enough_labelled_images(count, has_bound, trained):
    """The labels are noise, which can only be known by heart: each image is judged by a network that never saw it."""
    test = Labelled(
        RANDOM.uniform(-1, 1, (count, 8, 8, 1)).astype(np.float32), RANDOM.normal(size=count).astype(np.float32)
    )
    synthetic = shades(8, 0.0)
    found = downstream(
        synthetic, synthetic.images, synthetic.images, test, Vector(), label="noise", steps=2, seeds=(0,), plain=False
    )
    bound = [one for one in found.trained if one.kind == "bound"]
    assert len(bound) == has_bound
    if not has_bound:
        assert len(trained) == 12
        return
    (score,) = bound
    assert (score.on, score.augmented, len(score.each_seed)) == ("real labels, 3-fold", True, 1)
    of_bound = trained[12:]
    judged = judged_by_others(of_bound, test.images)
    assert score.error.estimate == pytest.approx(np.abs(judged[:, 0] - test.labels).mean(), rel=1e-4)
    assert all(training.augment is not None for training, _ in of_bound)
    assert {one.on for one in found.comparisons} == set(WITH_REFINED)


def test_without_plain_trainings_all_are_augmented(trained):
    synthetic, progress = shades(16, 0.0), []
    found = downstream(
        synthetic,
        synthetic.images,
        synthetic.images,
        shades(20, 0.0),
        Vector(),
        label="shade",
        steps=2,
        seeds=(0, 1),
        plain=False,
        on_progress=lambda *done: progress.append(done),
    )
    assert all(training.augment is not None for training, _ in trained)
    assert len(trained) == 12 + 7
    assert progress[-1] == (38, 38)
    assert [one.on for one in found.trained] == NAMES
    assert all(one.augmented for one in (*found.trained, *found.comparisons))


def bars(length: int, count: int = 24) -> Labelled:
    """A lying or a standing bar, its class, of this length on 24x24."""
    images, classes = np.full((count, 24, 24, 1), -1, np.float32), np.arange(count) % 2
    for image, standing in zip(images, classes, strict=True):
        image[11:13, 12 - length : 12 + length] = 1
        if standing:
            image[:] = image.transpose(1, 0, 2)
    return Labelled(images + RANDOM.normal(0, 0.01, images.shape).astype(np.float32), classes)


@pytest.mark.parametrize(
    ("length", "count", "differs", "way"),
    [
        (4, 24, True, "same scale and shift"),
        (4, 60, True, "image by image"),
        (8, 24, False, "only 24"),
        (8, 60, False, "same"),
    ],
)
def test_where_photographs_are_framed_otherwise_matching_the_framing_is_a_free_set(length, count, differs, way):
    synthetic, test = bars(length, count), bars(8, count)
    found = downstream(
        synthetic,
        synthetic.images,
        test.images,
        test,
        Classification((0, 1)),
        label="direction",
        steps=1,
        seeds=(0,),
        plain=False,
    )
    assert ("framing" in {one.on for one in found.trained}) == differs
    assert way in found.framing


def test_a_users_file_is_read_once(tmp_path):
    """The file may change while others train."""

    images = keras.Input((8, 8, 1))
    path = tmp_path / "own.keras"
    keras.Model(images, keras.layers.Dense(1)(keras.layers.Flatten()(images))).save(path)
    synthetic = shades(8, 0.0)

    def remove_after_the_first_step(done, total):
        path.unlink(missing_ok=True)

    found = downstream(
        synthetic,
        synthetic.images,
        synthetic.images,
        shades(5, 0.0),
        Vector(),
        label="shade",
        estimator=str(path),
        steps=1,
        seeds=(0,),
        plain=False,
        on_progress=remove_after_the_first_step,
    )
    assert found.estimator == str(path)


def halves(count: int, seed: int, colour: float) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a part of `colour` to the left and the opposite colour to the right, and masks of both classes."""
    random = np.random.default_rng(seed)
    masks = (np.arange(8) < random.integers(2, 7, (count, 1, 1))).repeat(8, axis=1).astype(np.uint8)
    images = random.normal(0, 0.05, (count, 8, 8)) + np.where(masks, colour, -colour)
    return images.astype(np.float32)[..., None], masks


def test_masks_are_learnt_and_refined_images_with_the_right_colours_win():
    """In synthetic images, colours mean the opposite classes, which no matching of colours can know."""
    (images, masks), (test_images, test_masks) = halves(32, 0, 0.7), halves(24, 1, -0.7)
    found = downstream(
        Labelled(images, masks),
        -images,
        test_images,
        Labelled(test_images, test_masks),
        replace(choose_task("half", masks, (8, 8)), learning_rate=1e-2),
        label="half",
        steps=8,
        seeds=(0,),
        plain=False,
    )
    assert (found.task, found.unit) == ("segmentation", "1 - mIoU")
    error = {one.on: one.error for one in found.trained}
    assert error["refined whole"].estimate < 0.4 < 0.6 < error["synthetic"].estimate
    compared = {one.on: one for one in found.comparisons}
    assert compared["refined whole"].difference.high < 0


def test_only_the_network_of_the_task_learns_masks(only_line):
    images, masks = halves(8, 0, 0.7)
    labelled = Labelled(images, masks)
    with pytest.raises(ConfigError) as caught:
        downstream(
            labelled,
            images,
            images,
            labelled,
            choose_task("mask", masks, (8, 8)),
            label="mask",
            estimator="paper",
            steps=1,
            seeds=(0,),
        )
    assert "expected small, the only one for segmentation, received paper" in only_line(str(caught.value))


def test_bound_of_masks_joins_what_the_folds_contribute(trained, monkeypatch):
    """Each image is judged by the network that did not see it, and 1 - mIoU is computed from all images together."""
    monkeypatch.setattr(sys.modules[downstream.__module__], "_TESTED_AT_ONCE", 70)
    images, masks = halves(300, 0, 0.7)
    few = Labelled(images[:8], masks[:8])
    task = choose_task("mask", masks, (8, 8))
    test = Labelled(images, masks)
    found = downstream(few, few.images, few.images, test, task, label="mask", steps=2, seeds=(0,), plain=False)
    (score,) = [one for one in found.trained if one.kind == "bound"]
    classes = judged_by_others(trained[-3:], images).argmax(axis=1)
    shares = [
        ((classes == one) & (masks == one)).sum() / ((classes == one) | (masks == one)).sum() for one in range(2)
    ]
    assert score.error.estimate == pytest.approx(1 - np.mean(shares), abs=1e-3)
