from __future__ import annotations

import io

import pytest

from simgan.errors import DataError
from simgan.images.copying import COPY_BYTES, blocks_of, copy_file


def test_a_file_is_copied_whole_and_links_are_followed(tmp_path):
    content = bytes(range(256)) * (COPY_BYTES // 256) + b"rest"
    (tmp_path / "a").write_bytes(content)
    (tmp_path / "link").symlink_to("a")
    copy_file(tmp_path / "link", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == content
    assert not (tmp_path / "b").is_symlink()


def test_a_missing_original_is_the_fault_of_the_input_and_a_missing_folder_of_the_output(tmp_path, message):
    with pytest.raises(DataError) as caught:
        copy_file(tmp_path / "missing", tmp_path / "b")
    assert message(caught.value).startswith(f"{tmp_path / 'missing'}: ")
    (tmp_path / "a").touch()
    with pytest.raises(FileNotFoundError):
        copy_file(tmp_path / "a", tmp_path / "nowhere/b")


def test_only_the_named_errors_are_those_of_the_input():
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise EOFError("short")

    with pytest.raises(DataError, match="short"):
        list(blocks_of(Broken(), "x", (EOFError,)))
    with pytest.raises(EOFError):
        list(blocks_of(Broken(), "x"))
