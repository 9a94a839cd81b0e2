from __future__ import annotations

import h5py
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, zoom

from simgan.command_line.main import main
from simgan.errors import DataError
from simgan.framing.comparison import Framing
from simgan.framing.quantiles import FramingMap
from simgan.images import open_images
from simgan.images.readable import ReadableImages
from simgan.matching import choose_framing, differing_framing, match_data_set, match_framing

RANDOM = np.random.default_rng(0)


def crosses(count: int, arm: int, down: int = 0, background: float = -1.0) -> np.ndarray:
    """White crosses with arms of about `arm` px on a plain background of 40x40, `down` px below the middle."""
    images = np.full((count, 40, 40, 1), background, np.float32)
    for image in images:
        length, y = arm + RANDOM.integers(-1, 2), 20 + down
        image[y - 1 : y + 2, 20 - length : 20 + length + 1] = 1
        image[y - length : y + length + 1, 19:22] = 1
    return gaussian_filter(images, (0, 0.7, 0.7, 0)).astype(np.float32)


def by(scale: float, down: float = 0.0, right: float = 0.0) -> Framing:
    return Framing(scale, down, right, 1.0, 1.0)


def test_sets_framed_alike_need_no_match():
    assert differing_framing(crosses(60, 9), crosses(60, 9)) is None


def test_scale_and_place_of_photographs_are_found_as_shares():
    large = zoom(crosses(60, 8), (1, 1.4, 1.4, 1), order=1)[:, 8:48, 8:48]
    found = differing_framing(crosses(60, 8), np.roll(large, 4, axis=1))
    assert found.scale == pytest.approx(1.4, rel=0.08)
    assert found.down == pytest.approx(4 / 40, abs=1.1 / 40)
    assert found.right == pytest.approx(0, abs=1.1 / 40)


def test_a_matched_set_is_framed_as_the_photographs_are():
    synthetic, photographs = crosses(60, 8), crosses(60, 12, down=4)
    framing = differing_framing(synthetic, photographs)
    matched = np.stack([match_framing(image, framing) for image in synthetic])
    assert differing_framing(matched, photographs) is None
    shares = [float((images > 0).mean()) for images in (synthetic, matched, photographs)]
    assert shares[0] < 0.7 * shares[2]
    assert shares[1] == pytest.approx(shares[2], rel=0.3)


def test_content_moves_by_the_shift_and_keeps_its_values():
    image = RANDOM.uniform(-1, 1, (20, 30, 2)).astype(np.float32)
    moved = match_framing(image, by(1.0, down=3 / 20, right=-2 / 30))
    np.testing.assert_allclose(moved[3:, :-2], image[:-3, 2:], atol=1e-5)


def test_twice_as_large_is_bilinear_about_the_middle():
    """Pixel p of the result is the input at (p - m) / 2 + m, by hand: at p = m + 2 it is the input at m + 1."""
    image = RANDOM.uniform(-1, 1, (11, 11, 1)).astype(np.float32)
    large = match_framing(image, by(2.0))
    np.testing.assert_allclose(large[1::2, 1::2], image[3:8, 3:8], atol=1e-5)
    np.testing.assert_allclose(large[5, 6], (image[5, 5] + image[5, 6]) / 2, atol=1e-5)


def test_shrinking_keeps_the_mean_of_fine_stripes():
    stripes = np.tile(np.array([-1, 1], np.float32), (32, 16))[..., None]
    small = match_framing(stripes, by(0.5))
    assert np.abs(small[8:24, 8:24]).max() < 0.5  # without smoothing, all of these would be -1 or 1


@pytest.mark.parametrize("background", [-1.0, 0.3])
def test_beyond_a_plain_border_lies_the_background(background):
    small = match_framing(crosses(1, 12, background=background)[0], by(0.6))
    np.testing.assert_allclose(small[:3], background, atol=0.02)


def test_beyond_a_textured_border_lies_the_mirrored_image():
    texture = zoom(RANDOM.uniform(-1, 1, (8, 8)), 5, order=1)[..., None].astype(np.float32)
    small = match_framing(texture, by(0.7))
    assert small[0].std() > 0.05
    moved = match_framing(texture, by(1.0, down=2 / 40))
    np.testing.assert_allclose(moved[:2], texture[1:3][::-1], atol=1e-5)


def test_five_channels():
    image = RANDOM.uniform(-1, 1, (9, 9, 5)).astype(np.float32)
    np.testing.assert_allclose(match_framing(image, by(1.0)), image, atol=1e-6)


@pytest.fixture
def write(tmp_path):
    """Writes images of [-1, 1] and labels as HDF5, and returns the path."""

    def written(name: str, images: np.ndarray, **labels: np.ndarray):
        with h5py.File(tmp_path / name, "w") as file:
            file["image"] = np.rint((images + 1) * 127.5).astype(np.uint8)
            for label, values in labels.items():
                file[label] = values
        return tmp_path / name

    return written


def test_a_data_set_of_classes_from_the_command_line(write, tmp_path, capsys):
    synthetic = write("x.h5", crosses(40, 8), digit=np.arange(40) % 10)
    real = write("y.h5", crosses(40, 12))
    assert main(["match", str(synthetic), str(real), str(tmp_path / "out.h5"), "--by", "framing"]) == 0
    assert "times as large" in capsys.readouterr().out
    with open_images(tmp_path / "out.h5") as matched:
        np.testing.assert_array_equal(matched.labels("digit"), np.arange(40) % 10)
        assert float((np.stack(list(matched)) > 127).mean()) > 0.08
    assert main(["check", str(synthetic), "--against", str(real)]) == 0
    assert "simgan match --by framing" in capsys.readouterr().out.replace("\n", " ")


