"""The command as a process of its own: interrupted, killed, gone on."""

from __future__ import annotations

import json
import re
import shutil
import signal
from http.client import HTTPConnection

import pytest

import simgan
from simgan.command_line.main import main
from simgan.command_line.turing import Turing
from simgan.console.silent import SILENT
from simgan.images import open_images
from simgan.turing import read_turing
from tests.processes import PROGRAM


@pytest.fixture
def copied(finished_run, tmp_path):
    """A run folder that a test may write to."""
    return shutil.copytree(finished_run.path, tmp_path / "copy")


@pytest.fixture
def start(copied, fork):
    """Starts `simgan turing` on `copied`; gives the process and its port."""

    def run(*arguments):
        process = fork(PROGRAM, "turing", copied, "--trials", 6, "--no-browser", *arguments)
        for line in process.lines():
            if found := re.search(r"http://127\.0\.0\.1:(\d+)/", line):
                return process, int(found[1])
        raise AssertionError(f"the server did not start: {process.stderr}")

    return run


def answer(port, trial):
    headers = {"Content-Type": "application/json", "Origin": f"http://127.0.0.1:{port}"}
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/answer", json.dumps({"test": "0001", "trial": trial, "answer": "real"}), headers)
    reply = connection.getresponse()
    content = json.loads(reply.read())
    connection.close()
    assert reply.status == 200, content
    return content


def test_killed_and_gone_on_and_interrupted(start, copied):
    process, port = start()
    answer(port, 0)
    answer(port, 1)
    process.kill()
    process.wait()
    process, port = start()
    assert answer(port, 2)["next"] == 3
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert "of 3 right" in process.stdout
    assert "3 trials left" in process.stdout
    (result,) = read_turing(copied)
    assert (result.answered, result.finished) == (3, False)


@pytest.mark.parametrize("name", ["synthetic", "real"])
def test_data_set_that_has_moved_is_one_line(name, copied, tmp_path, capsys, only_line):
    config = copied / "config.toml"
    config.write_text(config.read_text("utf-8").replace(f"{name}.npy", f"moved-{name}.npy"), "utf-8")
    assert main(["turing", str(copied), "--trials", "6", "--no-browser"]) == 2
    message = only_line(capsys.readouterr().err)
    assert f"{name}: expected images at" in message
    assert message.endswith(f"--{name}.")
    assert not (copied / "turing").exists()


def test_too_few_images_are_one_line(copied, capsys, only_line):
    assert main(["turing", str(copied), "--no-browser"]) == 2
    assert "expected at least 50 images" in only_line(capsys.readouterr().err)
    assert not (copied / "turing").exists()


def test_images_that_the_training_left_out_are_left_out_again(tmp_path, tiny_config, write_pngs, pixels, data):
    synthetic = write_pngs(tmp_path / "synthetic", pixels(9, 1, (8, 8)))
    (synthetic / "003.png").write_bytes(b"")
    with open_images(synthetic, on_bad_image="skip") as readable:
        run = simgan.train(tiny_config(), readable, data[1], tmp_path / "run")
    moved = shutil.copytree(synthetic, tmp_path / "moved")
    for given in (None, moved):
        with Turing(run.path, synthetic=given)._open("synthetic", run.data.synthetic, SILENT) as opened:
            assert len(opened) == 8


def test_a_folder_in_place_of_a_file_with_a_key_is_read(finished_run, tmp_path, write_pngs, pixels):
    record = finished_run.data.synthetic.model_copy(update={"key": "image", "layout": "nhwc"})
    folder = write_pngs(tmp_path / "pictures", pixels(5, 1, (8, 8)))
    with Turing(finished_run.path, synthetic=folder)._open("synthetic", record, SILENT) as opened:
        assert len(opened) == 5
