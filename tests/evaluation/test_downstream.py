import numpy as np
import pytest

from simgan.evaluation.downstream import Labelled, downstream, summarise
from simgan.evaluation.tasks import Vector

RANDOM = np.random.default_rng(0)


def shades(count: int, offset: float) -> Labelled:
    """Flat images whose shade is their label, moved by `offset` in this domain."""
    values = RANDOM.uniform(-0.5, 0.5, count).astype(np.float32)
    images = np.broadcast_to((values + offset)[:, None, None, None], (count, 8, 8, 1))
    return Labelled(np.ascontiguousarray(images), values)


def test_refined_images_that_match_the_real_ones_win():
    synthetic, test = shades(256, 0.0), shades(60, 0.4)
    progress: list[tuple[int, int]] = []
    found = downstream(
        synthetic,
        synthetic.images + np.float32(0.4),
        test,
        Vector(),
        label="shade",
        steps=120,
        seeds=(0, 1),
        on_progress=lambda done, total: progress.append((done, total)),
    )
    by_set = {trained.on: trained.error.estimate for trained in found.trained}
    assert by_set["synthetic"] == pytest.approx(0.4, abs=0.1)
    assert by_set["refined"] < 0.1
    assert found.refined_minus_synthetic.high < 0
    assert found.relative.high < -0.5
    assert (found.seeds, found.test_images, found.training_images, found.steps) == (2, 60, 256, 120)
    assert progress[-1] == (720, 720)
    assert [done for done, _ in progress] == list(range(1, 721))


def test_the_same_images_make_no_difference():
    synthetic, test = shades(32, 0.0), shades(20, 0.0)
    found = downstream(synthetic, synthetic.images, test, Vector(), label="shade", steps=5, seeds=(0,))
    assert found.refined_minus_synthetic.estimate == 0
    assert found.relative.low == found.relative.high == 0


def test_summary_by_hand():
    """Two seeds, two images; refined halves every error, so every resample says -50 %."""
    errors = np.array([[2.0, 4.0], [6.0, 8.0]])

    class Degrees(Vector):
        pass

    task = Degrees(unit="degrees", thresholds=(3.0,))
    found = summarise(
        {"synthetic": errors, "refined": errors / 2, "union": errors},
        task,
        label="gaze",
        estimator="small",
        steps=1,
        training_images=9,
    )
    synthetic, refined, _ = found.trained
    assert (synthetic.error.estimate, synthetic.each_seed) == (5.0, (3.0, 7.0))
    assert synthetic.within == {"3 degrees": 0.25}
    assert refined.within == {"3 degrees": 0.5}  # 1, 2, 3, 4: below 3
    assert found.refined_minus_synthetic.estimate == -2.5
    assert (found.relative.low, found.relative.estimate, found.relative.high) == (-0.5, -0.5, -0.5)
    assert found.union_minus_synthetic.estimate == 0
