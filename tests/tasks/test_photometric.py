import numpy as np
import pytest

from simgan.tasks.photometric import photometric


def changed(images: np.ndarray, seed: int = 0) -> np.ndarray:
    targets = np.arange(2.0 * len(images), dtype=np.float32).reshape(-1, 2)
    found, same = photometric(images, targets, np.random.default_rng(seed))
    assert same is targets
    return found


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_images_stay_in_range_and_are_not_written_over(channels):
    images = np.random.default_rng(1).uniform(-1, 1, (40, 9, 12, channels)).astype(np.float32)
    images[0], images[1] = -1, 1
    before = images.copy()
    found = changed(images)
    assert found.shape == images.shape
    assert found.dtype == np.float32
    assert found.min() >= -1
    assert found.max() <= 1
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(images, before)


def test_changes_follow_from_the_generator():
    images = np.random.default_rng(1).uniform(-1, 1, (3, 8, 8, 1)).astype(np.float32)
    np.testing.assert_array_equal(changed(images), changed(images))
    assert np.abs(changed(images) - changed(images, seed=1)).max() > 0.05


def test_each_image_has_changes_of_its_own():
    """One grey in ten images: their means all differ, and so do their noises."""
    found = changed(np.zeros((10, 16, 16, 1), np.float32))
    for statistic in (found.mean(axis=(1, 2, 3)), found.std(axis=(1, 2, 3))):
        assert (np.diff(np.sort(statistic)) > 1e-5).all()


POWERS = [(i, j) for i in range(4) for j in range(4 - i)]  # of x and y


def test_a_flat_grey_image_stays_flat_but_for_light_and_noise():
    """Light is exp(a x + b y) for x, y from -1 to 1, and tones are lines: s(x) = p exp(a x) + q along the middle row.

    So exp(a) = (s(1) - s(0)) / (s(0) - s(-1)), and likewise for b. What a surface of the third degree leaves is noise.
    """
    found = changed(np.full((600, 32, 40, 1), -0.2, np.float32))[..., 0]
    found = found[(np.abs(found) < 1).all(axis=(1, 2))]  # what was clipped is no such surface
    assert len(found) > 300
    y, x = (axis.ravel() for axis in np.mgrid[-1:1:32j, -1:1:40j])
    polynomials = np.stack([x**i * y**j for i, j in POWERS], axis=1)
    pixels = found.reshape(len(found), -1).T
    surfaces = np.linalg.lstsq(polynomials, pixels)[0]
    noise = pixels - polynomials @ surfaces
    deviations = noise.std(axis=0)
    assert 0.12 < deviations.max() < 1.05 * 0.16  # 8 % of the range of 2
    assert deviations.min() < 0.01
    neighbours = [np.corrcoef(one[:-1], one[1:])[0, 1] for one in noise.T[deviations > 0.02]]
    assert np.abs(np.mean(neighbours)) < 0.02
    for axis in ([(1, 0), (2, 0), (3, 0)], [(0, 1), (0, 2), (0, 3)]):
        odd, even, cubic = (surfaces[POWERS.index(power)] for power in axis)
        clear = (np.abs(odd + cubic) > 0.1) & (deviations < 0.04)
        light = np.abs(np.log((odd + even + cubic)[clear] / (odd - even + cubic)[clear]))
        assert clear.sum() > 40
        assert 0.25 < np.percentile(light, 95) < 0.33


def test_colours_change_in_colour_images_alone():
    """Grey 0.5 is 0.25 to 0.71 after gamma; light adds 3 % to the mean, brightness 0.15. Colours would add 25 %."""
    grey = changed(np.zeros((3000, 6, 6, 1), np.float32)).mean(axis=(1, 2, 3)) / 2 + 0.5
    assert grey.max() < 0.71 * 1.04 + 0.15
    assert grey.min() > 0.25 - 0.15
    colour = changed(np.zeros((200, 24, 24, 3), np.float32)).mean(axis=(1, 2)) / 2 + 0.5
    ratios = colour.max(axis=1) / colour.min(axis=1)
    assert np.median(ratios) > 1.1
    # At most 1.25 times up and down, then contrast that takes the channels 1.5 times apart.
    assert np.median(ratios) < 1.25**2


@pytest.mark.parametrize("across", [True, False])
def test_an_edge_stays_at_its_place(across):
    """From dark to bright after the twelfth column, or row."""
    images = np.full((100, 40, 40, 1), -0.6, np.float32)
    images[:, :, 12:] = 0.6
    found = changed(images if across else images.swapaxes(1, 2))
    profiles = found.mean(axis=1 if across else 2)[..., 0]
    assert (np.diff(profiles, axis=1).argmax(axis=1) == 11).all()


def test_blur_has_no_more_than_its_share_of_the_width():
    """2 % of 100 px: 4 deviations (8 px) from the edge, nothing but light and noise remains of it."""
    images = np.full((60, 30, 100, 1), -0.6, np.float32)
    images[:, :, 50:] = 0.6
    steps = np.abs(np.diff(changed(images).mean(axis=1)[..., 0], axis=1))
    near = steps[:, 41:58].max(axis=1)
    far = np.concatenate([steps[:, :40], steps[:, 59:]], axis=1).max(axis=1)
    assert (near[near > 0.2] > far[near > 0.2]).all()
    assert near.min() < 0.7 * near.max()
