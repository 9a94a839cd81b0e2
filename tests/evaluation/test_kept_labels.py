from __future__ import annotations

import numpy as np
import pytest

from simgan.evaluation.kept_labels import measure_kept_labels
from simgan.evaluation.refined_sample import Sample
from simgan.images import open_images

RANDOM = np.random.default_rng(0)
SIZE, COUNT = (16, 16), 200
CLASSES = np.arange(COUNT) % 2


def bars(classes: np.ndarray) -> np.ndarray:
    """Bright bars that lie (class 0) or stand (class 1), on a noisy ground; class 2 has none, but in every second
    image a corner that is a little brighter."""
    images = RANDOM.uniform(-0.8, -0.6, (len(classes), *SIZE, 1)).astype(np.float32)
    images[classes == 0, 6:10] = 0.7
    images[classes == 1, :, 6:10] = 0.7
    images[(classes == 2) & (np.arange(len(classes)) % 2 == 1), :2, :2] = 0.2
    return images


@pytest.fixture
def measure(tmp_path):
    """How much of the label `bar` is lost, where the bars of the classes `refined` stand in the refined images."""

    def run(refined: np.ndarray, *budgets: str):
        synthetic = bars(CLASSES)
        np.savez(tmp_path / "set.npz", image=((synthetic + 1) * 127.5).astype(np.uint8), bar=CLASSES)
        names = [str(number) for number in range(COUNT)]
        sample = Sample(list(range(COUNT)), names, synthetic, bars(refined), resized=False)
        with open_images(tmp_path / "set.npz", key="image") as source:
            return measure_kept_labels(source, sample, bars(CLASSES[::-1]), budgets, steps=60, seed=0)

    return run


def test_classes_that_stay_are_not_lost(measure):
    (kept,), warnings = measure(CLASSES, "bar:1%")
    assert (kept.label, kept.unit, kept.budget, kept.images, warnings) == ("bar", "%", 1.0, 40, [])
    assert kept.lost.estimate == 0
    assert kept.own_error == 0


def test_classes_that_refining_changes_are_counted_in_per_cent(measure):
    """Refining turned every fifth bar."""
    changed = np.where(np.arange(COUNT) % 5 == 0, 1 - CLASSES, CLASSES)
    (kept,), _ = measure(changed, "bar:1%")
    held_out = np.random.default_rng(0).permutation(COUNT)[:40]
    assert kept.lost.estimate == pytest.approx(100 * np.mean(held_out % 5 == 0), abs=3)
    assert 0 < kept.lost.low < kept.lost.estimate < kept.lost.high < 60


def test_a_class_that_is_only_left_in_a_trace_is_lost(measure):
    """Refining wipes the bars out, and leaves a brighter corner that tells the class."""
    (kept,), _ = measure(np.full(COUNT, 2), "bar:1%")
    assert kept.lost.estimate > 30


def test_without_kept_labels_nothing_is_measured(measure):
    assert measure(CLASSES) == ((), [])


def test_a_label_that_the_images_do_not_have_is_a_warning(measure):
    found, (warning,) = measure(CLASSES, "digit:1%")
    assert found == ()
    assert "It was not measured how much of the label 'digit' is lost" in warning
