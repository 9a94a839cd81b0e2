import numpy as np

from simgan.evaluation import distances, train_estimators
from simgan.evaluation.kid import kid_interval
from simgan.evaluation.results import Distance
from simgan.evaluation.sliced_wasserstein import sliced_wasserstein, sliced_wasserstein_interval
from simgan.evaluation.two_sample import TwoSampleTest

RANDOM = np.random.default_rng(0)


def noise(count: int, scale: float) -> np.ndarray:
    return (RANDOM.normal(size=(count, 16, 18, 1)) * scale).astype(np.float32)


def spread(images: np.ndarray) -> np.ndarray:
    return np.stack([images.mean(axis=(1, 2, 3)), images.std(axis=(1, 2, 3))], axis=1)


def test_images_that_became_like_the_real_ones_are_nearer_by_every_measure():
    progress: list[tuple[int, int]] = []
    found = distances(
        noise(40, 0.1),
        noise(40, 0.4),
        noise(50, 0.4),
        {"spread": spread},
        steps=40,
        on_progress=lambda done, total: progress.append((done, total)),
    )
    assert [distance.measure for distance in found] == [
        "KID, spread",
        "sliced Wasserstein, spread",
        "told apart from real, images",
        "told apart from real, 11x11 patches",
    ]
    for distance in found:
        assert distance.refined.estimate < distance.synthetic.estimate
        assert distance.refined.low <= distance.refined.estimate <= distance.refined.high
    assert progress == [(done, 480) for done in range(1, 481)]  # 2 sets, images and patches, 3 folds, 40 steps


def middle(images: np.ndarray) -> np.ndarray:
    return images[:, 8, 7:11, 0]


def test_each_figure_is_that_of_its_own_sets_and_features():
    x, x_refined, y = noise(5, 0.1), noise(5, 0.2), noise(6, 0.4)
    progress: list[tuple[int, int]] = []
    found = distances(
        x,
        x_refined,
        y,
        {"spread": spread, "middle": middle},
        steps=1,
        seed=3,
        on_progress=lambda *done: progress.append(done),
    )
    expected = []
    for name, extract in {"spread": spread, "middle": middle}.items():
        a, b, c = extract(x), extract(x_refined), extract(y)
        kids = [kid_interval(features, c, seed=3) for features in (a, b)]
        expected.append(Distance(measure=f"KID, {name}", ideal=0, synthetic=kids[0], refined=kids[1]))
        shuffled = c[np.random.default_rng(3).permutation(6)]
        wasserstein = [sliced_wasserstein_interval(features, c, seed=3) for features in (a, b)]
        expected.append(
            Distance(
                measure=f"sliced Wasserstein, {name}",
                ideal=sliced_wasserstein(shuffled[:3], shuffled[3:], seed=3),  # two halves of the real images
                synthetic=wasserstein[0],
                refined=wasserstein[1],
            )
        )
    for name, patch in (("images", None), ("11x11 patches", 11)):
        tests = [TwoSampleTest(images, y, steps=1, patch=patch, seed=3) for images in (x, x_refined)]
        told = [test.accuracy(train_estimators(test.trainings)) for test in tests]
        expected.append(
            Distance(measure=f"told apart from real, {name}", ideal=0.5, synthetic=told[0], refined=told[1])
        )
    assert found == tuple(expected)
    assert progress == [(done, 12) for done in range(1, 13)]  # 2 sets, images and patches, 3 folds, 1 step


def test_too_few_images_have_no_distances():
    assert distances(noise(3, 0.1), noise(3, 0.1), noise(50, 0.1), {"spread": spread}) == ()
    assert distances(noise(50, 0.1), noise(50, 0.1), noise(3, 0.1), {"spread": spread}) == ()
    assert len(distances(noise(4, 0.1), noise(4, 0.1), noise(4, 0.1), {"spread": spread}, steps=1)) == 4
