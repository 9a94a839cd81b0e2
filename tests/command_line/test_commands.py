"""What the commands say of a set before they work on it, and in which range they read it."""

from __future__ import annotations

import io
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import simgan
from simgan.command_line.check import Check
from simgan.command_line.drift import Drift
from simgan.command_line.evaluate import Evaluate
from simgan.command_line.refine import Refine
from simgan.command_line.train import Train
from simgan.command_line.turing import Turing
from simgan.errors import DataError


@pytest.fixture
def said():
    """Runs a command; gives what it printed."""

    def run(command) -> str:
        file = io.StringIO()
        command.run(Console(file=file, width=200))
        return file.getvalue()

    return run


def notes_in(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(("note:", "warning:"))]


def save_floats(path: Path, low: float, high: float, seed: int = 0) -> Path:
    """12 grey images of 8x8 that reach both ends."""
    values = np.random.default_rng(seed).uniform(low, high, (12, 8, 8)).astype(np.float32)
    values[:, 0, :2] = low, high
    np.save(path, values)
    return path


def test_a_subset_of_the_floats_of_a_training_is_refined_in_its_range(signed_run, tmp_path, said):
    path = save_floats(tmp_path / "some.npy", 0, 0.7)
    assert notes_in(said(Refine(signed_run.path, path, tmp_path / "out.npy", strength="1"))) == []
    images = np.load(path)
    signed = signed_run.refiner.predict_on_batch(images[..., np.newaxis])[..., 0]
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), signed, atol=1e-5)


def test_values_beyond_the_range_of_the_training_are_no_new_guess(signed_run, tmp_path, said, only_line):
    path = save_floats(tmp_path / "some.npy", 0, 200)
    with pytest.raises(DataError) as caught:
        said(Refine(signed_run.path, path, tmp_path / "out.npy"))
    message = only_line(str(caught.value))
    assert "[-1, 1], the range of the training" in message
    assert "--range" in message
    assert not (tmp_path / "out.npy").exists()


def test_floats_for_a_run_on_bytes_are_guessed_and_told_once(finished_run, tmp_path, said):
    path = save_floats(tmp_path / "some.npy", 0, 0.7)
    notes = notes_in(said(Refine(finished_run.path, path, tmp_path / "out.npy")))
    assert len(notes) == 2
    assert "[0, 255], is for uint8 pixels; these images are float32" in notes[0]
    assert "0 to 0.7: the pixel range is assumed to be [0, 1]; if that is wrong, give --range LOW HIGH" in notes[1]


