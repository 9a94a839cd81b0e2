"""Alpha of pictures would stay where it is while content moves, so a set with alpha keeps its framing."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import simgan
from simgan.command_line.main import main
from simgan.errors import ConfigError, DataError
from simgan.images import open_images
from simgan.matching import match_data_set
from simgan.refining.data_set import refine_data_set
from tests.framing.shapes import photographs, shapes, write_sets


@pytest.fixture
def with_alpha(tmp_path):
    """A folder of shapes with a class each, transparent outside the shape, and real.h5 of photographs."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    lines = ["image,digit"]
    for index, image in enumerate(shapes(1)):
        pixels = np.dstack([image, np.where(image < 255, 255, 0).astype(np.uint8)])
        Image.fromarray(pixels).save(folder / f"{index:02d}.png")
        lines.append(f"{index:02d}.png,{index % 3}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    np.save(tmp_path / "real.npy", photographs())
    return folder, tmp_path / "real.npy"


def test_auto_keeps_the_framing_and_says_why(with_alpha, tmp_path, tiny_config):
    console = Console(record=True, width=10_000, file=io.StringIO())
    run = simgan.train(tiny_config(framing="auto", steps=1), *with_alpha, tmp_path / "run", console=console)
    assert (run.config.framing, run.framing_map) == ("keep", None)
    (note,) = [line for line in console.export_text().splitlines() if "without alpha" in line]
    assert note.startswith("note: ")
    assert "00.png" in note


def test_match_is_an_error(with_alpha, tmp_path, tiny_config, message):
    with pytest.raises(ConfigError) as caught:
        simgan.train(tiny_config(framing="match", steps=1), *with_alpha, tmp_path / "run")
    assert message(caught.value).startswith("framing: ")
    assert "00.png" in str(caught.value)
    assert "without alpha" in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_framed_run_does_not_refine_it(with_alpha, tmp_path, tiny_config, message):
    run = simgan.train(tiny_config(framing="auto", steps=1), *write_sets(tmp_path), tmp_path / "run")
    assert run.framing_map is not None
    with open_images(with_alpha[0]) as source, pytest.raises(DataError) as caught:
        refine_data_set(run, source, tmp_path / "out")
    assert "00.png" in message(caught.value)
    assert "without alpha" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_match_by_framing_refuses_it_and_other_methods_do_not(with_alpha, tmp_path, message):
    with open_images(with_alpha[0]) as source, open_images(with_alpha[1]) as real:
        with pytest.raises(DataError) as caught:
            match_data_set(source, real, tmp_path / "out", "framing")
        assert message(caught.value).startswith("by: ")
        assert "without alpha" in str(caught.value)
        match_data_set(source, real, tmp_path / "coloured", "colour")
    with Image.open(tmp_path / "coloured" / "00.png") as picture:
        assert picture.mode == "LA"


def test_check_does_not_promise_to_match_it(with_alpha, capsys):
    assert main(["check", str(with_alpha[0]), "--against", str(with_alpha[1])]) == 0
    said = capsys.readouterr().out.replace("\n", " ")
    assert "in 'simgan train'" not in said
    assert "without alpha" in said
