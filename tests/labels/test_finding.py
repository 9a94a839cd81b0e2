from __future__ import annotations

import json

import pytest

from simgan.images import open_images
from simgan.labels import FolderContents, find_labels

COCO = {
    "images": [{"id": 1, "file_name": "a.png"}],
    "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2]}],
    "categories": [{"id": 1, "name": "car"}],
}


def test_of_two_formats_of_boxes_the_first_is_used_and_the_other_told(folder):
    texts = {"coco.json": COCO, "labels/a.txt": "0 .5 .5 1 1\n"}
    with open_images(folder(["a.png"], texts)) as source:
        assert source.label_names == ("boxes",)
        assert source.labels("boxes")[0].tolist() == [[0, 0, 2, 2, 0]]
        (note,) = [note for note in source.notes() if note.startswith("label(s) 'boxes' were already found")]
        assert "'labels/a.txt'" in note
        assert "1 with .txt" in " ".join(source.notes())


def test_a_column_named_class_goes_before_the_names_of_folders(folder):
    names = ["cat/1.png", "cat/2.png", "dog/3.png", "dog/4.png"]
    text = "image,class\n" + "".join(f"{number}.png,{'xyyx'[number - 1]}\n" for number in range(1, 5))
    with open_images(folder(names, {"labels.csv": text})) as source:
        assert source.labels("class").tolist() == ["x", "y", "y", "x"]
        assert "label(s) 'class' were already found" in " ".join(source.notes())


def test_labels_of_the_images_that_can_be_used(folder):
    path = folder(["a.png", "b.png", "c.png"], {"labels.csv": "image,age\na,1\nb,2\nc,3\n"})
    (path / "b.png").write_bytes(b"")
    with open_images(path, on_bad_image="skip") as source:
        assert source.labels("age").tolist() == [1, 3]
        assert source.labels("age", [1]).tolist() == [3]
        assert source.label_classes("age") == ()


def test_an_unknown_label_is_refused_with_those_there_are(folder, message):
    with open_images(folder(["a.png"], {"labels.csv": "image,age\na,1\n"})) as source:
        for ask in (source.labels, source.label_classes, source.inspect_label):
            with pytest.raises(ValueError) as caught:
                ask("gaze")
            assert "'age'" in message(caught.value)


@pytest.mark.parametrize("suffix", [".csv", ".json", ".xml", ".txt", ".yaml"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"\0" * 9, b"{}", b"[[[[", b"<a/>", b"1 2 3", b"a,b\n1,2\n"])
def test_no_file_stops_a_folder_from_being_opened(folder, suffix, content):
    path = folder(["a.png", "b.png"], {f"a{suffix}": content, f"b{suffix}": content, f"all{suffix}": content})
    with open_images(path) as source:
        source.notes()
        assert len(source) == 2


def test_files_that_cannot_be_read_become_notes(tmp_path):
    (tmp_path / "a.txt").mkdir()  # a folder where a file is expected: reading it raises OSError
    contents = FolderContents(tmp_path, ["a.png"], ["a.txt"], {}, lambda index: (1, 1))
    found = find_labels(contents)
    assert found.labels == {}
    assert "readable file" in found.notes[0]
    assert json.dumps(found.notes)


@pytest.mark.parametrize(("name", "told"), [("images", True), ("photographs of mine", False)])
def test_labels_beside_the_folder_of_images_are_told(folder, name, told):
    path = folder([f"{name}/a.png"], {"labels/a.txt": "0 .5 .5 1 1\n"})
    with open_images(path / name) as source:
        assert source.label_names == ()
        assert any(f"give the folder that holds both: {path}" in note for note in source.notes()) == told
    with open_images(path) as source:
        assert source.label_names == ("boxes",)
