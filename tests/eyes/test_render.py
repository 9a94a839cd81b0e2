"""`render_eyes` as a whole."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy.stats import ks_2samp

from simgan.errors import DataError
from simgan.eyes import Eyes, render_eyes
from simgan.eyes.labels import DOMAINS, Domain


def assert_same(first: Eyes, second: Eyes) -> None:
    for field in dataclasses.fields(Eyes):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(second, field.name))


def joined(*parts: Eyes) -> Eyes:
    fields = [field.name for field in dataclasses.fields(Eyes)]
    return Eyes(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in fields})


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_depends_on_its_index_only(domain: Domain, channels: int) -> None:
    settings: dict[str, Any] = {"seed": 7, "domain": domain, "channels": channels}
    whole = render_eyes(150, **settings)
    assert_same(whole, render_eyes(150, **settings))
    assert_same(whole, joined(render_eyes(100, **settings), render_eyes(50, start=100, **settings)))
    assert_same(render_eyes(1, start=149, **settings), render_eyes(1, start=149, **settings))
    np.testing.assert_array_equal(render_eyes(1, start=149, **settings).images, whole.images[149:])


def test_domains_share_distributions_but_no_draws() -> None:
    clean, photo = (render_eyes(1500, domain=domain) for domain in DOMAINS)
    for name in ("gaze", "head_pose", "iris_centre", "pupil_centre", "lid_contour"):
        first, second = (getattr(eyes, name).reshape(1500, -1) for eyes in (clean, photo))
        step = max(1, first.shape[1] // 8)
        for column in range(0, first.shape[1], step):
            assert ks_2samp(first[:, column], second[:, column]).pvalue > 1e-3
    assert np.linalg.norm(clean.gaze - photo.gaze, axis=1).min() > 0.0


def test_the_camera_can_show_the_very_eyes_of_the_synthetic_series() -> None:
    clean, photo = (render_eyes(20, domain=domain, series="synthetic") for domain in DOMAINS)
    assert_same(clean, render_eyes(20))
    for name in ("gaze", "head_pose", "iris_centre", "pupil_centre", "lid_contour"):
        np.testing.assert_array_equal(getattr(photo, name), getattr(clean, name))
    assert (photo.images != clean.images).mean() > 0.5


def test_seeds_differ() -> None:
    assert not np.array_equal(render_eyes(1, seed=0).images, render_eyes(1, seed=1).images)


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize(
    ("height", "width", "channels"), [(35, 55, 1), (36, 60, 3), (8, 8, 1), (9, 200, 1), (160, 256, 3)]
)
def test_any_size(domain: Domain, height: int, width: int, channels: int) -> None:
    eyes = render_eyes(2, height=height, width=width, channels=channels, domain=domain)
    assert len(eyes) == 2
    assert eyes.images.shape == (2, height, width, channels)
    assert eyes.images.dtype == np.uint8
    assert eyes.lid_contour.shape == (2, 34, 2)
    for name in ("gaze", "head_pose", "iris_centre", "pupil_centre", "lid_contour"):
        assert getattr(eyes, name).dtype == np.float32


def test_labels_scale_with_the_image() -> None:
    small, large = render_eyes(20), render_eyes(20, height=70, width=110)
    np.testing.assert_array_equal(small.gaze, large.gaze)
    # twice as fine, about a centre that moves from (27, 17) to (54.5, 34.5)
    np.testing.assert_allclose(large.iris_centre, 2.0 * (small.iris_centre - [27, 17]) + [54.5, 34.5], atol=1e-3)


def test_no_images_are_no_images() -> None:
    assert render_eyes(0).images.shape == (0, 35, 55, 1)


def test_the_grey_image_is_the_grey_of_the_rgb_one() -> None:
    grey, rgb = render_eyes(20).images[..., 0], render_eyes(20, channels=3).images
    luma = rgb @ np.array([0.299, 0.587, 0.114])
    lit = (rgb == 255).any(axis=-1)  # a glint clips channels one by one
    assert np.abs(luma - grey)[~lit].max() < 1.2


def test_the_iris_label_lies_on_dark_pixels_between_the_lids() -> None:
    eyes = render_eyes(300)
    inside = total = 0
    for image, (x, y), contour in zip(eyes.images[..., 0], eyes.iris_centre, eyes.lid_contour, strict=True):
        upper, lower = (np.interp(x, *half.T) for half in (contour[:17], contour[17:]))
        total += 1
        inside += upper < y < lower
        if upper + 2 < y < lower - 2:
            near = image[round(float(y)) - 1 : round(float(y)) + 2, round(float(x)) - 1 : round(float(x)) + 2]
            sclera = np.quantile(image, 0.98)
            assert np.median(near) < 0.9 * sclera
    assert inside > 0.97 * total


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_darkest_disc_of_a_wide_open_eye_is_at_the_pupil(domain: Domain) -> None:
    eyes = render_eyes(400, domain=domain, height=70, width=110)
    top, bottom = eyes.lid_contour[:, 8, 1], eyes.lid_contour[:, 25, 1]
    y = eyes.iris_centre[:, 1]
    ahead = (np.abs(eyes.gaze) < 0.25).all(axis=1) & (y - top > 12.0) & (bottom - y > 12.0)
    assert ahead.sum() > 10
    near = []
    for image, centre in zip(eyes.images[ahead, ..., 0], eyes.iris_centre[ahead], strict=True):
        column, row = np.rint(centre).astype(int)
        patch = image[row - 10 : row + 11, column - 30 : column + 31].astype(float)
        dark = np.maximum(np.quantile(patch, 0.55) - patch, 0.0).sum(axis=0)
        near.append((dark * np.arange(-30, 31)).sum() / dark.sum())
    assert abs(np.median(near)) < 2.0


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"count": -1}, "count"),
        ({"seed": -1}, "seed"),
        ({"start": -1}, "start"),
        ({"height": 7}, "height"),
        ({"width": 4000}, "width"),
        ({"channels": 2}, "channels"),
        ({"domain": "photo"}, "domain"),
    ],
)
def test_bad_settings_are_named(settings: dict[str, Any], name: str) -> None:
    with pytest.raises(DataError, match=rf"^{name}: expected .* Received: .*\.$"):
        render_eyes(**{"count": 1, **settings})
