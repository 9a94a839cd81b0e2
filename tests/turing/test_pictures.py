from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from simgan.errors import DataError
from simgan.images import open_images
from simgan.turing.pictures import make_pictures
from simgan.turing.trial import draw_plan


@pytest.fixture
def sets(tmp_path, pixels):
    arrays = pixels(9, seed=1), pixels(8, seed=2)
    for name, array in zip(("synthetic", "real"), arrays, strict=True):
        np.save(tmp_path / f"{name}.npy", array)
    with open_images(tmp_path / "synthetic.npy") as synthetic, open_images(tmp_path / "real.npy") as real:
        yield synthetic, real, *arrays


def plan_for(**changes):
    given = {"synthetic_count": 9, "real_count": 8, "trials": 8, "form": "blind", "seed": 5, "date": "d"}
    return draw_plan(**(given | changes))


def test_each_trial_shows_its_image_the_synthetic_ones_refined(sets):
    synthetic, real, x, y = sets
    plan = plan_for()
    pictures = make_pictures(plan, synthetic, real, (8, 8), lambda images: -images)  # -v is 255 - p
    for trial, png in zip(plan.trials, pictures.trials, strict=True):
        shown = np.asarray(Image.open(io.BytesIO(png)))
        np.testing.assert_array_equal(shown, y[trial.place] if trial.kind == "real" else 255 - x[trial.place])


def test_only_the_chosen_images_are_refined(sets):
    synthetic, real, *_ = sets
    shapes = []

    def refine(images):
        shapes.append(images.shape)
        return images

    make_pictures(plan_for(trials=6), synthetic, real, (8, 8), refine)
    assert shapes == [(3, 8, 8, 1)]


def test_files_hold_pixels_alone_and_have_one_size(sets):
    synthetic, real, *_ = sets
    pictures = make_pictures(plan_for(), synthetic, real, (5, 6), lambda images: images)
    for png in pictures.trials:
        image = Image.open(io.BytesIO(png))
        image.load()
        assert (image.size, image.mode, image.info) == ((6, 5), "L", {})
        assert {png[at : at + 4] for at in (12, 37)} == {b"IHDR", b"IDAT"}


def test_another_set_is_refused(sets, only_line):
    real = sets[1]
    with pytest.raises(DataError) as caught:
        make_pictures(plan_for(), real, real, (8, 8), lambda images: images)
    assert only_line(str(caught.value)).startswith("synthetic: expected the 9 images")


def test_grey_beside_colour_is_refused(sets, tmp_path, pixels):
    np.save(tmp_path / "colour.npy", pixels(8, seed=1, shape=(8, 8, 3)))
    with (
        open_images(tmp_path / "colour.npy") as colour,
        pytest.raises(DataError, match="channels: expected the same number in both"),
    ):
        make_pictures(plan_for(), sets[0], colour, (8, 8), lambda images: images)


def test_of_five_channels_the_first_is_shown(tmp_path, pixels):
    array = pixels(9, seed=1, shape=(8, 8, 5))
    np.save(tmp_path / "five.npy", array)
    with open_images(tmp_path / "five.npy") as five:
        plan = plan_for(real_count=9)
        pictures = make_pictures(plan, five, five, (8, 8), lambda images: images)
    for trial, png in zip(plan.trials, pictures.trials, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png))), array[trial.place, ..., 0])