@pytest.mark.parametrize(
    ("label", "values"),
    [
        ("iris", RANDOM.uniform(0, 39, (40, 2))),
        ("corners", RANDOM.uniform(0, 39, (40, 4, 2))),
        ("box", RANDOM.uniform(0, 39, (40, 4))),
        ("mask", np.ones((40, 40, 40), np.uint8)),
        ("half_mask", np.ones((40, 20, 20), np.uint8)),
        ("relative", RANDOM.uniform(0, 1, (40, 2))),
        ("landmarks", RANDOM.uniform(0, 39, (40, 10))),
        ("lids", RANDOM.uniform(0, 39, (40, 7, 3))),
        ("gaze", RANDOM.uniform(0, 39, (40, 2))),
        ("width", RANDOM.uniform(0, 39, 40)),
        ("x", RANDOM.integers(0, 39, 40)),
        ("box_xmin", RANDOM.integers(0, 39, 40)),
    ],
)
def test_labels_of_positions_are_refused_before_anything_is_written(write, tmp_path, label, values, only_line):
    synthetic, real = write("x.h5", crosses(40, 8), **{label: values}), write("y.h5", crosses(40, 12))
    with open_images(synthetic) as x, open_images(real) as y, pytest.raises(DataError) as caught:
        match_data_set(x, y, tmp_path / "out.h5", "framing")
    assert label in only_line(str(caught.value))
    assert not (tmp_path / "out.h5").exists()


def test_directions_and_classes_are_not_positions(write, tmp_path):
    normals = RANDOM.normal(size=(40, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    labels = {"gaze": RANDOM.uniform(-1, 1, (40, 2)), "normal": normals, "digit": np.arange(40)}
    synthetic, real = write("x.h5", crosses(40, 8), **labels), write("y.h5", crosses(40, 12))
    with open_images(synthetic) as x, open_images(real) as y:
        assert match_data_set(x, y, tmp_path / "out.h5", "framing").framing.scale > 1.2


def test_sets_framed_alike_are_an_error_that_says_so(write, tmp_path, only_line):
    synthetic, real = write("x.h5", crosses(40, 9)), write("y.h5", crosses(40, 9))
    with open_images(synthetic) as x, open_images(real) as y, pytest.raises(DataError) as caught:
        match_data_set(x, y, tmp_path / "out.h5", "framing")
    assert "framed alike" in only_line(str(caught.value))


# --- By quantiles or by the mean --------------------------------------------------------------------------------


def test_plain_backgrounds_are_matched_by_quantiles_image_by_image():
    synthetic, photographs = crosses(80, 8), crosses(80, 12, down=3)
    found = choose_framing(synthetic, photographs)
    assert isinstance(found.framing, FramingMap)
    assert "by quantiles" in found.sentence
    matched = np.stack([match_framing(image, found.framing) for image in synthetic])
    assert choose_framing(matched, photographs).framing is None
    width = [(images[..., 0] > 0).any(axis=1).sum(axis=1) for images in (matched, photographs)]
    assert width[0].mean() == pytest.approx(width[1].mean(), abs=1)
    assert width[0].std() == pytest.approx(width[1].std(), abs=0.7)


def test_directions_too_few_images_and_textured_backgrounds_are_matched_by_the_mean_and_it_says_why():
    synthetic, photographs = crosses(80, 8), crosses(80, 12)
    textured = photographs + gaussian_filter(RANDOM.uniform(0, 6, photographs.shape), (0, 1, 1, 0)) - 3
    for found, reason in (
        (choose_framing(synthetic, photographs, has_directions=True), "labels are directions"),
        (choose_framing(synthetic[:49], photographs), "only 49 of the synthetic images"),
        (choose_framing(synthetic, np.clip(textured, -1, 1).astype(np.float32)), "plain background"),
    ):
        assert isinstance(found.framing, Framing | None)
        assert reason in found.sentence
    assert choose_framing(synthetic, photographs, has_directions=True).framing.scale > 1.2


def test_the_command_matches_classes_by_quantiles_and_says_so(write, tmp_path, capsys):
    synthetic = write("x.h5", crosses(60, 8), digit=np.arange(60) % 10)
    real = write("y.h5", crosses(60, 12))
    assert main(["match", str(synthetic), str(real), str(tmp_path / "out.h5"), "--by", "framing"]) == 0
    assert capsys.readouterr().out.replace("\n", " ").count("by quantiles") == 1
    with open_images(tmp_path / "out.h5") as matched, open_images(real) as y:
        arms = [
            float((np.stack(list(images)) > 127)[..., 0].any(axis=1).sum(axis=1).mean()) for images in (matched, y)
        ]
    assert arms[0] == pytest.approx(arms[1], abs=1)


def test_files_that_may_hold_positions_are_seen_in_a_set_that_leaves_images_out(tmp_path, write_pngs):
    folder = write_pngs(tmp_path / "x", (127.5 * (crosses(3, 8)[..., 0] + 1)).astype(np.uint8))
    (folder / "000.png").write_bytes(b"no picture")
    (folder / "positions.bin").write_bytes(b"12")
    real = write_pngs(tmp_path / "y", (127.5 * (crosses(3, 12)[..., 0] + 1)).astype(np.uint8))
    with open_images(folder, on_bad_image="skip") as x, open_images(real) as y:
        assert isinstance(x, ReadableImages)
        with pytest.raises(DataError, match=r"positions\.bin"):
            match_data_set(x, y, tmp_path / "out", "framing")
