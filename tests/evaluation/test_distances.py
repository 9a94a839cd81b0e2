import numpy as np

from simgan.evaluation import distances

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


def test_too_few_images_have_no_distances():
    assert distances(noise(3, 0.1), noise(3, 0.1), noise(50, 0.1), {"spread": spread}) == ()
