"""Folders with labels in the formats in which people have them, through check, train, refine and evaluate."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simgan.command_line.main import main
from tests.command_line.test_main import TINY_FLAGS

COUNT = 6
SIZE = (36, 30)  # width and height


def save(path: Path, pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


def photos(folder: Path, names) -> None:
    random = np.random.default_rng(len(folder.name))
    for name in names:
        save(folder / name, random.integers(0, 256, (SIZE[1], SIZE[0], 3)))


def numbered(folder: str = "") -> list[str]:
    return [f"{folder}{index}.png" for index in range(COUNT)]


def coco(folder: Path) -> None:
    photos(folder, numbered("images/"))
    images = [{"id": i, "file_name": f"{i}.png", "width": SIZE[0], "height": SIZE[1]} for i in range(COUNT)]
    annotations = [
        {"id": i, "image_id": i, "category_id": 1, "bbox": [1, 2, 5, 4 + i], "keypoints": [1, 2, 2, 6, 6, 2]}
        for i in range(COUNT)
    ]
    document = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "car"}]}
    (folder / "annotations").mkdir()
    (folder / "annotations/instances.json").write_text(json.dumps(document))


def yolo(folder: Path) -> None:
    photos(folder, numbered("images/"))
    (folder / "labels").mkdir()
    for index in range(COUNT):
        (folder / f"labels/{index}.txt").write_text(f"{index % 2} 0.5 0.5 0.25 0.5\n")
    (folder / "data.yaml").write_text("names: [car, person]\n")


def voc(folder: Path) -> None:
    photos(folder, numbered("JPEGImages/"))
    (folder / "Annotations").mkdir()
    for index in range(COUNT):
        box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>5</xmax><ymax>6</ymax></bndbox>"
        text = f"<annotation><object><name>car</name>{box}</object></annotation>"
        (folder / f"Annotations/{index}.xml").write_text(text)


def masks(folder: Path) -> None:
    photos(folder, numbered("images/"))
    for index in range(COUNT):
        mask = np.zeros((SIZE[1], SIZE[0], 3))
        mask[3:7, index : index + 5] = 255, 0, 0
        save(folder / f"masks/{index}.png", mask)


def classes(folder: Path) -> None:
    photos(folder, [*numbered("cat/"), *numbered("dog/")])


def table(folder: Path) -> None:
    photos(folder, numbered())
    rows = [f"{index}.png,{index / 10},{-index / 20},{index}" for index in range(COUNT)]
    (folder / "labels.csv").write_text("\n".join(["file,pitch,yaw,age", *rows]) + "\n")


KINDS: dict[Callable[[Path], None], list[str]] = {
    coco: ["boxes", "keypoints"],
    yolo: ["boxes"],
    voc: ["boxes"],
    masks: ["mask"],
    classes: ["class"],
    table: ["gaze", "age"],
}


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def train(folder: Path, real: Path, out: Path, *flags: str) -> int:
    changes_much = ("--refiner.output", "tanh")  # R of a tiny training would else leave images as they are
    return run("train", "--synthetic", folder, "--real", real, "--out", out, *TINY_FLAGS, *changes_much, *flags)


@pytest.fixture(scope="module")
def run_on_photos(tmp_path_factory) -> Path:
    """A tiny training on photos without labels. Read it; do not change it."""
    folder = tmp_path_factory.mktemp("trained")
    photos(folder / "photos", numbered())
    assert train(folder / "photos", folder / "photos", folder / "run") == 0
    return folder / "run"


@pytest.mark.parametrize("write", KINDS)
def test_labels_are_found_said_once_and_carried_byte_for_byte(write, tmp_path, run_on_photos, capsys):
    """One kind goes through a training of its own, the others through a dry run and the training on photos."""
    folder, real, out = (tmp_path / name for name in ("synthetic", "real", "refined"))
    write(folder)
    photos(real, numbered())
    assert run("check", folder) == 0
    checked = capsys.readouterr().out
    (row,) = [line for line in checked.splitlines() if line.startswith("labels ")]
    assert all(f"{name} (" in row for name in KINDS[write])
    if write is coco:
        trained_run = tmp_path / "run"
        assert train(folder, real, trained_run) == 0
    else:
        trained_run = run_on_photos
        assert train(folder, real, tmp_path / "run", "--dry-run") == 0
    trained = capsys.readouterr().out
    assert run("refine", trained_run, folder, out) == 0
    refined = capsys.readouterr().out
    for said in (checked, trained, refined):
        assert all(said.count(f"'{name}'") == 1 for name in KINDS[write]), said
    images = {path.relative_to(folder) for path in folder.rglob("*.png") if path.parent.name != "masks"}
    for path in (path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder)
        assert ((out / name).read_bytes() == path.read_bytes()) == (name not in images), name


def test_evaluate_asks_which_of_several_labels(tmp_path, run_on_photos, capsys):
    folder = tmp_path / "synthetic"
    table(folder)
    assert run("evaluate", run_on_photos, "--synthetic", folder, "--real-test", folder) == 2
    assert "--label one of: gaze, age" in capsys.readouterr().err
