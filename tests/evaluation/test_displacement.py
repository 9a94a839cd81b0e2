"""Displacement without labels: known shifts in another light, another light alone, a part that moves alone."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.ndimage import shift as move

from simgan.evaluation.displacement import displacement, flow_field
from simgan.eyes import render_eyes
from simgan.images import PixelRange


def eyes(count: int = 24, **options) -> np.ndarray:
    return PixelRange.of(np.dtype("uint8")).to_model(render_eyes(count, seed=5, **options).images)


def relit(images: np.ndarray) -> np.ndarray:
    """Another light for each image: gamma, a gain and an offset that slope across it, a little blur and noise."""
    random = np.random.default_rng(1)
    changed = np.empty_like(images)
    slope = np.linspace(-1, 1, images.shape[2])[None, :, None]
    for row, image in zip(changed, np.clip(images, -1, 1), strict=True):
        tones = ((image + 1) / 2) ** np.exp(random.uniform(-0.9, 0.9))
        lit = (tones - 0.5) * random.uniform(0.4, 1.3) * (1 + random.uniform(-0.4, 0.4) * slope) + 0.5
        lit = gaussian_filter(lit + random.uniform(-0.2, 0.2), (*[random.uniform(0, 0.55)] * 2, 0))
        row[:] = lit * 2 - 1 + random.normal(0, random.uniform(0, 0.16), image.shape)
    return np.clip(changed, -1, 1)


def test_an_image_did_not_move_from_itself():
    assert displacement(eyes(4), eyes(4)).max() < 0.02


def test_another_light_is_no_movement():
    x = eyes()
    assert displacement(x, relit(x)).mean() < 0.3


@pytest.mark.parametrize("pixels", [0.5, 1.0, 2.0, 4.0])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_shift_in_another_light_is_read(pixels, axis):
    x = eyes()
    by = (pixels, 0, 0) if axis == 0 else (0, pixels, 0)
    moved = np.stack([move(image, by, order=3, mode="nearest") for image in x])
    assert displacement(x, relit(moved)).mean() == pytest.approx(pixels, abs=0.15)


def test_flow_points_where_content_went():
    x = eyes(1, height=70, width=110, channels=3)[0]
    flow = flow_field(x, np.roll(x, (2, -3), axis=(0, 1)))
    assert flow.shape == (70, 110, 2)
    inside = flow[10:-10, 10:-10]
    np.testing.assert_allclose(np.median(inside, axis=(0, 1)), [-3, 2], atol=0.1)


def test_a_large_image_is_read_at_its_own_size():
    noise = np.random.default_rng(0).normal(size=(1, 140, 150, 1))
    x = np.clip(move(noise, (0, 0, 0, 0)), -1, 1).astype(np.float32)
    x = np.repeat(np.repeat(x[:, ::7, ::7], 7, axis=1), 7, axis=2)[:, :140, :147]
    moved = np.roll(x, 3, axis=2)
    assert displacement(x, moved)[0] == pytest.approx(3, abs=0.3)


def test_only_the_iris_moved_reads_between_nothing_and_its_way():
    """A disc moves by 3 px on a still, textured ground: the ground's edges hold the mean down."""
    rows, columns = np.mgrid[:35, :55]

    def scene(centre: float) -> np.ndarray:
        disc = np.hypot(rows - 17, columns - centre) < 7
        ground = np.sin(rows * 0.9) * np.sin(columns * 0.7) * 0.3
        return np.where(disc, -0.9, ground).astype(np.float32)[None, ..., None]

    still, moved = displacement(scene(27), scene(27))[0], displacement(scene(27), scene(30))[0]
    assert still < 0.02
    assert 0.5 < moved < 3


def test_a_flat_image_moved_nowhere():
    flat = np.zeros((2, 20, 20, 1), np.float32)
    assert displacement(flat, flat).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("side", [3, 5, 12])
def test_images_of_a_few_pixels_are_read(side):
    x = np.random.default_rng(0).uniform(-1, 1, (2, side, side + 1, 1)).astype(np.float32)
    assert displacement(x, x).max() < 0.1


def test_movement_in_a_large_image_is_in_its_own_pixels():
    x = eyes(2, height=350, width=550)
    assert displacement(x, np.roll(x, 6, axis=2)).mean() == pytest.approx(6, abs=0.4)


def test_each_image_has_its_own_displacement():
    x = eyes(3)
    shifted = np.stack([np.roll(image, pixels, axis=1) for image, pixels in zip(x, (0, 3, 1), strict=True)])
    assert displacement(x, shifted) == pytest.approx([0, 3, 1], abs=0.2)


def test_a_half_that_moved_counts_by_its_share():
    """Texture moves by 2 px in the lower half of the image alone: 1 in the mean, neither 0 nor the largest flow."""
    noise = np.random.default_rng(0).normal(size=(1, 120, 120, 1))
    x = np.clip(gaussian_filter(noise, (0, 2, 2, 0)) * 4, -1, 1).astype(np.float32)
    moved = x.copy()
    moved[:, 60:] = np.roll(x, 2, axis=2)[:, 60:]
    assert displacement(x, moved)[0] == pytest.approx(1, abs=0.2)
    assert displacement(x, np.roll(x, 2, axis=2))[0] == pytest.approx(2, abs=0.2)


def test_images_without_a_partner_are_refused():
    with pytest.raises(ValueError, match="expected 2 images, received 1"):
        displacement(eyes(2), eyes(1))


def test_no_images_have_no_displacement():
    none = np.zeros((0, 8, 8, 1), np.float32)
    assert displacement(none, none).shape == (0,)
