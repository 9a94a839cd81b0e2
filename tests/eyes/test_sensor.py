"""The camera's blur and its coding, against SciPy."""

import numpy as np
import scipy.fft
import scipy.ndimage

from simgan.eyes.draws import Streams
from simgan.eyes.sensor import QUANTISATION, blur, code_blocks, draw_sensor, expose


def pictures(height: int, width: int) -> np.ndarray:
    smooth = scipy.ndimage.gaussian_filter(np.random.default_rng(3).random((2, 1, height, width)), (0, 0, 2, 2))
    unit: np.ndarray = ((smooth - smooth.min()) / np.ptp(smooth)).astype(np.float32)
    return unit


def test_blur_is_gaussian() -> None:
    images, deviation = pictures(20, 30), np.array([0.7, 1.3], np.float32)
    expected = [
        scipy.ndimage.gaussian_filter(i[0], d, mode="nearest", radius=4)
        for i, d in zip(images, deviation, strict=True)
    ]
    np.testing.assert_allclose(blur(images, deviation, 4)[:, 0], expected, atol=1e-5)


def test_coding_rounds_dct_coefficients_as_jpeg_does() -> None:
    images = pictures(16, 24)
    coded = code_blocks(images, np.array([1.0, 0.5], np.float32))[:, 0] * 255.0 - 128.0
    for image, scale, result in zip(images, (1.0, 0.5), coded, strict=True):
        for y, x in ((0, 0), (8, 16)):
            block = image[0, y : y + 8, x : x + 8] * 255.0 - 128.0
            steps = QUANTISATION * scale
            expected = scipy.fft.idctn(np.rint(scipy.fft.dctn(block, norm="ortho") / steps) * steps, norm="ortho")
            assert np.mean(np.abs(result[y : y + 8, x : x + 8] - expected) > 1e-2) < 0.02


def test_coding_takes_sides_that_are_no_multiples_of_8() -> None:
    images = pictures(35, 55)
    coded = code_blocks(images, np.full(2, 1e-3, np.float32))
    assert coded.shape == images.shape
    np.testing.assert_allclose(coded, images, atol=1e-3)


def test_exposure_brings_any_brightness_to_the_same_picture() -> None:
    images, noise = pictures(35, 55)[:1] + np.float32(0.2), np.zeros((1, 35, 55), np.float32)
    results = [
        expose(images * gain, draw_sensor(Streams(0, "camera", 0, 1).appearance), noise)
        for gain in np.array([0.3, 1.0], np.float32)
    ]
    np.testing.assert_allclose(results[0], results[1], atol=0.02)
    assert np.ptp(results[0]) > 0.1
