from __future__ import annotations

import os

import pytest

from simgan.errors import RunError
from simgan.files.folders import check_new, check_outside, locked, sync_all, whole_folder, write_whole


def test_a_folder_gets_its_name_when_it_is_whole(tmp_path):
    with whole_folder(tmp_path / "deep" / "run") as partial:
        (partial / "log").write_text("done")
        assert not (tmp_path / "deep" / "run").exists()
    assert (tmp_path / "deep" / "run" / "log").read_text() == "done"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["run"]


@pytest.mark.parametrize("error", [ValueError("oh"), KeyboardInterrupt(), SystemExit(143)], ids=repr)
def test_what_fails_leaves_nothing(error, tmp_path):
    def fail():
        with whole_folder(tmp_path / "run") as partial:
            (partial / "log").write_text("half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert not list(tmp_path.iterdir())


def test_what_a_crash_left_is_cleared_away(tmp_path):
    (tmp_path / ".run.partial").mkdir()
    (tmp_path / ".run.partial" / "half").write_text("")
    with whole_folder(tmp_path / "run") as partial:
        assert not list(partial.iterdir())
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    write_whole(tmp_path / "note", "old \u00e4")
    assert (tmp_path / "note").read_text("utf-8") == "old \u00e4"

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "note", b"new")
    assert (tmp_path / "note").read_text("utf-8") == "old \u00e4"


def test_a_locked_folder_is_for_one_at_a_time(tmp_path, only_line):
    with locked(tmp_path):
        with pytest.raises(RunError) as caught, locked(tmp_path):
            pass
        assert str(tmp_path) in only_line(str(caught.value))
    with locked(tmp_path):
        pass


def test_what_exists_is_refused_and_untouched(tmp_path, only_line):
    (tmp_path / "run").write_text("mine")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("run", "dangling"):
        with pytest.raises(RunError) as caught:
            check_new(tmp_path / name)
        assert name in only_line(str(caught.value))
    assert (tmp_path / "run").read_text() == "mine"


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_all_of_a_folder_is_synced(platform, tmp_path, monkeypatch):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/c.txt").write_text("c")
    everything = {path.stat().st_ino for path in (tmp_path, *tmp_path.rglob("*"))}
    synced = set()
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr(os, "sync", lambda: synced.update(everything))
    monkeypatch.setattr(os, "fsync", lambda file: synced.add(os.fstat(file).st_ino))
    sync_all(tmp_path)
    assert synced == everything


def test_a_folder_within_the_images_is_known_by_whatever_path_it_is_named(tmp_path, monkeypatch, only_line):
    images = tmp_path / "photographs"
    (images / "deeper").mkdir(parents=True)
    (tmp_path / "link").symlink_to(images)
    monkeypatch.chdir(images)
    for out, within in (
        ("run", images),
        (images / "deeper/run", images),
        (tmp_path / "link/run", images),
        ("run", "."),
    ):
        with pytest.raises(RunError) as caught:
            check_outside(out, within)
        assert str(out) in only_line(str(caught.value))


def test_a_folder_beside_or_around_the_images_is_none_within_them(tmp_path):
    (tmp_path / "photographs").mkdir()
    (tmp_path / "images.npy").write_bytes(b"")
    check_outside(tmp_path / "photographs-run", tmp_path / "photographs")
    check_outside(tmp_path / "run", tmp_path / "photographs")
    check_outside(tmp_path / "run", tmp_path / "images.npy")
    check_outside(tmp_path / "run", tmp_path / "missing")
