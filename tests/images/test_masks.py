"""Folders as users have them: renders, and labels as pictures beside them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from simgan.errors import DataError
from simgan.images import open_images, write_like

COUNT = 4


def photo(index):
    rng = np.random.default_rng(index)
    return Image.fromarray(rng.integers(0, 256, (3, 4, 3), np.uint8)).resize((24, 16), Image.Resampling.BICUBIC)


def disc(index):
    y, x = np.mgrid[:16, :24]
    return np.hypot(y - 8, x - 8 - index) < 5


def colour_mask(index):
    return Image.fromarray(np.where(disc(index)[..., None], (220, 20, 60), (0, 0, 0)).astype(np.uint8))


def index_mask(index):
    return Image.fromarray(disc(index).astype(np.uint8))


def palette_mask(index):
    return colour_mask(index).quantize(2)


def depth(index):
    return Image.fromarray(np.random.default_rng(index).integers(0, 65536, (16, 24)).astype(np.uint16))


def write(root, **kinds):
    """`kinds`: a name with {} for the number, '__' for '/', and what makes the picture."""
    for pattern, make in kinds.items():
        for index in range(COUNT):
            path = root / (pattern.replace("__", "/").replace("N", f"{index:03d}") + ".png")
            path.parent.mkdir(parents=True, exist_ok=True)
            make(index).save(path)


@pytest.mark.parametrize("make", [colour_mask, index_mask, palette_mask, depth])
@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("images__N", "masks__N"),
        ("N", "N_mask"),
        ("images__train__N", "labels__train__N"),
        ("train__images__N", "train__depth__N"),
        ("renders__N_rgb", "renders__N_seg"),
        ("rgb_N", "mask_N"),
    ],
)
@pytest.mark.parametrize("on_bad_image", ["stop", "skip"])
def test_labels_are_told_from_images_and_carried_over(tmp_path, make, images, labels, on_bad_image):
    write(tmp_path / "in", **{images: photo, labels: make})
    with open_images(tmp_path / "in", on_bad_image=on_bad_image) as source:
        assert len(source) == COUNT
        (note,) = [note for note in source.notes() if "look like masks" in note]
        assert note.startswith(f"{COUNT} picture(s) in ")
        assert "--images" in note
        whole = getattr(source, "whole", source)
        with write_like(whole, tmp_path / "out") as writer:
            for index in range(COUNT):
                writer.write(index, 255 - whole[index])
    files = [path.relative_to(tmp_path / "in") for path in (tmp_path / "in").rglob("*.png")]
    changed = [
        file for file in files if (tmp_path / "in" / file).read_bytes() != (tmp_path / "out" / file).read_bytes()
    ]
    assert {str(file) for file in changed} == set(source.names)


def test_flat_renders_beside_their_masks(tmp_path):
    write(tmp_path, images__N=colour_mask, masks__N=colour_mask)
    with open_images(tmp_path) as source:
        assert tuple(source.names) == tuple(f"images/{index:03d}.png" for index in range(COUNT))


@pytest.mark.parametrize(
    "kinds",
    [
        {"images__N": photo, "normals__N": photo},  # the names say labels, the content photographs
        {"images__N": photo, "aN__masks__xN": colour_mask},  # masks of no image
        {"one__N": photo, "two__N": colour_mask},  # the content says masks, the names nothing
    ],
)
def test_a_doubt_is_an_error_that_names_the_flag(tmp_path, kinds, message):
    write(tmp_path, **kinds)
    with pytest.raises(DataError) as caught:
        open_images(tmp_path)
    assert "--images" in message(caught.value)
    with open_images(tmp_path, images="*") as source:
        assert len(source) == 2 * COUNT


@pytest.mark.parametrize(
    "kinds",
    [
        {"p00__N": photo, "p01__N": photo},  # persons, numbered alike
        {"with_mask__N": photo, "without_mask__N": photo},
        {"normal__aN": photo, "ill__bN": photo},  # a class of that name
        {"N_mask": colour_mask},  # masks alone: the user's choice
    ],
)
def test_other_folders_are_images_throughout(tmp_path, kinds):
    write(tmp_path, **kinds)
    with open_images(tmp_path) as source:
        assert len(source) == COUNT * len(kinds)
        assert not any("look like" in note for note in source.notes())


@pytest.mark.parametrize(
    ("images", "labels", "where"),
    [
        ("seg_train__images__N", "seg_train__masks__N", "seg_train/masks/"),  # a label word in every path
        ("normal__N", "normal_masks__N", "normal_masks/"),
        ("id_N__rgb", "id_N__mask", "id_*/*mask*"),
        ("N", "Nmask", "*mask*"),  # no separator
        ("N", "NMask", "*mask*"),
        ("N", "maskN", "*mask*"),
        ("N", "Nseg", "*seg*"),
    ],
)
def test_label_words_without_separators_and_beside_words_of_all_are_found(tmp_path, images, labels, where):
    write(tmp_path, **{images: photo, labels: colour_mask})
    with open_images(tmp_path) as source:
        assert len(source) == COUNT
        note, of_label = source.notes()
        assert note.startswith(f"{COUNT} picture(s) in {where!r} look like masks")
        assert of_label.startswith(f"label 'mask': {COUNT} masks")


@pytest.mark.parametrize(
    ("images", "labels", "where"),
    [
        ("f__N", "f__N_m", "f/*_m"),
        ("a__N", "b__N_x", "b/*_x"),
        ("pN__rgb", "pN__cls", "p*/cls"),
        ("Image__ImageN", "Matter__MatterN", "Matter/Matter*"),
        ("catN", "catN_target", "*_target"),
    ],
)
def test_flat_pictures_that_pair_with_others_are_a_doubt_whatever_their_names(
    tmp_path, images, labels, where, only_line
):
    write(tmp_path, **{images: photo, labels: colour_mask})
    with pytest.raises(DataError) as caught:
        open_images(tmp_path)
    message = only_line(str(caught.value))
    assert f"received in {where!r}" in message
    assert "--images" in message
    with open_images(tmp_path, images="*") as source:  # said so, all are images
        assert len(source) == 2 * COUNT


@pytest.mark.parametrize("pattern", ["pN__a", "N", "digit_N", "with_mask__N"])
def test_drawings_and_photographs_alone_are_no_doubt(tmp_path, pattern):
    write(tmp_path / "flat", **{pattern: colour_mask})
    write(tmp_path / "photographs", **{pattern: photo, pattern.replace("N", "1N"): photo})
    for name, count in (("flat", COUNT), ("photographs", 2 * COUNT)):
        with open_images(tmp_path / name) as source:
            assert len(source) == count


def class_map(index, classes=40):
    """A colour code of 40 classes, each an area around a point."""
    rng = np.random.default_rng(index)
    y, x = np.mgrid[:64, :96]
    points = rng.random((classes, 2)) * (64, 96)
    area = np.hypot(y[..., None] - points[:, 0], x[..., None] - points[:, 1]).argmin(-1)
    return Image.fromarray(np.random.default_rng(99).integers(0, 256, (classes, 3)).astype(np.uint8)[area])


def grey_class_map(index):
    return Image.fromarray(np.asarray(class_map(index))[..., 0])


def gradient(index):
    """A smooth grey render: many equal neighbours, but no areas of one value."""
    return Image.fromarray((np.mgrid[:64, :96][1] * 2.5 + index).astype(np.uint8))


@pytest.mark.parametrize("make", [class_map, grey_class_map])
def test_maps_of_many_classes_under_neutral_names_are_a_doubt(tmp_path, make, message):
    write(tmp_path, a__N=photo, b__N=make)
    with pytest.raises(DataError) as caught:
        open_images(tmp_path)
    assert "received in 'b/*'" in message(caught.value)


def test_maps_of_many_classes_beside_images_are_labels(tmp_path):
    write(tmp_path, images__N=photo, masks__N=class_map)
    with open_images(tmp_path) as source:
        assert len(source) == COUNT


def test_smooth_renders_beside_photographs_are_images(tmp_path):
    write(tmp_path, a__N=photo, b__N=gradient)
    with open_images(tmp_path, channels=3) as source:
        assert len(source) == 2 * COUNT


def scene(index):
    """What `disc` marks, on a background, with noise."""
    noise = np.random.default_rng(index).normal(0, 5, (16, 24, 3))
    return Image.fromarray((np.where(disc(index)[..., None], 180, 80) + noise).astype(np.uint8))


def test_drawings_beside_photographs_of_one_folder_that_share_only_numbers_are_images(tmp_path):
    write(tmp_path / "one", a__pN=photo, a__drawingN=class_map)  # another size
    write(tmp_path / "two", a__pN=scene, a__drawingN=lambda index: scene_of_stripes())
    for name in ("one", "two"):
        with open_images(tmp_path / name) as source:
            assert len(source) == 2 * COUNT


def scene_of_stripes():
    """Two flat areas whose outline is nowhere near a disc."""
    return Image.fromarray(np.where(np.mgrid[:16, :24][0][..., None] < 2, (9, 9, 9), (90, 9, 9)).astype(np.uint8))


def test_flat_pictures_with_the_outlines_of_images_of_the_same_numbers_are_a_doubt(tmp_path, message):
    write(tmp_path, a__pN=scene, a__qN=colour_mask)
    with pytest.raises(DataError) as caught:
        open_images(tmp_path)
    assert "received in 'a/q*'" in message(caught.value)


@pytest.mark.parametrize("pattern", ["N", "masks__N", "N_mask"])
@pytest.mark.parametrize("make", [colour_mask, index_mask, class_map])
def test_a_folder_of_masks_alone_is_noted(tmp_path, pattern, make):
    write(tmp_path, **{pattern: make})
    with open_images(tmp_path) as source:
        (note,) = source.notes()
    assert "few colours, as masks" in note
    assert "give the folder of these images" in note


def test_blank_pictures_and_chosen_ones_are_not_noted(tmp_path):
    write(tmp_path / "blank", N=lambda index: Image.new("L", (24, 16), 50 * index))
    write(tmp_path / "masks", N=colour_mask)
    for folder, images in (("blank", None), ("masks", "*")):
        with open_images(tmp_path / folder, images=images) as source:
            assert source.notes() == ()
