from __future__ import annotations

import numpy as np
import pytest

from simgan.errors import DataError
from simgan.images import open_images

NAMES = ["a.png", "b.png", "c.png"]


def test_columns_become_labels_in_the_order_of_the_images(folder):
    text = (
        "file,pitch,yaw,eye_x,eye_y,age,who,class\n"
        "c.png,.5,-1,7,8,30,Zoë,2\na.png,.1,.2,1,2,10,Ann,0\nb.png,.3,.4,3,4,20,Bob,1\n"
    )
    with open_images(folder(NAMES, {"labels.csv": text})) as source:
        assert set(source.label_names) == {"gaze", "eye", "age", "who", "class"}
        np.testing.assert_array_equal(source.labels("gaze"), [[0.1, 0.2], [0.3, 0.4], [0.5, -1]])
        np.testing.assert_array_equal(source.labels("eye"), [[1, 2], [3, 4], [7, 8]])
        np.testing.assert_array_equal(source.labels("age"), [10.0, 20.0, 30.0])
        assert source.labels("age").dtype == np.float64
        assert source.labels("who", [2, 0]).tolist() == ["Zoë", "Ann"]
        assert source.labels("class").tolist() == ["0", "1", "2"]  # class numbers are no quantities
        (note,) = [note for note in source.notes() if "labels.csv" in note]
        assert "'file'" in note
        assert "'gaze' (2 numbers)" in note


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("some.csv", "a.png,7\nb.png,8\nc.png,9\n"),
        ("some.tsv", "label\timage\n7\tset/a.png\n8\tset/b.png\n9\tset/c.png\n"),
        ("some.csv", "\ufeffimage;label\r\nb;8,0\r\nc;9,0\r\na;7,0\r\n"),
        ("deep/er/some.csv", 'image,label\n"a.png",7\n\nz.png,1\nb.png,8\nc.png,9\n'),
    ],
)
def test_spellings_of_tables(folder, name, text):
    with open_images(folder(NAMES, {name: text})) as source:
        assert source.label_names == ("label",)
        # whole numbers in a column of this name are classes
        assert source.labels("label").tolist() == ([7.0, 8.0, 9.0] if "8,0" in text else ["7", "8", "9"])


def test_numbers_in_a_column_are_not_taken_for_the_names_of_images(folder):
    text = "age,image\n3,1.jpg\n1,2.jpg\n1,3.jpg\n"
    with open_images(folder(["1.jpg", "2.jpg", "3.jpg"], {"labels.csv": text})) as source:
        assert source.label_names == ("age",)
        assert source.labels("age").tolist() == [3, 1, 1]


def test_a_table_with_the_name_of_the_folder_beside_it(folder, tmp_path):
    path = folder(NAMES)
    (tmp_path / "set.csv").write_text("image,age\na,1\nb,2\nc,3\n")
    with open_images(path) as source:
        assert source.labels("age").tolist() == [1, 2, 3]
        assert "refining does not copy it" in " ".join(source.notes())


def test_of_several_tables_labels_csv_is_read(folder):
    text = "image,age\na,1\nb,2\nc,3\n"
    path = folder(NAMES, {"one.csv": text, "two.csv": text})
    with open_images(path) as source:
        assert source.label_names == ()
        assert "rename one to labels.csv" in " ".join(source.notes())
    (path / "two.csv").rename(path / "labels.csv")
    with open_images(path) as source:
        assert source.label_names == ("age",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("image,age\na,1\nb,2\n", "'c.png'"),
        ("image,age\na,1\nb,2\nc,\n", "''"),
        ("image,age\na,1\nb,nan\nc,1\n", "'nan'"),
        ("image,age\na,1\nb,2\nc,3\na,4\n", "several"),
        ("image,age\na,1\nb,2\nc,3,4\n", "row 4"),
        ("image,age\na,1\nb,2\nc," + "9" * 400 + "\n", "finite"),
        ("image,age\na,x\nb,y\nc," + "z" * 5000 + "\n", "5000"),
    ],
)
def test_rows_that_cannot_be_used(folder, text, says, message):
    with open_images(folder(NAMES, {"labels.csv": text})) as source, pytest.raises(DataError) as caught:
        source.labels("age")
    assert says in message(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"1", b"image,age\nq,1\n", b"image,age\na,\xff\n", b'image,age\na,"1\n', b"\0\0\0", b"," * 70000]
)
def test_what_is_no_table_is_noted(folder, content):
    with open_images(folder(NAMES, {"labels.csv": content})) as source:
        assert source.label_names == ()
        (note,) = [note for note in source.notes() if "not read as labels" in note]
        assert "labels.csv" in note


def test_many_tables_are_not_searched_but_labels_csv_is_read(folder):
    texts = {f"{number}.csv": "image,age\na,1\nb,2\nc,3\n" for number in range(21)}
    path = folder(NAMES, texts)
    with open_images(path) as source:
        assert source.label_names == ()
        assert "21 tables are more than 20, so none is read" in " ".join(source.notes())
    (path / "3.csv").rename(path / "labels.csv")
    with open_images(path) as source:
        assert source.label_names == ("age",)
