"""Framing: silent on sets framed alike, however they look; warns of scale, place and layout."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import zoom

from simgan.eyes import render_eyes
from simgan.framing.comparison import _correlations_of_shifts, compare_framing, edge_map, find_framing
from simgan.framing.picture import framing_picture
from simgan.images import PixelRange


def eyes(seed: int, domain: str = "synthetic", count: int = 160) -> np.ndarray:
    return PixelRange.of(np.dtype("uint8")).to_model(render_eyes(count, seed=seed, domain=domain).images)


@pytest.fixture(scope="module")
def synthetic() -> np.ndarray:
    return eyes(0)


@pytest.fixture(scope="module")
def camera() -> np.ndarray:
    return eyes(1, "camera")


def warnings(x: np.ndarray, y: np.ndarray) -> set[str]:
    return {finding.name for finding in compare_framing(x, y) if finding.severity == "warning"}


def enlarged(images: np.ndarray, factor: float) -> np.ndarray:
    """The middle of each image, enlarged to its size."""
    _, height, width, _ = images.shape
    large = zoom(images, (1, factor, factor, 1), order=1)
    top, left = (large.shape[1] - height) // 2, (large.shape[2] - width) // 2
    return large[:, top : top + height, left : left + width]


def test_two_draws_of_one_set_are_alike(synthetic):
    assert {finding.severity for finding in compare_framing(synthetic, eyes(7))} == {"ok"}


def test_another_look_with_the_same_framing_is_no_warning(synthetic, camera):
    assert warnings(synthetic, camera) == set()


@pytest.mark.parametrize("factor", [1.12, 1.3])
def test_scale_is_found(synthetic, factor):
    framing = find_framing(synthetic, enlarged(eyes(7), factor))
    assert framing.scale == pytest.approx(factor, rel=0.05)
    assert "scale" in warnings(synthetic, enlarged(eyes(7), factor))


def test_scale_is_found_in_another_look(synthetic, camera):
    found = next(f for f in compare_framing(synthetic, enlarged(camera, 1.25)) if f.name == "scale")
    assert found.severity == "warning"
    assert "larger in the real" in found.sentence


@pytest.mark.parametrize(("down", "right", "words"), [(0, 3, "3 px further right"), (-4, 0, "4 px higher")])
def test_place_is_found(synthetic, down, right, words):
    moved = np.roll(eyes(7), (down, right), axis=(1, 2))
    framing = find_framing(synthetic, moved)
    assert (framing.down, framing.right) == (down, right)
    found = next(f for f in compare_framing(synthetic, moved) if f.name == "place")
    assert words in found.sentence


def test_a_small_shift_is_no_warning(synthetic):
    assert warnings(synthetic, np.roll(eyes(7), 1, axis=2)) == set()


def test_other_layouts_are_found_and_none_at_all_is_only_noted(synthetic):
    stripes = np.zeros_like(synthetic)
    stripes[:, :, ::11] = 0.9
    stripes += np.random.default_rng(0).normal(0, 0.02, stripes.shape).astype(np.float32)
    assert "layout" in warnings(synthetic, stripes)
    noise = np.random.default_rng(0).uniform(-1, 1, (2, 100, 32, 40, 1)).astype(np.float32)
    found = next(finding for finding in compare_framing(*noise) if finding.name == "layout")
    assert found.severity == "note"


def test_inverted_images_are_found(synthetic):
    found = next(finding for finding in compare_framing(synthetic, -eyes(7)) if finding.name == "intensity")
    assert found.severity == "warning"
    assert "inverted" in found.sentence


def test_poor_and_copied_images_are_found(synthetic):
    one = np.repeat(synthetic[:1], 40, axis=0)
    assert "variety" in warnings(one, synthetic)
    notes = [finding.sentence for finding in compare_framing(one, synthetic) if finding.name == "copies"]
    assert notes == ["98% of the synthetic images sampled are copies of others: they add nothing."]


def test_correlation_of_each_shift_is_that_of_what_both_show():
    """Against NumPy's corrcoef of the overlapping parts, shift by shift."""
    random = np.random.default_rng(3)
    x, y = random.normal(5, 1, (2, 11, 16))
    inside = np.ones((11, 16), bool)
    inside[:, :2] = inside[10:] = False
    found = _correlations_of_shifts(x, inside, y)
    assert found.shape == (2 * 2 + 1, 2 * 3 + 1)  # a fifth of 11 and 16
    for down in range(-2, 3):
        for right in range(-3, 4):
            rows, columns = np.nonzero(inside)
            seen = (rows + down >= 0) & (rows + down < 11) & (columns + right >= 0) & (columns + right < 16)
            a = x[rows[seen], columns[seen]]
            b = y[rows[seen] + down, columns[seen] + right]
            assert found[down + 2, right + 3] == pytest.approx(np.corrcoef(a, b)[0, 1], abs=1e-9)
    little = np.zeros_like(inside)
    little[:4] = True  # 64 of 176 pixels: less than 0.4
    assert (_correlations_of_shifts(x, little, y) == -1).all()


def copies(images: np.ndarray) -> list[str]:
    found = compare_framing(images, images)
    return [finding.sentence for finding in found if finding.name == "copies"]


def test_small_content_at_different_places_is_no_copy():
    """Discs of 13 pixels on black: two differ by less than a hundredth in the mean."""
    y, x = np.mgrid[:64, :64]
    centres = [(row, column) for row in range(8, 56, 10) for column in range(8, 56, 10)]
    discs = np.stack([np.where((y - a) ** 2 + (x - b) ** 2 <= 4, 1.0, -1.0) for a, b in centres])[..., None]
    discs = discs.astype(np.float32)
    assert np.abs(discs[0] - discs[1]).mean() < 0.02
    assert copies(discs) == []
    half = np.concatenate([discs, discs])  # 25 of 50
    assert [sentence.partition(" ")[0] for sentence in copies(half)] == ["50%", "50%"]


def test_images_of_12_bits_stored_in_16_are_no_copies():
    """Black to white is a sixteenth of the range: what differs differs by little."""
    stored = np.random.default_rng(0).integers(0, 300, (16, 24, 32, 1)).astype(np.uint16)
    images = PixelRange.of(stored.dtype).to_model(stored)
    assert np.abs(images[0] - images[1]).max() < 0.02
    assert copies(images) == []
    assert len(copies(images[[0, 1, 2, 1]])) == 2


def test_edge_map_does_not_follow_contrast():
    square = np.full((1, 20, 24, 1), -0.5, np.float32)
    square[:, 5:12, 6:15] = 0.5
    np.testing.assert_allclose(edge_map(square), edge_map(0.2 * square + 0.4), rtol=1e-3)


def test_warnings_come_first(synthetic):
    order = [finding.severity for finding in compare_framing(synthetic, np.roll(eyes(7), 6, axis=2))]
    assert order[0] == "warning"
    assert order == sorted(order, key=("warning", "note", "ok").index)


def test_picture_is_a_png(synthetic, camera):
    assert framing_picture(synthetic[:4], camera[:4]).startswith(b"\x89PNG")
