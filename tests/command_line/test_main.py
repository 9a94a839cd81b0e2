from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import h5py
import numpy as np
import pytest

import simgan
from simgan.command_line.main import main
from simgan.images import open_images
from simgan.refining.data_set import refine_data_set
from simgan.settings.config import make_config
from tests.processes import PROGRAM

TINY_FLAGS = (
    *("--batch-size", "4", "--refiner-pretrain-steps", "1", "--discriminator-pretrain-steps", "1", "--steps", "1"),
    *("--refiner-updates", "1", "--refiner.filters", "4", "--refiner.blocks", "1", "--precision", "float32"),
)


@pytest.fixture
def command(capsys):
    """Runs one command line; gives the exit code, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def refused(command, tmp_path, only_line):
    """Runs a command line that must be refused and leave nothing; gives the message."""

    def run(*arguments: object) -> str:
        before = sorted(tmp_path.rglob("*"))
        code, _, stderr = command(*arguments)
        assert code == 2
        assert only_line(stderr).startswith("simgan: error: ")
        assert sorted(tmp_path.rglob("*")) == before
        return stderr

    return run


@pytest.fixture
def train(data, tmp_path):
    """A tiny train command, with the arguments of a test over it."""

    def arguments(**changes: object) -> list[object]:
        paths = {"synthetic": data[0], "real": data[1], "out": tmp_path / "run"} | changes
        given = (part for name, path in paths.items() for part in (f"--{name}", path))
        return ["train", "--preset", "reference", *given, *TINY_FLAGS]

    return arguments


# --- What is refused --------------------------------------------------------------------------------------------


def test_missing_paths(refused, train, tmp_path, finished_run):
    nowhere = tmp_path / "nowhere"
    for line in (
        train(synthetic=nowhere),
        train(real=nowhere),
        ["check", nowhere],
        ["refine", nowhere, nowhere, tmp_path / "out"],
        ["refine", finished_run.path, nowhere, tmp_path / "out"],
        ["train", "--config", nowhere, "--out", tmp_path / "run"],
    ):
        assert "nowhere" in refused(*line)


@pytest.mark.parametrize("form", ["argument", "option", "option with ="])
def test_an_empty_argument_is_not_the_current_folder(form, refused, train, tmp_path, finished_run):
    line = {
        "argument": ["refine", finished_run.path, "", tmp_path / "out"],
        "option": train(synthetic=""),
        "option with =": ["check", tmp_path, "--against="],
    }[form]
    message = refused(*line)
    assert "empty argument" in message
    assert "'.' for the current folder" in message


def test_empty_folder_and_empty_file(refused, train, tmp_path, finished_run):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.npy").touch()
    for path in (tmp_path / "empty", tmp_path / "empty.npy"):
        for line in (train(synthetic=path), ["check", path], ["refine", finished_run.path, path, tmp_path / "o.npy"]):
            assert str(path) in refused(*line)


def test_file_that_is_no_data_set(refused, train, tmp_path):
    (tmp_path / "notes.txt").write_text("no images")
    (tmp_path / "broken.h5").write_text("no HDF5")
    for name in ("notes.txt", "broken.h5"):
        assert name in refused("check", tmp_path / name)
        assert name in refused(*train(real=tmp_path / name))


def test_wrong_key(refused, train, tmp_path, labelled, finished_run):
    for line in (
        [*train(synthetic=labelled), "--synthetic-key", "ears"],
        [*train(real=labelled), "--real-key", "ears"],
        ["check", labelled, "--key", "ears"],
        ["refine", finished_run.path, labelled, tmp_path / "refined.h5", "--key", "ears"],
    ):
        message = refused(*line)
        assert "'ears'" in message
        assert "labelled.h5" in message


def test_sets_of_different_channels(refused, train, tmp_path, pixels, finished_run):
    np.save(tmp_path / "colour.npy", pixels(8, 1, (8, 8, 3)))
    assert "channels" in refused(*train(real=tmp_path / "colour.npy"))
    assert "channel" in refused("refine", finished_run.path, tmp_path / "colour.npy", tmp_path / "refined.npy")


def test_mixed_channels_in_one_set(refused, train, tmp_path, pixels, write_pngs):
    folder = write_pngs(tmp_path / "mixed", [*pixels(5, 1), *pixels(1, 2, (8, 8, 3))])
    assert "005.png" in refused(*train(synthetic=folder))


def test_mixed_sizes_in_one_set(refused, train, tmp_path, pixels, write_pngs):
    folder = write_pngs(tmp_path / "mixed", [*pixels(5, 1), *pixels(1, 2, (9, 8))])
    assert "--size" in refused(*train(synthetic=folder))


def test_too_few_images(refused, train):
    message = refused(*train(), "--batch-size", 11)
    assert "the 10 images" in message
    assert "--batch-size 8" in message


def test_nan_pixels(refused, train, tmp_path, finished_run):
    images = np.zeros((8, 8, 8), np.float32)
    images[5, 1, 1] = np.nan
    path = tmp_path / "nan.npy"
    np.save(path, images)
    for line in (train(synthetic=path), train(real=path), ["refine", finished_run.path, path, tmp_path / "o.npy"]):
        message = refused(*line)
        assert "NaN" in message
        assert "'5'" in message


def test_existing_run_folder(refused, train, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/mine.txt").write_text("keep")
    assert str(tmp_path / "run") in refused(*train())
    assert (tmp_path / "run/mine.txt").read_text() == "keep"


def test_existing_output(refused, labelled, tmp_path, finished_run):
    shutil.copy(labelled, tmp_path / "refined.h5")
    assert "refined.h5" in refused("refine", finished_run.path, labelled, tmp_path / "refined.h5")
    assert (tmp_path / "refined.h5").read_bytes() == labelled.read_bytes()


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--batch-size", "1"], "batch_size"),
        (["--history-size", "1"], "history_size"),
        (["--refiner-optimiser.learning-rate", "0"], "learning_rate"),
        (["--refiner.filters", "0"], "filters"),
        (["--jitter", "4"], "jitter"),
        (["--size", "big"], "size"),
        (["--self-regularisation", "nan"], "self_regularisation"),
    ],
)
def test_setting_out_of_range(flags, named, train, refused):
    assert named in refused(*train(), *flags)


@pytest.mark.parametrize(
    "text",
    [
        "batch_size = ",
        "batch_sise = 4",
        "batch_size = 1",
        "steps = {a = 1}",
        "[refiner]\ndepth = 3",
        "data = 3",
        '[data]\nsynthetic = "a path"',
        "[data.synthetic]\nkey = 'no path'",
        "[data.synthetic]\npath = 'synthetic.npy'\nrange = [1]",
    ],
)
def test_wrong_config_file(text, refused, train, tmp_path):
    (tmp_path / "own.toml").write_text(text)
    refused(*train(config=tmp_path / "own.toml"))


@pytest.mark.parametrize("range", [("5", "1"), ("0", "300"), ("nan", "1")])
def test_wrong_range(range, refused, train):
    assert "range" in refused(*train(), "--synthetic-range", *range)


LONG = "/a-long-path" * 20


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--preset", "cats"], ["'cats'", "paper-gaze", "'simgan train --help'"]),
        (["train"], ["--synthetic", "--out", "'simgan train --help'"]),
        (["train", *["--synthetic", "a", "--real", "b", "--out", "c", "--steps", "many"]], ["--steps", "'many'"]),
        (["paint"], ["'paint'", "train", "turing", "'simgan --help'"]),
        ([], ["train", "turing", "'simgan --help'"]),
        (["check"], ["PATH", "'simgan check --help'"]),
        (["check", "a", "--colour", "red"], ["--colour", "'simgan check --help'"]),
        (["check", "a", LONG], [LONG]),
        (["refine", "a", "--max-drift", "[b]far[/b]", "b", "c"], ["--max-drift", "[b]far[/b]"]),
    ],
    ids=str,
)
def test_wrong_usage_is_one_line_and_exits_with_2(arguments, words, command, only_line):
    code, stdout, stderr = command(*arguments)
    assert (code, stdout) == (2, "")
    assert only_line(stderr).startswith("simgan: error: ")
    assert [word for word in words if word not in stderr] == []
    assert not set("│╭─") & set(stderr)
    assert "_Train" not in stderr


# --- What is done -----------------------------------------------------------------------------------------------


def test_check_tells_what_the_images_are(command, labelled):
    code, stdout, stderr = command("check", labelled)
    assert code == 0
    assert stderr == ""
    for part in ("7 (", "9x10 (7)", "uint8, 1 channel", "[0, 255]", "gaze (7, 2) float64", "no problem(s) found"):
        assert part in stdout


def test_check_with_a_range_that_does_not_fit_says_so(command, data):
    code, stdout, _ = command("check", data[0], "--range", 0, 300)
    assert code == 1
    assert "problem: pixel range" in stdout


def test_check_names_each_problem_and_exits_with_1(command, tmp_path):
    images = np.zeros((8, 8, 8), np.float32)
    images[5, 1, 1] = np.nan
    np.save(tmp_path / "nan.npy", images)
    code, stdout, _ = command("check", tmp_path / "nan.npy")
    assert code == 1
    assert "problem: image '5' of" in stdout
    assert "1 problem(s) found" in stdout


def test_dry_run_prints_the_settings_and_the_data_and_makes_nothing(command, train, tmp_path):
    before = sorted(tmp_path.iterdir())
    code, stdout, stderr = command(*train(), "--dry-run")
    assert (code, stderr) == (0, "")
    assert "12 images of 1 channel(s) uint8" in stdout
    assert "10 images of 1 channel(s) uint8" in stdout
    settings = make_config(tomllib.loads(stdout.partition("synthetic: ")[0]))
    assert (settings.batch_size, settings.refiner.filters, settings.history_size) == (4, 4, 51_200)
    assert sorted(tmp_path.iterdir()) == before


def test_preset_then_config_then_flags(command, data, tmp_path):
    (tmp_path / "own.toml").write_text("steps = 7\nbatch_size = 6\n[refiner]\nblocks = 2\n")
    flags = ["--preset", "default", "--config", tmp_path / "own.toml", "--batch-size", 8, "--out", tmp_path / "run"]
    flags += ["--jitter", 0, "--discriminator.padding", "same"]  # the images are small
    _, stdout, _ = command("train", "--synthetic", data[0], "--real", data[1], *flags, "--dry-run")
    settings = make_config(tomllib.loads(stdout.partition("note: ")[0]))
    from simgan.settings.presets import PRESETS

    demo = PRESETS["default"].config
    assert (settings.batch_size, settings.steps, settings.refiner.blocks) == (8, 7, 2)
    assert settings.refiner.filters == demo.refiner.filters
    assert settings.refiner_optimiser == demo.refiner_optimiser


def test_train_refine_and_train_again_from_the_config(command, train, labelled, tmp_path):
    code, stdout, stderr = command(*train())
    assert (code, stderr) == (0, "")
    assert "adversarial 1/1: " in stdout
    assert (tmp_path / "run/report.html").is_file()

    code, _, stderr = command("refine", tmp_path / "run", labelled, tmp_path / "refined.h5")
    assert (code, stderr) == (0, "")
    with h5py.File(labelled) as before, h5py.File(tmp_path / "refined.h5") as after:
        assert after["gaze/e3"][()].tobytes() == before["gaze/e3"][()].tobytes()
        assert after["image/e3"].shape == (9, 10)
        assert (after["image/e3"][()] != before["image/e3"][()]).any()

    code, _, stderr = command("train", "--config", tmp_path / "run/config.toml", "--out", tmp_path / "again")
    assert (code, stderr) == (0, "")
    for name in ("config.toml", "samples/step_000001.png"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "run" / name).read_bytes()
    first, again = (simgan.Run.open(tmp_path / name) for name in ("run", "again"))
    for one, other in zip(first.refiner.get_weights(), again.refiner.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def dry_run_of(run: Path, *flags: object) -> list[object]:
    return ["train", "--config", run / "config.toml", "--out", run.parent / "again", *flags, "--dry-run"]


def test_config_remembers_key_and_range(command, train, labelled, pixels, tmp_path):
    with h5py.File(labelled, "a") as file:
        file["image2"] = pixels(8, 1, (8, 8)) // 2
    np.save(tmp_path / "twelve.npy", pixels(8, 2, (8, 8), "uint16") // 16)
    keyed = [*train(synthetic=labelled, real=tmp_path / "twelve.npy"), "--synthetic-key", "image2"]
    code, _, stderr = command(*keyed, "--real-range", 0, 4095)
    assert (code, stderr) == (0, "")
    run = simgan.Run.open(tmp_path / "run")
    assert (run.data.synthetic.key, run.data.real.range) == ("image2", (0, 4095))
    code, stdout, _ = command(*dry_run_of(run.path))
    assert code == 0
    assert "8 images of 1 channel(s) uint8" in stdout
    assert "8 images of 1 channel(s) uint16" in stdout


def test_key_and_range_of_a_config_are_not_those_of_another_path(command, labelled, tmp_path, finished_run, pixels):
    """A run on 8-bit images is repeated on 16-bit ones."""
    np.save(tmp_path / "deep.npy", pixels(8, 1, (8, 8), "uint16"))
    out = ["--out", tmp_path / "run", *TINY_FLAGS]
    code, _, stderr = command(
        "train", "--config", finished_run.path / "config.toml", "--synthetic", tmp_path / "deep.npy", *out
    )
    assert (code, stderr) == (0, "")
    record = simgan.Run.open(tmp_path / "run").data.synthetic
    assert (record.range, record.dtype) == ((0, 65535), "uint16")


def test_render_eyes(command, tmp_path):
    code, _, stderr = command(
        "render-eyes", tmp_path / "eyes.h5", "--count", 3, "--height", 12, "--width", 20, "--channels", 3, "--seed", 4
    )
    assert (code, stderr) == (0, "")
    with open_images(tmp_path / "eyes.h5") as eyes:
        assert len(eyes) == 3
        assert eyes[0].shape == (12, 20, 3)
        assert eyes.labels("gaze").shape[0] == 3


def test_interruption_is_one_line_and_130(command, monkeypatch, data):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("simgan.images.inspect_images", interrupt)
    code, _, stderr = command("check", data[0])
    assert code == 130
    assert stderr == "simgan: interrupted\n"


@pytest.mark.parametrize(("asked_by", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_asked_to_stop_a_training_writes_a_checkpoint_and_says_how_to_go_on(
    asked_by, code, train, tmp_path, only_line, fork
):
    process = fork(PROGRAM, *map(str, train()), "--steps", "100000", "--log-every", "1", "1", "1")
    assert any(line.startswith("adversarial 2/") for line in process.lines())
    process.send_signal(asked_by)
    assert process.wait(60) == code
    folder = tmp_path / "run"
    assert only_line(process.stderr) == f"simgan: interrupted; go on with 'simgan train --resume {folder}'"
    (kept,) = (folder / "checkpoints").iterdir()
    last = json.loads((folder / "metrics.jsonl").read_text("utf-8").splitlines()[-1])
    assert kept.name == f"3-adversarial-{last['step']:07d}"


def test_other_settings_than_it_began_with_are_refused_with_the_difference(command, train, tmp_path, monkeypatch):
    monkeypatch.setattr("simgan.training.checkpoint.Checkpoints.step", lambda self: self._stop.obey())
    monkeypatch.setattr(
        "simgan.training.stopping.StopRequest.obey", lambda self: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    assert command(*train())[0] == 130
    monkeypatch.undo()
    resume = ["train", "--resume", tmp_path / "run"]
    code, _, stderr = command(*resume, "--steps", "7", "--refiner.blocks", "2", "--keep", "5")
    assert code == 2
    assert "steps: 1, now 7; refiner.blocks: 1, now 2" in " ".join(stderr.split())
    (tmp_path / "own.toml").write_text("steps = 9")
    for flags, said in (
        (["--preset", "wide"], "batch_size: 4, now "),
        (["--config", tmp_path / "own.toml"], "steps: 1, now 9"),
        (["--synthetic-range", "0", "99"], "synthetic_range: expected (0.0, 255.0)"),
        (["--on-bad-image", "skip"], "on_bad_image: expected stop"),
        (["--dry-run"], "dry_run"),
    ):
        code, _, stderr = command(*resume, *flags)
        assert (code, said in " ".join(stderr.split())) == (2, True), stderr
    code, _, stderr = command(*resume, "--out", tmp_path / "elsewhere")
    assert (code, "--out" in stderr or "out:" in stderr) == (2, True)
    code, stdout, stderr = command(*resume, "--keep", "5")
    assert (code, stderr) == (0, "")
    assert "going on from the beginning" in stdout
    code, _, stderr = command(*resume)
    assert code == 2
    assert "finished" in stderr


def test_a_finished_training_is_prolonged_by_more_steps(command, train, tmp_path):
    assert command(*train())[0] == 0
    resume = ["train", "--resume", tmp_path / "run"]
    code, stdout, stderr = command(*resume, "--steps", "3")
    assert (code, stderr) == (0, "")
    assert "prolonged from 1 to 3 adversarial steps" in stdout
    assert "going on after adversarial step 1" in stdout
    assert simgan.Run.open(tmp_path / "run").config.steps == 3
    assert simgan.Run.open(tmp_path / "run").metrics()[-1]["step"] == 3
    code, _, stderr = command(*resume)
    assert (code, "more --steps than its 3" in " ".join(stderr.split())) == (2, True)


def test_a_run_folder_within_the_images_is_refused(train, tmp_path, pixels, write_pngs, refused):
    folder = write_pngs(tmp_path / "photographs", pixels(10, 3))
    arguments = ["--real", folder, "--out", folder / "run"]
    assert "outside the images" in refused(*train(), *arguments)
    assert "outside the images" in refused(*train(), *arguments, "--dry-run")
    assert not (folder / "run").exists()


LIMITED = (
    "import resource, sys; from simgan.command_line.main import main\n"
    "size = int(sys.argv[1]); resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)); sys.exit(main(sys.argv[2:]))"
)


@pytest.mark.parametrize("flags", [["--checkpoint-every", "1"], []], ids=["a checkpoint", "the models"])
def test_a_full_disk_is_one_line_with_a_way_on(flags, train, tmp_path, only_line, command, fork):
    """No file may have more than 200 kB, in a process of its own: D has twice as much."""
    done = fork(LIMITED, 200_000, *train(), *flags)
    assert done.wait() == 2, done.stderr
    assert "make room" in only_line(done.stderr)
    assert f"simgan train --resume {tmp_path / 'run'}" in done.stderr
    assert not list((tmp_path / "run").glob("checkpoints/*"))
    assert command("train", "--resume", tmp_path / "run")[0] == 0


def test_bad_images_are_left_out_of_training_and_refining_if_asked(command, train, tmp_path, write_pngs, pixels):
    folder = write_pngs(tmp_path / "synthetic", pixels(9, 1, (8, 8)))
    (folder / "003.png").write_bytes(b"")
    code, _, stderr = command(*train(synthetic=folder))
    assert code == 2
    assert "003.png" in stderr
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    code, stdout, _ = command(*train(synthetic=folder), "--on-bad-image", "skip")
    assert code == 0
    assert "1 of 9 images" in " ".join(stdout.split())
    assert "synthetic,003.png," in (tmp_path / "run/left_out.csv").read_text("utf-8")
    (folder / "003.json").write_text("{}")
    refine = ["refine", tmp_path / "run", folder, tmp_path / "out"]
    assert command(*refine)[0] == 2
    code, stdout, _ = command(*refine, "--on-bad-image", "skip")
    assert code == 0
    assert "out.quarantine.csv" in stdout
    noted = "note: 1 file(s) that differ from a left-out image only in suffix or subfolder were copied"
    assert noted in " ".join(stdout.split())
    assert "'003.json'" in stdout
    assert len(list((tmp_path / "out").iterdir())) == 9


def test_refine_draws_a_strength_for_each_image_and_says_so_once(command, finished_run, data, tmp_path):
    code, stdout, _ = command("refine", finished_run.path, data[0], tmp_path / "out.npy")
    assert code == 0
    told = " ".join(stdout.split())
    assert told.count("Each image is refined by a random strength from 0.5 to 1") == 1
    assert told.count("strength 1 refines all of them whole") == 1
    with open_images(data[0]) as source:
        for name, options in (("default", {}), ("other", {"strength": (0.2, 0.4), "seed": 7})):
            refine_data_set(finished_run, source, tmp_path / f"{name}.npy", **options)
    assert (tmp_path / "out.npy").read_bytes() == (tmp_path / "default.npy").read_bytes()
    flags = ("--strength", "0.2..0.4", "--seed", "7")
    assert command("refine", finished_run.path, data[0], tmp_path / "asked.npy", *flags)[0] == 0
    assert (tmp_path / "asked.npy").read_bytes() == (tmp_path / "other.npy").read_bytes()
    _, stdout, _ = command("refine", finished_run.path, data[0], tmp_path / "whole.npy", "--strength", "1")
    assert "Each image is refined whole (strength 1)." in stdout
    with open_images(data[0]) as source:
        whole = simgan.refine(finished_run, source)
    np.testing.assert_array_equal(np.load(tmp_path / "whole.npy").reshape(whole.shape), whole)
    assert (tmp_path / "whole.npy").read_bytes() != (tmp_path / "out.npy").read_bytes()


@pytest.mark.parametrize("strength", ["2", "1..0", "0-1", "-0.5", "nan"])
def test_wrong_strength(strength, refused, finished_run, data, tmp_path):
    assert "strength" in refused("refine", finished_run.path, data[0], tmp_path / "out.npy", "--strength", strength)


def test_a_checkpoint_refines_whether_the_training_finished_or_not(command, train, data, tmp_path):
    assert command(*train(), "--checkpoint-every", "1", "--log-every", "1", "1", "1")[0] == 0
    newest = max(path.name for path in (tmp_path / "run/checkpoints").iterdir())
    refine = ["refine", tmp_path / "run", data[0]]
    assert command(*refine, tmp_path / "end.npy")[0] == 0
    (tmp_path / "run/networks.safetensors").unlink()
    assert command(*refine, tmp_path / "none.npy")[0] == 2
    assert command(*refine, tmp_path / "best.npy", "--checkpoint", "best")[0] == 0
    for name in ("newest", newest):
        assert command(*refine, tmp_path / f"{name}.npy", "--checkpoint", name)[0] == 0
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}.npy"), np.load(tmp_path / "end.npy"))
    code, _, stderr = command(*refine, tmp_path / "none.npy", "--checkpoint", "../..")
    assert code == 2
    assert newest in stderr


def test_debug_shows_where_it_happened(command, tmp_path):
    code, _, stderr = command("check", tmp_path / "nowhere", "--debug")
    assert code == 2
    assert "Traceback" in stderr
    assert stderr.splitlines()[-1].startswith("simgan: error: ")


def test_a_mistake_of_ours_is_one_line_with_a_code_of_its_own(command, data, monkeypatch, only_line):
    def fail(*arguments, **options):
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr("simgan.images.inspect_images", fail)
    code, _, stderr = command("check", data[0])
    assert code == 70
    assert "ZeroDivisionError: division by zero" in only_line(stderr)
    assert "--debug" in stderr


def test_going_on_in_what_is_no_run_is_one_line(refused, tmp_path):
    assert "nowhere" in refused("train", "--resume", tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["train", "refine", "check", "render-eyes", "demo"])
def test_help_of_each_command(name, capsys):
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    assert f"simgan {name}" in capsys.readouterr().out


def test_help_shows_the_settings_of_the_preset(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--preset", "default", "--help"])
    from simgan.settings.presets import PRESETS

    shown = capsys.readouterr().out
    assert "--refiner-pretrain-steps" in shown
    assert f"(default: {PRESETS['default'].config.refiner_pretrain_steps})" in shown


def test_help_loads_no_large_package():
    code = (
        "import sys; from simgan.command_line.main import main\n"
        "try:\n    main(['--help'])\n"
        "finally:\n    print([name for name in sys.argv[1:] if name in sys.modules])"
    )
    large = ["keras", "torch", "numpy", "scipy", "h5py", "PIL", "grain", "matplotlib", "pydantic", "rich"]
    done = subprocess.run(
        [sys.executable, "-c", code, *large], capture_output=True, text=True, timeout=300, check=True
    )
    assert "Train a refiner" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_check_loads_neither_keras_nor_torch(data):
    code = (
        "import sys; from simgan.command_line.main import main; code = main(['check', sys.argv[1]]); "
        "print(code, [name for name in ('keras', 'torch') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, data[0]], capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout.splitlines()[-1] == "0 []"


def test_module_runs_as_a_program_and_exits_with_the_code(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "simgan", "check", tmp_path / "nowhere"],
        env=os.environ | {"COLUMNS": "40"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("simgan: error: ")
    assert done.stderr.count("\n") == 1


def test_check_against_photographs_warns_of_framing_and_draws(command, tmp_path):
    from simgan.eyes import write_eyes

    write_eyes(tmp_path / "x.h5", 60, seed=1)
    write_eyes(tmp_path / "y.h5", 60, seed=2, domain="camera")
    picture = tmp_path / "framing.png"
    code, shown, _ = command("check", tmp_path / "x.h5", "--against", tmp_path / "y.h5", "--picture", picture)
    assert code == 0
    assert "Content has the same scale in both sets." in shown
    assert "warning" not in shown
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_picture_without_a_set_to_compare_with_is_refused(refused, tmp_path):
    assert "--against" in refused("check", tmp_path / "x.h5", "--picture", tmp_path / "p.png")


def test_a_training_that_left_images_out_goes_on_where_they_are_now(
    command, train, tmp_path, write_pngs, pixels, monkeypatch
):
    folder = write_pngs(tmp_path / "synthetic", pixels(9, 1, (8, 8)))
    (folder / "003.png").write_bytes(b"")
    monkeypatch.setattr("simgan.training.checkpoint.Checkpoints.step", lambda self: self._stop.obey())
    monkeypatch.setattr(
        "simgan.training.stopping.StopRequest.obey", lambda self: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    assert command(*train(synthetic=folder), "--on-bad-image", "skip")[0] == 130
    monkeypatch.undo()
    folder.rename(tmp_path / "moved")
    code, stdout, stderr = command("train", "--resume", tmp_path / "run", "--synthetic", tmp_path / "moved")
    assert (code, stderr) == (0, "")
    assert "1 of 9 images" in " ".join(stdout.split())


def test_names_that_look_like_markup_are_names(command, train, data, tmp_path):
    run = tmp_path / "out[b]x"
    code, stdout, stderr = command(*train(out=run))
    assert (code, stderr) == (0, "")
    assert f"The refiner is in {run};" in stdout
    output = tmp_path / "w[/b]" / "o.npy"
    output.parent.mkdir(parents=True)
    code, stdout, stderr = command("refine", run, data[0], output)
    assert (code, stderr) == (0, "")
    assert f"12 refined images are in {output}." in stdout
    odd = tmp_path / "w[/b].npy"
    odd.write_bytes(data[0].read_bytes())
    code, stdout, _ = command("check", odd, "--against", data[1])
    assert code == 0
    assert command("check", odd, "--against", odd)[1].count("w[/b].npy:") == 1


def test_a_name_of_control_characters_cannot_reach_the_terminal(command, tmp_path, only_line):
    (tmp_path / "run").mkdir()
    for line in (["report", tmp_path / "a\n\x1b[31mb"], ["train", "--config", tmp_path / "a\n\x1b[31mb"]):
        code, _, stderr = command(*line)
        assert code == 2
        assert "a\\n\\x1b[31mb" in only_line(stderr)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("train", "--micro-batch, --history-size or --size"),
        ("refine", "refine smaller images"),
        ("evaluate", "a smaller number of --images"),
        ("drift", "use fewer or smaller images"),
    ],
)
def test_out_of_memory_names_options_that_the_command_has(name, advice, command, monkeypatch, capsys, only_line):
    class Hungry:
        def run(self, console):
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("simgan.command_line.main._parse", lambda arguments: Hungry())
    code, _, stderr = command(name)
    assert code == 2
    assert "out of memory; " in only_line(stderr)
    assert advice in stderr
    monkeypatch.undo()
    with pytest.raises(SystemExit):
        main([name, "--help"])
    shown = capsys.readouterr().out
    assert all(option in shown for option in re.findall(r"--[a-z-]+", advice))


def test_config_remembers_what_becomes_of_bad_images(command, train, tmp_path, write_pngs, pixels):
    folder = write_pngs(tmp_path / "synthetic", pixels(9, 1, (8, 8)))
    (folder / "003.png").write_bytes(b"")
    assert command(*train(synthetic=folder), "--on-bad-image", "skip")[0] == 0
    code, stdout, _ = command(*dry_run_of(tmp_path / "run"))
    assert code == 0
    assert "8 images of 1 channel(s) uint8" in stdout


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (["check", "FILES"], "--images"),
        (["train", "--synthetic", "FILES", "--real", "x", "--out", "y"], "--synthetic-images"),
    ],
)
def test_a_pattern_that_the_shell_wrote_out_is_told_by_its_number(
    arguments, flag, refused, tmp_path, write_pngs, pixels
):
    folder = write_pngs(tmp_path / "many", pixels(200, 1, (4, 4)))
    files = sorted(folder.iterdir())
    line = refused(*(part for one in arguments for part in (files if one == "FILES" else [one])))
    assert "received 200 files" in line
    assert str(files[0]) in line
    assert str(files[1]) not in line
    assert f"{flag}" in line
    assert "'*.png'" in line


def test_version(command):
    code, stdout, stderr = command("--version")
    assert (code, stdout.strip(), stderr) == (0, f"simgan {simgan.__version__}", "")


def test_a_reader_that_leaves_early_ends_the_command_in_silence():
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; '{sys.executable}' -m simgan train --help | true"],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (done.returncode, done.stderr) == (141, "")  # 128 + SIGPIPE, as of other Unix tools


def test_match_writes_a_set_as_refine_does(command, data, tmp_path):
    code, stdout, stderr = command("match", *data, tmp_path / "matched.npy", "--by", "fda-0.09")
    assert (code, stderr) == (0, "")
    assert "12 images matched by fda-0.09 are in" in stdout
    matched = np.load(tmp_path / "matched.npy")
    assert (matched.shape, matched.dtype) == ((12, 8, 8), np.uint8)
    assert abs(matched.mean() - 64) < abs(np.load(data[0]).mean() - 64)  # the photographs' mean is about 64


def test_match_offers_every_method():
    from typing import get_args, get_type_hints

    from simgan.command_line.match import Match
    from simgan.matching import METHODS

    offered = [name for names in get_args(get_type_hints(Match)["by"]) for name in get_args(names)]
    assert offered == [*METHODS, "framing"]


def test_help_of_drift_says_that_framing_counts_as_drift(capsys):
    with pytest.raises(SystemExit):
        main(["drift", "--help"])
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "If refining first gave images the framing of the photographs, this change counts as drift" in said
