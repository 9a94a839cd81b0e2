"""Small valid folders of images with labels of every format, to be damaged by soak.fuzz."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

_DRAW = np.random.default_rng(1)
_COUNT = 4
_PHOTOS = _DRAW.integers(0, 256, (_COUNT, 12, 16, 3), np.uint8)
_CLASSES = np.zeros((_COUNT, 12, 16), np.uint8)
for _index in range(_COUNT):
    _CLASSES[_index, 2:9, _index : _index + 6] = 1 + _index % 2


def _folder(where: Path, texts: dict[str, str], folder: str = "images") -> Path:
    """Pictures in `folder` of a set, and other files."""
    path = where / "set"
    for index, photo in enumerate(_PHOTOS):
        name = path / folder / f"{index}.png"
        name.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo).save(name)
    for name, text in texts.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, "utf-8")
    return path


def _for_each(name: str, text: str) -> dict[str, str]:
    return {name.format(index): text.replace("#", str(index)) for index in range(_COUNT)}


def _coco(where: Path) -> Path:
    images = [{"id": i, "file_name": f"{i}.png", "width": 16, "height": 12} for i in range(_COUNT)]
    points = [1, 2, 2, 5, 6, 0]
    annotations = [{"image_id": i, "category_id": 3, "bbox": [1, 2, 3, 4], "keypoints": points} for i in range(_COUNT)]
    document = {"images": images, "annotations": annotations, "categories": [{"id": 3, "name": "eye"}]}
    return _folder(where, {"coco.json": json.dumps(document)})


def _masks(where: Path, colours: bool) -> Path:
    path = _folder(where, {})
    (path / "masks").mkdir()
    for index, classes in enumerate(_CLASSES):
        palette = np.array([(0, 0, 0), (255, 0, 0), (0, 0, 255)], np.uint8)
        picture = Image.fromarray(palette[classes] if colours else classes)
        if not colours:
            picture.putpalette(palette.ravel().tolist())
        picture.save(path / f"masks/{index}.png")
    return path


_BOX = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>5</xmax><ymax>6</ymax></bndbox>"
_VOC = (
    "<annotation><size><width>16</width><height>12</height></size>"
    f"<object><name>eye</name>{_BOX}</object></annotation>"
)
_YOLO = {"data.yaml": "names: {0: eye, 1: lid}\n"}
_POSE = {"data.yaml": "kpt_shape: [2, 3]\nnames: [eye]\n"}
_ROWS = "file,pitch,yaw,who,x,y\n" + "".join(f"{i}.png,0.{i},-0.5,w{i},1,2\n" for i in range(_COUNT))
_UNITY = '{"eye": {"look_vec": "(0.#, 0.5, -0.9, 0.0)", "size": "1.5"}, "points": ["(1.0, 2.0)", "(3.0, 4.0)"]}'
LABELLED: dict[str, Callable[[Path], Path]] = {
    "coco": _coco,
    "yolo": lambda where: _folder(where, _for_each("labels/{}.txt", "1 .5 .5 .25 .25\n0 .2 .2 .1 .1\n") | _YOLO),
    "yolo pose": lambda where: _folder(where, _for_each("labels/{}.txt", "0 .5 .5 .5 .5 .3 .3 2 .6 .6 1\n") | _POSE),
    "voc": lambda where: _folder(where, _for_each("Annotations/{}.xml", _VOC)),
    "palette masks": lambda where: _masks(where, False),
    "colour masks": lambda where: _masks(where, True),
    "table": lambda where: _folder(where, {"labels.csv": _ROWS}),
    "json beside images": lambda where: _folder(where, _for_each("images/{}.json", _UNITY)),
}
