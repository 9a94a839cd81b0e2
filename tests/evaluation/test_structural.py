import numpy as np
import pytest
from scipy.ndimage import correlate

from simgan.evaluation import structural_similarity

RANDOM = np.random.default_rng(0)


def test_brightness_and_contrast_do_not_count():
    x = RANDOM.uniform(-1, 1, (2, 20, 20, 1)).astype(np.float32)
    assert structural_similarity(x, 0.5 * x + 0.3) == pytest.approx([1, 1], abs=0.02)


def test_unrelated_images_are_near_nothing_and_negatives_below():
    x, y = RANDOM.uniform(-1, 1, (2, 1, 40, 40, 1)).astype(np.float32)
    assert abs(structural_similarity(x, y)[0]) < 0.15
    assert structural_similarity(x, -x)[0] < -0.9


def test_images_of_a_batch_do_not_mix():
    x = RANDOM.uniform(-1, 1, (3, 20, 24, 3)).astype(np.float32)
    y = np.stack([x[0], -x[1], RANDOM.uniform(-1, 1, x[2].shape)]).astype(np.float32)
    alone = [structural_similarity(x[[index]], y[[index]])[0] for index in range(3)]
    assert structural_similarity(x, y) == pytest.approx(alone, abs=1e-9)


def test_is_the_windowed_correlation_worked_out_pixel_by_pixel():
    x, y = RANDOM.uniform(-1, 1, (2, 30, 30))
    reach = np.arange(-6, 7)  # four deviations, as SciPy cuts the Gaussian
    row = np.exp(-(reach**2) / (2 * 1.5**2))
    window = np.outer(row, row) / row.sum() ** 2

    def local(values):
        return correlate(values, window, mode="reflect")

    covariance = local(x * y) - local(x) * local(y)
    deviations = np.sqrt((local(x * x) - local(x) ** 2) * (local(y * y) - local(y) ** 2))
    c3 = (0.03 * 2) ** 2 / 2
    expected = ((covariance + c3) / (deviations + c3)).mean()
    assert structural_similarity(x[None, ..., None], y[None, ..., None])[0] == pytest.approx(expected, abs=1e-9)
