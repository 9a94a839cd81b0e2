from __future__ import annotations

import numpy as np

from simgan.matching import swap_low_frequencies

RANDOM = np.random.default_rng(0)


def wave(amplitude: float, cycles: int, phase: float = 0.0) -> np.ndarray:
    x = np.arange(40) / 40
    return np.tile(amplitude * np.cos(2 * np.pi * cycles * x + phase), (20, 1))[..., None].astype(np.float32)


def test_amplitude_of_a_low_frequency_is_the_photograph_s_and_its_phase_the_image_s():
    image, photograph = wave(0.2, 2, phase=0.7), wave(0.5, 2, phase=2.0)
    # 0.1 of 20 rows: frequencies up to 2 cycles
    np.testing.assert_allclose(swap_low_frequencies(image, photograph, 0.1), wave(0.5, 2, phase=0.7), atol=1e-5)


def test_higher_frequencies_stay():
    image, photograph = wave(0.2, 3), wave(0.5, 3)
    np.testing.assert_allclose(swap_low_frequencies(image, photograph, 0.1), image, atol=1e-5)
    np.testing.assert_allclose(swap_low_frequencies(image, photograph, 0.15), wave(0.5, 3), atol=1e-5)


def test_mean_is_swapped_even_at_width_0():
    image, photograph = wave(0.2, 3) + 0.1, wave(0.5, 3) + 0.4
    np.testing.assert_allclose(swap_low_frequencies(image, photograph, 0.0), wave(0.2, 3) + 0.4, atol=1e-5)


def test_image_with_itself_stays_at_odd_sizes_in_colour():
    image = RANDOM.uniform(-0.9, 0.9, (15, 22, 3)).astype(np.float32)
    np.testing.assert_allclose(swap_low_frequencies(image, image, 0.09), image, atol=1e-5)


def test_a_bright_image_becomes_as_dark_as_the_photograph():
    """A mean below the middle of the range has a sign that an amplitude in [-1, 1] would lose."""
    image, photograph = wave(0.2, 3) + 0.3, wave(0.2, 3) - 0.4
    np.testing.assert_allclose(swap_low_frequencies(image, photograph, 0.0), wave(0.2, 3) - 0.4, atol=1e-5)
