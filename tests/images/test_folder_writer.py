from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from simgan.images import open_images, write_like


def tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_names_and_other_files(tmp_path):
    (tmp_path / "in/sub/empty").mkdir(parents=True)
    Image.new("L", (3, 2), 10).save(tmp_path / "in/a.PNG")
    Image.new("L", (5, 4), 20).save(tmp_path / "in/sub/b.bmp")
    others = {"labels.csv": b"a,1\r\n\xff", "sub/a.json": b"{}", "sub/odd": bytes(range(256))}
    for name, content in others.items():
        (tmp_path / "in" / name).write_bytes(content)
    (tmp_path / "in/.hidden").write_text("x")
    with open_images(tmp_path / "in") as source, write_like(source, tmp_path / "out") as writer:
        for index in range(2):
            writer.write(index, source[index] + 1)
    assert tree(tmp_path / "out") == sorted(["a.PNG", "sub/b.bmp", *others])
    assert (tmp_path / "out/sub/empty").is_dir()
    for name, content in others.items():
        assert (tmp_path / "out" / name).read_bytes() == content
    with Image.open(tmp_path / "out/a.PNG") as first, Image.open(tmp_path / "out/sub/b.bmp") as second:
        assert (first.format, first.mode, first.size, first.getextrema()) == ("PNG", "L", (3, 2), (11, 11))
        assert (second.format, second.mode, second.size, second.getextrema()) == ("BMP", "L", (5, 4), (21, 21))


@pytest.mark.parametrize(("dtype", "extension"), [("u2", "png"), ("u2", "tif"), ("f4", "tif")])
def test_depth_is_kept(tmp_path, dtype, extension):
    values = np.linspace(0, 1 if dtype == "f4" else 65535, 12).reshape(3, 4).astype(dtype)
    (tmp_path / "in").mkdir()
    Image.fromarray(values).save(tmp_path / f"in/a.{extension}")
    with open_images(tmp_path / "in") as source, write_like(source, tmp_path / "out") as writer:
        writer.write(0, source[0][::-1].copy())
    with Image.open(tmp_path / f"out/a.{extension}") as after:
        np.testing.assert_array_equal(np.asarray(after), values[::-1])
        assert np.asarray(after).dtype == dtype


@pytest.mark.parametrize(
    ("images", "others", "expected"),
    [
        (["1.png", "2.png"], ["1.json", "masks/1.txt", "11.json", "2.json"], ("1.json", "masks/1.txt")),
        (["a/eye.png", "b/eye.png"], ["a/eye.json", "b/eye.json", "eye.txt"], ("a/eye.json",)),
    ],
)
def test_files_that_may_belong_to_an_image(images, others, expected, tmp_path):
    for name in (*images, *others):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text("{}")
    for name in images:
        Image.new("L", (3, 2), 10).save(tmp_path / "in" / name)
    with open_images(tmp_path / "in") as source, write_like(source, tmp_path / "out") as writer:
        for index in range(2):
            writer.write(index, source[index])
        assert writer.copied_beside(0) == expected
