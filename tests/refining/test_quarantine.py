from __future__ import annotations

import csv
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from simgan.errors import DataError, OutputError
from simgan.framing.displacement import displacement
from simgan.images import ImageSource, open_images
from simgan.refining.quarantine import Quarantine, SetAside, quarantine_list


@pytest.mark.parametrize(("leaves_out", "kept"), [(True, "left out"), (False, "as it was, unrefined")])
def test_what_moved_further_is_listed_in_the_order_of_the_set(leaves_out, kept, tmp_path, monkeypatch):
    moved = [np.array([1.0, 1.001]), np.array([7.0, 0.2])]
    module = import_module("simgan.framing.displacement")
    monkeypatch.setattr(module, "displacement", lambda synthetic, refined: moved.pop(0))
    np.save(tmp_path / "in.npy", np.zeros((9, 2, 2), np.uint8))
    two = np.zeros((2, 2, 2, 1), np.uint8)
    with open_images(tmp_path / "in.npy") as source, Quarantine(source, source, tmp_path / "o.npy", 1.0) as quarantine:
        quarantine.begin(take_over=False)
        assert quarantine.stay([6, 8], two, two).tolist() == [True, False]
        assert quarantine.stay([3, 4], two, two).tolist() == [False, True]
        quarantine.write_list(quarantine.found(), leaves_out=leaves_out)
        names = [source.names[3], source.names[8]]
    with (tmp_path / "o.npy.quarantine.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    reason = "content moved by more than 1 px"
    assert rows[1:] == [[names[0], "7.000", reason, kept], [names[1], "1.001", reason, kept]]


TEXTURE = np.random.default_rng(0).integers(0, 256, (2, 24, 24, 1), np.uint8)


@pytest.fixture
def source(tmp_path):
    """Three 24x24 images."""
    np.save(tmp_path / "in.npy", np.zeros((3, 24, 24), np.uint8))
    with open_images(tmp_path / "in.npy") as source:
        yield source


def set_aside(source: ImageSource, output: Path, limit: float | None, indices=range(3)) -> Quarantine:
    """A quarantine with images set aside because their content moved by 2 px."""
    quarantine = Quarantine(source, source, output, limit)
    for index in indices:
        pair = TEXTURE[:1], np.roll(TEXTURE[:1], 2, axis=2)
        assert quarantine.stay([index], *pair).tolist() == [False]
    return quarantine


def test_movement_is_measured_in_the_range_of_the_pixels(source, tmp_path):
    moved = np.stack([TEXTURE[0], np.roll(TEXTURE[1], 2, axis=1)])
    quarantine = Quarantine(source, source, tmp_path / "o.npy", 1.0)
    assert quarantine.stay([2, 0], TEXTURE, moved).tolist() == [True, False]
    (found,) = quarantine.found()
    assert (found.name, found.copied) == (source.names[0], ())
    signed = TEXTURE / np.float32(127.5) - 1
    expected = displacement(signed, moved / np.float32(127.5) - 1)
    assert found.drift == pytest.approx(expected[1], abs=1e-6)


def test_without_a_limit_all_stay_and_no_list_is_written(source, tmp_path):
    with Quarantine(source, source, tmp_path / "o.npy", None) as quarantine:
        quarantine.begin(take_over=False)
        stays = quarantine.stay([0, 1], TEXTURE, np.roll(TEXTURE, 9, axis=2))
        assert (stays.dtype, stays.tolist()) == (np.bool_, [True, True])
        assert not quarantine.has_list
        assert quarantine.found() == []
        quarantine.write_list([], leaves_out=True)
    assert [path.name for path in tmp_path.iterdir()] == ["in.npy"]


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_a_limit_that_is_not_positive_is_one_line(limit, source, tmp_path, only_line):
    with pytest.raises(DataError) as caught:
        Quarantine(source, source, tmp_path / "o.npy", limit)
    assert f"received {limit}" in only_line(str(caught.value))
    Quarantine(source, source, tmp_path / "o.npy", 0.5)


def test_a_set_of_which_nothing_is_left_is_one_line(source, tmp_path, only_line):
    assert len(set_aside(source, tmp_path / "o.npy", 1.0, (0, 2)).found()) == 2
    with pytest.raises(DataError) as caught:
        set_aside(source, tmp_path / "o.npy", 1.0).found()
    message = only_line(str(caught.value))
    assert "content moved by no more than 1 px" in message
    assert "allow more drift" in message


def test_images_that_cannot_be_used_are_set_aside_without_a_limit_too(tmp_path):
    stored = np.zeros((3, 4, 4), np.float32)
    stored[1] = np.nan
    np.save(tmp_path / "in.npy", stored)
    output = tmp_path / "o.npy"
    with (
        open_images(tmp_path / "in.npy", on_bad_image="skip") as source,
        Quarantine(source.whole, source, output, None) as quarantine,
    ):
        quarantine.begin(take_over=False)
        assert quarantine.has_list
        (found,) = quarantine.found(lambda index: (f"{index}.json", f"{index}.txt"))
        assert found == (source.whole.names[1], None, source.left_out[0].reason, ("1.json", "1.txt"))
        quarantine.write_list([found], leaves_out=True)
    with quarantine_list(output).open(newline="") as file:
        header, row = csv.reader(file)
    assert header == ["name", "drift_px", "reason", "kept"]
    assert row == [found.name, "", found.reason, "left out; copied all the same: 1.json, 1.txt"]


def test_a_name_that_is_not_utf_8_is_listed_byte_for_byte(source, tmp_path):
    output = tmp_path / "o.npy"
    quarantine = Quarantine(source, source, output, 1.0)
    quarantine.write_list([SetAside("a\udcff.png", 2.0, "moved")], leaves_out=True)
    assert b"\r\na\xff.png,2.000,moved,left out\r\n" in quarantine_list(output).read_bytes()


@pytest.mark.parametrize("limit", [None, 1.0])
@pytest.mark.parametrize("take_over", [False, True])
def test_a_list_is_taken_over_by_a_job_that_goes_on_and_writes_one_itself(limit, take_over, source, tmp_path):
    output = tmp_path / "o.npy"
    quarantine_list(output).write_text("old")
    quarantine = Quarantine(source, source, output, limit)
    if take_over and limit is not None:
        quarantine.check_list(take_over=True)
        assert quarantine_list(output).read_text() == "old"
        quarantine.begin(take_over=True)
        assert not quarantine_list(output).exists()
        return
    for method in (quarantine.check_list, quarantine.begin):
        with pytest.raises(DataError, match="one of an earlier job"):
            method(take_over=take_over)
    with pytest.raises(ZeroDivisionError), quarantine:
        raise ZeroDivisionError
    assert quarantine_list(output).read_text() == "old"  # it is of another job


def test_an_error_removes_the_list_and_what_was_written_of_it(source, tmp_path):
    output = tmp_path / "o.npy"
    quarantine = set_aside(source, output, 1.0, [0])
    quarantine.begin(take_over=False)
    quarantine.write_list(quarantine.found(), leaves_out=True)
    assert quarantine_list(output).exists()
    (tmp_path / ".o.npy.quarantine.csv.partial").write_text("half")
    with pytest.raises(ZeroDivisionError), quarantine:
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["in.npy"]


def test_a_list_that_cannot_be_written_is_an_error_of_the_output(source, tmp_path, only_line):
    quarantine = Quarantine(source, source, tmp_path / "none" / "o.npy", 1.0)
    with pytest.raises(OutputError) as caught:
        quarantine.write_list([], leaves_out=True)
    assert str(tmp_path / "none" / "o.npy.quarantine.csv") in only_line(str(caught.value))
