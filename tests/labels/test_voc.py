from __future__ import annotations

import numpy as np
import pytest

from simgan.errors import DataError
from simgan.images import open_images

NAMES = ["JPEGImages/a.png", "JPEGImages/b.png"]


def voc(*objects, size="<size><width>20</width><height>10</height><depth>3</depth></size>"):
    inside = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax>"
        "</bndbox></object>"
        for name, x0, y0, x1, y1 in objects
    )
    return f"<?xml version='1.0'?><annotation>{size}{inside}</annotation>"


def test_boxes(folder):
    texts = {
        "Annotations/a.xml": voc(("dog", 1, 2, 4, 6), ("cat", 0, 0, 19.5, 9)),
        "Annotations/b.xml": voc(),
    }
    with open_images(folder(NAMES, texts)) as source:
        assert source.label_names == ("boxes",)
        a, b = source.labels("boxes")
        np.testing.assert_array_equal(a, [[1, 2, 3, 4, 1], [0, 0, 19.5, 9, 0]])
        assert b.shape == (0, 5)
        assert source.label_classes("boxes") == ("cat", "dog")


BOMB = (
    "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'bbbbbbbbbb'>"
    + "".join(f"<!ENTITY {chr(98 + i + 1)} '{f'&{chr(98 + i)};' * 10}'>" for i in range(9))
    + "]><annotation><object>&k;</object></annotation>"
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "DOCTYPE"),
        ("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><annotation><object/></annotation>", "DOCTYPE"),
        ("<annotation>", "b.xml"),
        ("", "b.xml"),
        ("<annotation><object/></annotation>", "bndbox"),
        (voc(("dog", "one", 2, 3, 4)), "'one'"),
        (voc(("dog", 5, 2, 3, 4)), "at least 0"),
        (voc(("dog", 1, 2, "inf", 4)), "'inf'"),
        (voc(size="<size><width>200</width><height>100</height></size>"), "100x200"),
        (voc(size="<size><width>nan</width></size>"), "height"),
    ],
)
def test_faults_of_a_file(folder, text, says, message):
    # The first file decides that these are labels; the second is read later.
    texts = {"Annotations/a.xml": voc(("dog", 1, 2, 3, 4)), "Annotations/b.xml": text}
    path = folder(NAMES, texts | {f"Annotations/a{number}.xml": voc() for number in range(20)})
    with open_images(path) as source:
        if source.label_names:
            with pytest.raises(DataError) as caught:
                source.labels("boxes")
            text = message(caught.value)
        else:  # the fault was seen when the folder was opened
            (text,) = [note for note in source.notes() if "not read as labels" in note]
        assert says in text


def test_a_bomb_in_another_encoding(folder):
    with open_images(folder(NAMES[:1], {"a.xml": BOMB.encode("utf-16")})) as source:
        assert source.label_names == ()
        assert "UTF-8" in " ".join(source.notes())


def test_every_image_needs_a_file(folder, message):
    texts = {"Annotations/a.xml": voc(("dog", 1, 2, 3, 4))}
    with open_images(folder(NAMES, texts)) as source, pytest.raises(DataError) as caught:
        source.labels("boxes")
    assert "b.png" in message(caught.value)
