"""The framing map, on ellipses whose distribution of place, axes and slant is known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simgan.framing.moments import MOMENTS, measure
from simgan.framing.quantiles import FramingMap, fit_map
from simgan.images import PixelRange
from tests.framing.test_moments import ellipse

SIZE = (60, 80)


def ellipses(count: int, seed: int, *, larger=1.0, wider=1.0, down=0.0, right=0.0, slant=0.0, **options) -> np.ndarray:
    """Ellipses of random axes, places and slants."""
    random = np.random.default_rng(seed)
    images = []
    for _ in range(count):
        axes = random.uniform((7, 5), (10, 9)) * (larger, larger * wider)
        centre = np.add(random.uniform((29, 38), (31, 42)), (down, right))
        images.append(ellipse(SIZE, centre, axes, random.uniform(-0.1, 0.1) + slant, **options))
    return np.stack(images)


def moments_of(images: np.ndarray) -> np.ndarray:
    return np.stack([measure(image).moments for image in images])


def fit_ellipses() -> FramingMap:
    fit = fit_map(
        ellipses(120, 1),
        ellipses(120, 2, larger=1.3, wider=1.2, down=4, right=-5, slant=0.3, background=0.1, level=-0.8),
    )
    assert fit.obstacle == ""
    assert fit.map is not None
    return fit.map


FITTED = fit_ellipses()
WITHOUT_MARGINS = replace(FITTED, margins=(0.0,) * 4)


@pytest.fixture
def fitted() -> FramingMap:
    return FITTED


def test_framed_images_have_the_distribution_of_the_photographs(fitted):
    wanted = moments_of(ellipses(150, 3, larger=1.3, wider=1.2, down=4, right=-5, slant=0.3))
    framed = moments_of(np.stack([fitted.frame(image) for image in ellipses(150, 4)]))
    assert framed.mean(axis=0) == pytest.approx(wanted.mean(axis=0), abs=0.02)
    assert framed.std(axis=0) == pytest.approx(wanted.std(axis=0), abs=0.02)


@given(
    axes=st.tuples(st.floats(7, 10), st.floats(5, 9)),
    slant=st.floats(-0.1, 0.1),
    centre=st.tuples(st.floats(29, 31), st.floats(38, 42)),
)
@settings(max_examples=40)
def test_the_warped_image_has_the_mapped_moments_where_content_stays_inside(axes, slant, centre):
    image = ellipse(SIZE, centre, axes, slant)
    target = WITHOUT_MARGINS.target(measure(image).moments)
    assert measure(WITHOUT_MARGINS.frame(image)).moments == pytest.approx(target, abs=0.02)


def test_the_map_is_monotone_and_its_changes_are_limited(fitted):
    values = np.linspace(-4, 2, 100)
    for at, name in enumerate(MOMENTS):
        mapped = np.array([fitted.target(np.full(5, value))[at] for value in values])
        assert (np.diff(mapped) >= -1e-12).all(), name
    far = FramingMap((9, 9), (0.0,) * 4, ((0.0,),) * 5, ((3.0,),) * 5)
    assert far.target(np.zeros(5)).tolist() == [3, 3, 0.8, 0.8, 0.8]


def test_equal_values_are_mapped_to_the_middle_of_what_they_stand_for():
    """Four quantiles, three of them equal: these are the ranks 0, 1 and 2, the middle one is mapped to 20."""
    one = FramingMap((9, 9), (0.0,) * 4, ((0.5, 0.5, 0.5, 0.6),) * 5, ((0.1, 0.2, 0.3, 0.4),) * 5)
    assert one.target(np.array([0.5, 0.6, 0.55, 0.5, 0.5]))[:2] == pytest.approx([0.2, 0.4])
    assert one.target(np.array([0.55] * 5))[0] == pytest.approx(0.3)
    assert one.target(np.array([0.4, 0.7, 0, 0, 0]))[:2] == pytest.approx([0.1, 0.5])  # the change of the outermost


def test_sets_framed_alike_have_no_map():
    fit = fit_map(ellipses(80, 1), ellipses(80, 2, background=0.5, level=-1))
    assert (fit.map, fit.obstacle) == (None, "")


def test_a_difference_that_chance_or_a_hundredth_of_the_side_explains_is_none():
    assert fit_map(ellipses(60, 1), ellipses(60, 2, larger=1.02)) == (None, "")
    centred = np.stack([ellipse(SIZE, (30, 40))] * 60)
    assert fit_map(centred, np.stack([ellipse(SIZE, (30.3, 40))] * 60)) == (None, "")


def test_moments_that_do_not_differ_stay():
    fit = fit_map(ellipses(80, 1), ellipses(80, 2, right=6))
    own = measure(ellipse(SIZE, (30, 40), (8, 7))).moments
    changed = fit.map.target(own) - own
    assert changed[0] == pytest.approx(6 / 80, abs=0.01)
    assert changed[1:].tolist() == [0, 0, 0, 0]


def test_a_map_that_changes_nothing_leaves_every_pixel():
    quantiles = tuple(tuple(row) for row in np.sort(moments_of(ellipses(60, 1)), axis=0).T.tolist())
    same = FramingMap(SIZE, (0.0,) * 4, quantiles, quantiles)
    for image in ellipses(20, 5, channels=2):
        np.testing.assert_array_equal(same.frame(image), image)


def test_images_without_content_or_plain_background_stay(fitted):
    texture = np.random.default_rng(0).uniform(-1, 1, (*SIZE, 1)).astype(np.float32)
    for image in (np.full((*SIZE, 3), 0.3, np.float32), texture):
        assert fitted.frame(image) is image


def test_one_pixel_is_moved_and_enlarged(fitted):
    image = np.full((*SIZE, 1), -1, np.float32)
    image[30, 40] = 1
    framed = fitted.frame(image)
    assert np.isfinite(framed).all()
    assert framed.sum() > image.sum()


def test_background_and_colour_stay(fitted):
    image = ellipse(SIZE, (30, 40), (8, 7), background=-0.5, level=0.75, channels=6)
    image[..., 1] *= -1
    framed = fitted.frame(image)
    assert framed.shape == image.shape
    assert framed.dtype == np.float32
    np.testing.assert_allclose(framed[0, 0], image[0, 0], atol=1e-6)
    np.testing.assert_allclose(framed[..., 1], -framed[..., 0], atol=1e-6)
    assert framed.max() <= 0.75 + 1e-6


@pytest.mark.parametrize("size", [(120, 160), (30, 40), (60, 120)])
def test_an_image_of_another_size_is_framed_by_shares_of_its_sides(fitted, size):
    """An ellipse in the same relative place, drawn at another size, is framed into the same relative place."""
    scale = np.array(size) / SIZE
    image = ellipse(SIZE, (30, 40), (9, 8), 0.05)
    other = ellipse(size, np.array((30, 40)) * scale, np.array((9, 8)) * scale, 0.05 * scale[1] / scale[0])
    one, two = (measure(fitted.frame(each)).moments for each in (image, other))
    assert two == pytest.approx(one, abs=0.04)  # the axes of the smallest are 4 px


def test_deep_and_shallow_pixels_are_framed_alike(fitted):
    image = ellipse(SIZE, (30, 40), (9, 8))
    framed = []
    for dtype in (np.uint8, np.uint16):
        stored = PixelRange.of(np.dtype(dtype))
        framed.append(fitted.frame(stored.to_model(stored.from_model(image, np.dtype(dtype)))))
    np.testing.assert_allclose(framed[0], framed[1], atol=1e-5)


def test_content_is_brought_no_nearer_to_the_border_than_in_photographs():
    """Wide content is moved right and enlarged, moment by moment; no photograph has both."""
    random = np.random.default_rng(0)
    synthetic = ellipses(100, 1)
    photographs = []
    for _ in range(100):
        right = random.uniform(0, 1)  # the further right, the narrower
        photographs.append(ellipse(SIZE, (30, 40 + 24 * right), (8, 24 - 18 * right)))
    found = fit_map(synthetic, np.stack(photographs)).map
    assert found.margins[2] > 0.08
    for image in ellipses(100, 2):
        outline = measure(found.frame(image)).outline
        assert outline[:, 0].max() <= 1 - found.margins[2] + 2 / 80
        assert outline[:, 0].min() >= found.margins[0] - 2 / 80


@pytest.mark.parametrize("few", ["synthetic images", "photographs"])
def test_obstacles_are_named(few):
    """Fewer than 50 images with content, or a textured background in more than a tenth of the images."""
    swap = (lambda pair: pair) if few == "synthetic images" else reversed
    many = ellipses(60, 1)
    empty = np.concatenate([ellipses(49, 2), np.full((30, *SIZE, 1), -1, np.float32)])
    assert fit_map(*swap((empty, many))).obstacle.startswith(f"only 49 of the {few}")
    textured = many.copy()
    textured[:7] = np.random.default_rng(0).uniform(-1, 1, (7, *SIZE, 1))
    assert fit_map(*swap((textured, many))).obstacle == f"only 88% of the {few} have a plain background"


def test_json_keeps_every_digit(fitted):
    read = FramingMap.from_json(fitted.to_json())
    assert read == fitted
    image = ellipse(SIZE)
    np.testing.assert_array_equal(read.frame(image), fitted.frame(image))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"size": [1, 2], "margins": [], "moments": {}}', "null"])
def test_other_json_is_refused(text):
    with pytest.raises(ValueError):
        FramingMap.from_json(text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", [10**400, 32]),
        ("size", "32"),
        ("size", [0, 32]),
        ("size", [100_000, 100_000]),
        ("size", [3.5, 32]),
        ("margins", [0.9] * 4),
        ("margins", [float("nan")] * 4),
        ("margins", [-0.1, 0, 0, 0]),
    ],
)
def test_a_map_with_impossible_numbers_is_refused(name, value, fitted):
    found = json.loads(fitted.to_json())
    found[name] = value
    with pytest.raises(ValueError, match="no framing map"):
        FramingMap.from_json(json.dumps(found))


@pytest.mark.parametrize("change", [lambda values: values[::-1], lambda values: [*values[:-1], 1e300]])
def test_quantiles_that_do_not_rise_or_are_huge_are_refused(change, fitted):
    found = json.loads(fitted.to_json())
    found["moments"]["right"]["photographs"] = change(found["moments"]["right"]["photographs"])
    with pytest.raises(ValueError, match="impossible"):
        FramingMap.from_json(json.dumps(found))


def test_json_nested_without_end_is_refused():
    with pytest.raises(ValueError, match="no framing map"):
        FramingMap.from_json("[" * 100_000)


def test_the_description_names_the_mean_changes(fitted):
    text = fitted.describe()
    assert "1.5" in text  # 1.3 * 1.2 = 1.56 times as wide
    assert "1.3" in text
    assert "+6." in text  # 4 / 60 down
    assert "-6." in text  # 5 / 80 left
    assert "leans -0.3" in text or "leans -0.29" in text  # 0.3 px right for each px down
