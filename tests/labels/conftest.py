"""Folders of images, and of text files beside them, written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def write_images(folder: Path, *names: str, size: tuple[int, int] = (20, 10)) -> Path:
    """Pictures of noise in `folder`. `size`: width and height."""
    random = np.random.default_rng(0)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)).save(path)
    return folder


def write_texts(folder: Path, texts: dict[str, object]) -> Path:
    """Files in `folder`; what is no text is written as JSON."""
    for name, content in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return folder


@pytest.fixture
def folder(tmp_path) -> Callable[..., Path]:
    """Makes the folder `set` with pictures of 20x10 px and other files."""

    def make(names, texts=None, size=(20, 10)) -> Path:
        return write_texts(write_images(tmp_path / "set", *names, size=size), texts or {})

    return make