def test_a_run_on_12_bits_reads_bytes_by_their_own_range(data, tmp_path, tiny_config, pixels, said):
    np.save(tmp_path / "deep.npy", pixels(12, 1, (8, 8), "uint16") // 16)
    with simgan.open_images(tmp_path / "deep.npy", pixel_range=simgan.images.PixelRange(0, 4095)) as deep:
        run = simgan.train(tiny_config(), deep, data[1], tmp_path / "run")
    (note,) = notes_in(said(Refine(run.path, data[0], tmp_path / "out.npy")))
    assert "[0, 4095], is for uint16 pixels; these images are uint8, so the full range of that type is used" in note
    assert notes_in(said(Refine(run.path, tmp_path / "deep.npy", tmp_path / "deep-out.npy"))) == []
    assert np.load(tmp_path / "deep-out.npy").max() <= 4095


@pytest.mark.parametrize("dry_run", [True, False])
def test_training_says_what_it_guesses_with_its_own_flags(tmp_path, tiny_config, said, dry_run):
    synthetic = save_floats(tmp_path / "synthetic.npy", 0, 0.7)
    np.save(tmp_path / "real.npy", np.random.default_rng(0).integers(0, 5000, (12, 8, 8)).astype(np.uint16))
    command = Train(synthetic, tmp_path / "real.npy", tmp_path / "run", settings=tiny_config(), dry_run=dry_run)
    notes = [line for line in notes_in(said(command)) if ".npy: " in line]
    assert len(notes) == 2
    assert notes[0].startswith(
        f"note: {synthetic}: float32 pixels from 0 to 0.7: the pixel range is assumed to be [0, 1]"
    )
    assert "--synthetic-range LOW HIGH" in notes[0]
    assert notes[1].startswith(f"warning: {tmp_path / 'real.npy'}: the brightest 16-bit pixel is 49")
    assert "--real-range 0 8191 for 13 bits" in notes[1]


def test_training_says_what_check_says_of_a_folder(tmp_path, tiny_config, said, write_pngs, pixels):
    exif = Image.Exif()
    exif[0x0112] = 8
    for name in ("synthetic", "real"):
        write_pngs(tmp_path / name, pixels(12, 1, (8, 8)))
    Image.fromarray(pixels(1, 3, (8, 8))[0]).save(tmp_path / "real/000.png", exif=exif)
    (tmp_path / "synthetic/labels.csv").write_text("1")
    checked = notes_in(said(Check(tmp_path / "synthetic"))) + notes_in(said(Check(tmp_path / "real")))
    train = Train(tmp_path / "synthetic", tmp_path / "real", tmp_path / "run", settings=tiny_config())
    trained = [line for line in notes_in(said(train)) if f"{tmp_path}" in line]
    assert len(trained) == len(checked) == 2
    for short, line in zip(checked, trained, strict=True):
        assert short.removeprefix("note: ") in line


def test_drift_reads_the_refined_set_in_the_range_of_the_synthetic_one(tmp_path, said):
    synthetic = save_floats(tmp_path / "synthetic.npy", -1, 1)
    half = (np.load(synthetic) + 1) / 4 + 0.1  # 0.1 to 0.6
    np.save(tmp_path / "refined.npy", half.astype(np.float32))
    with pytest.raises(DataError, match=r"\[0, 1\], the range of the synthetic images, received -1"):
        said(Drift(tmp_path / "refined.npy", synthetic))
    notes = notes_in(said(Drift(synthetic, tmp_path / "refined.npy")))
    assert len(notes) == 1
    assert f"{synthetic}: float32 pixels from -1 to 1: the pixel range is assumed to be [-1, 1]" in notes[0]


def test_drift_says_once_what_both_sets_share(tmp_path, said, write_pngs, pixels):
    for name in ("synthetic", "refined"):
        (write_pngs(tmp_path / name, pixels(4, 1, (16, 16))) / "labels.csv").write_text("1")
    (note,) = notes_in(said(Drift(tmp_path / "synthetic", tmp_path / "refined")))
    assert "'labels.csv' is not read as labels" in note


def test_another_ratio_and_another_scale_are_told(data, finished_run, tmp_path, tiny_config, said, pixels):
    np.save(tmp_path / "wide.npy", pixels(4, 1, (16, 32)))
    train = Train(tmp_path / "wide.npy", data[1], tmp_path / "run", settings=tiny_config(size="8x8"))
    (stretched,) = [line for line in notes_in(said(train)) if "wide.npy" in line]
    assert "4 of 4 images in a sample" in stretched
    assert "by a factor of up to 2.00 (16x32)" in stretched
    (scaled,) = notes_in(said(Refine(finished_run.path, tmp_path / "wide.npy", tmp_path / "out.npy")))
    assert "smaller than 8x8, the size in training (one is 16x32)" in scaled


def test_a_check_of_unreadable_images_says_so_once(tmp_path, said):
    (tmp_path / "set").mkdir()
    for index in range(4):
        (tmp_path / f"set/{index}.png").write_bytes(b"")
    text = said(Check(tmp_path / "set"))
    assert "pixels   no image can be read" in text
    assert "nan" not in text
    assert "None" not in text
    (problem,) = [line for line in text.splitlines() if line.startswith("problem:")]
    assert "'0.png'" in problem
    assert "(the same problem in 3 more of the images listed)" in problem
    assert "4 problem(s) found" in text


def test_channels_first_go_through_training_and_refining_with_the_flag(tmp_path, tiny_config, said, pixels):
    for name, seed in (("synthetic", 1), ("real", 2)):
        np.save(tmp_path / f"{name}.npy", pixels(12, seed, (3, 8, 8)))
    synthetic, real, out = tmp_path / "synthetic.npy", tmp_path / "real.npy", tmp_path / "run"
    with pytest.raises(DataError, match="--synthetic-layout"):
        said(Train(synthetic, real, out, settings=tiny_config()))
    said(Train(synthetic, real, out, settings=tiny_config(), synthetic_layout="nchw", real_layout="nchw"))
    run = simgan.Run.open(out)
    assert (run.data.synthetic.layout, run.data.real.layout, run.data.channels) == ("nchw", "nchw", 3)
    said(Refine(out, synthetic, tmp_path / "out.npy", strength="1"))  # the run remembers the layout
    images = np.load(synthetic)
    expected = simgan.refine(run, images.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected)


def test_sets_given_to_evaluate_are_read_in_the_range_of_the_training(signed_run, tmp_path):
    some = save_floats(tmp_path / "some.npy", 0, 0.7)
    file = io.StringIO()
    command = Evaluate(signed_run.path, synthetic=some, real_test=some, real_test_range=(0, 1))
    with ExitStack() as opened:
        synthetic, real, test = command._open(signed_run, opened, Console(file=file, width=200))
        assert str(synthetic.pixel_range) == "[-1, 1]"
        assert str(real.path) == signed_run.data.real.path
        assert str(test.pixel_range) == "[0, 1]"
    assert file.getvalue() == ""


def test_check_advises_the_option_of_the_set_that_it_speaks_of(tmp_path, said):
    for name in ("synthetic", "real"):
        np.save(tmp_path / f"{name}.npy", np.random.default_rng(0).uniform(0, 0.9, (9, 8, 8)).astype(np.float32))
    notes = notes_in(said(Check(tmp_path / "synthetic.npy", against=tmp_path / "real.npy")))
    first, second = [note for note in notes if "LOW HIGH" in note]
    assert "give --range LOW HIGH" in first
    assert "give --against-range LOW HIGH" in second


@pytest.fixture
def persons(tmp_path, pixels):
    """Writes NAME.h5: two persons' groups, each with 6 images by key, and a group of masks that is not named."""

    def write(name: str, seed: int) -> Path:
        with h5py.File(tmp_path / name, "w") as file:
            for index, image in enumerate(pixels(12, seed, (8, 8))):
                file[f"p{index // 6}/image/{index}"] = image
                file[f"p{index // 6}/mask/{index}"] = image
        return tmp_path / name

    return write


def test_the_key_of_the_training_is_remembered_and_one_on_the_command_line_wins(
    persons, data, tmp_path, tiny_config, said
):
    synthetic, other, out = persons("synthetic.h5", 1), persons("other.h5", 3), tmp_path / "run"
    said(Train(synthetic, data[1], out, settings=tiny_config(), synthetic_key="*/image"))
    assert notes_in(said(Refine(out, synthetic, tmp_path / "same.h5"))) == []
    (note,) = notes_in(said(Refine(out, other, tmp_path / "other-out.h5")))
    assert note.startswith(f"note: {other}: read with --key '*/image', as in training")
    assert notes_in(said(Refine(out, other, tmp_path / "one.h5", key="p1/image"))) == []
    with h5py.File(other) as before, h5py.File(tmp_path / "one.h5") as after:
        np.testing.assert_array_equal(after["p0/image/0"], before["p0/image/0"])
        assert np.any(after["p1/image/6"][()] != before["p1/image/6"][()])
    with h5py.File(other) as before, h5py.File(tmp_path / "other-out.h5") as after:
        assert np.any(after["p0/image/0"][()] != before["p0/image/0"][()])
        np.testing.assert_array_equal(after["p0/mask/0"], before["p0/mask/0"])


def test_a_key_of_the_training_does_not_go_to_another_format(persons, data, tmp_path, tiny_config, said, pixels):
    said(Train(persons("s.h5", 1), data[1], tmp_path / "run", settings=tiny_config(), synthetic_key="*/image"))
    assert notes_in(said(Refine(tmp_path / "run", data[0], tmp_path / "out.npy"))) == []


def test_a_grey_stack_for_a_run_of_channels_first_says_how_to_read_it(tmp_path, tiny_config, said, pixels):
    for name, seed in (("synthetic", 1), ("real", 2)):
        np.save(tmp_path / f"{name}.npy", pixels(12, seed, (1, 8, 8)))
    train = Train(tmp_path / "synthetic.npy", tmp_path / "real.npy", tmp_path / "run", settings=tiny_config())
    said(replace(train, synthetic_layout="nchw", real_layout="nchw"))
    np.save(tmp_path / "grey.npy", pixels(3, 3, (8, 8)))
    with pytest.raises(DataError, match="--layout nhwc"):
        said(Refine(tmp_path / "run", tmp_path / "grey.npy", tmp_path / "out.npy"))
    said(Refine(tmp_path / "run", tmp_path / "grey.npy", tmp_path / "out.npy", layout="nhwc"))
    assert np.load(tmp_path / "out.npy").shape == (3, 8, 8)


@pytest.mark.parametrize("command", [Evaluate, Turing])
def test_evaluate_and_turing_take_the_options_of_opening_for_each_set(
    command, persons, data, tmp_path, tiny_config, said
):
    synthetic, other = persons("synthetic.h5", 1), persons("other.h5", 3)
    np.save(tmp_path / "nchw.npy", np.load(data[1])[:, np.newaxis])
    said(Train(synthetic, data[1], tmp_path / "run", settings=tiny_config(), synthetic_key="*/image"))
    run = simgan.Run.open(tmp_path / "run")
    console = Console(file=io.StringIO(), width=200)

    def opened(name, **options):
        given = command(run.path, **options)
        if command is Turing:
            return given._open(name, getattr(run.data, name), console)
        with ExitStack() as stack:
            sets = dict(zip(("synthetic", "real", "real_test"), given._open(run, stack, console), strict=True))
            stack.pop_all()
        return sets[name]

    assert len(opened("synthetic")) == len(opened("synthetic", synthetic=other)) == 12
    assert len(opened("synthetic", synthetic=other, synthetic_key="p0/image")) == 6
    real = opened("real", real=tmp_path / "nchw.npy", real_layout="nchw", real_range=(0, 200))
    assert (real.size(0), real.channels, str(real.pixel_range)) == ((8, 8), 1, "[0, 200]")


def test_evaluate_says_what_is_unusual_in_the_sets_of_the_training(
    tmp_path, tiny_config, said, write_pngs, pixels, data
):
    synthetic = write_pngs(tmp_path / "synthetic", pixels(12, 1, (8, 8)))
    (synthetic / "labels.csv").write_text("1")
    run = simgan.train(tiny_config(), synthetic, data[1], tmp_path / "run")
    shown = io.StringIO()
    with ExitStack() as stack:
        Evaluate(run.path)._open(run, stack, Console(file=shown, width=200))
    (note,) = notes_in(shown.getvalue())
    assert note.startswith(f"note: {synthetic}: 'labels.csv' is not read as labels")
