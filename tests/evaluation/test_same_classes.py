from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simgan.errors import DataError
from simgan.evaluation.same_classes import labels_with_classes_of, warnings_on_classes
from simgan.images import open_images


def write_masks(folder: Path, *values) -> Path:
    """Noise of 12x12 px, and masks whose left and right halves have two of `values`."""
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for index in range(2):
        noise = np.random.default_rng(index).integers(0, 256, (12, 12, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"images/{index}.png")
        mask = np.full((12, 12, *np.shape(values[0])), values[0], np.uint8)
        mask[:, 6:] = values[index + 1]
        Image.fromarray(mask).save(folder / f"masks/{index}.png")
    return folder


RED, GREEN, BLUE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)


def read(tmp_path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    with open_images(tmp_path / "x") as synthetic, open_images(tmp_path / "y") as test:
        labels = synthetic.labels("mask")
        tested = labels_with_classes_of(synthetic, test, "mask")
        return labels, tested, warnings_on_classes(synthetic, test, "mask")


def test_equal_colours_get_equal_numbers(tmp_path):
    write_masks(tmp_path / "x", BLACK, BLUE, RED)  # 0, 1, 2
    write_masks(tmp_path / "y", BLACK, RED, RED)  # 0, 1
    labels, tested, warnings = read(tmp_path)
    assert labels[:, 0, 0].tolist() == [0, 0]
    assert labels[:, 0, 6].tolist() == [1, 2]
    assert tested[:, 0, 0].tolist() == [0, 0]
    assert tested[:, 0, 6].tolist() == [2, 2]
    assert warnings == []


def test_a_colour_that_the_synthetic_masks_do_not_have(tmp_path):
    write_masks(tmp_path / "x", BLACK, BLUE, RED)
    write_masks(tmp_path / "y", BLACK, GREEN, RED)
    with pytest.raises(DataError, match="'#00ff00'"):
        read(tmp_path)


def test_class_numbers_beside_colours_are_taken_as_they_are_with_a_warning(tmp_path):
    write_masks(tmp_path / "x", BLACK, BLUE, RED)
    write_masks(tmp_path / "y", 0, 2, 1)
    _, tested, (warning,) = read(tmp_path)
    assert tested[:, 0, 6].tolist() == [2, 1]
    assert str(tmp_path / "x") in warning


def test_categories_of_two_coco_files(tmp_path):
    for name, categories in (("x", {1: "cat", 2: "dog"}), ("y", {1: "dog", 2: "cat"})):
        write_masks(tmp_path / name, 0, 0, 1)
        document = {
            "images": [{"id": 7, "file_name": "0.png"}, {"id": 8, "file_name": "1.png"}],
            "annotations": [{"image_id": 7, "category_id": 1, "bbox": [0, 0, 3, 3]}],
            "categories": [{"id": number, "name": one} for number, one in categories.items()],
        }
        (tmp_path / name / "coco.json").write_text(json.dumps(document))
    with open_images(tmp_path / "x") as synthetic, open_images(tmp_path / "y") as test:
        assert synthetic.labels("boxes")[0].tolist() == [[0, 0, 3, 3, 0]]  # a cat
        first, second = labels_with_classes_of(synthetic, test, "boxes")
        assert first.tolist() == [[0, 0, 3, 3, 1]]  # a dog
        assert second.shape == (0, 5)
