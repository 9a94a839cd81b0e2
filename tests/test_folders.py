from __future__ import annotations

import pytest

from simgan.errors import RunError
from simgan.folders import check_new, new_folder


def test_what_is_made_keeps_its_name(tmp_path):
    with new_folder(tmp_path / "deep" / "run"):
        (tmp_path / "deep" / "run" / "log").write_text("done")
    assert (tmp_path / "deep" / "run" / "log").read_text() == "done"


def fail_in(folder, error):
    with new_folder(folder):
        (folder / "log").write_text(type(error).__name__)
        raise error


@pytest.mark.parametrize("error", [ValueError("oh"), KeyboardInterrupt(), SystemExit(143)], ids=repr)
def test_what_fails_is_set_aside_and_the_error_goes_on(error, tmp_path):
    with pytest.raises(type(error)) as caught:
        fail_in(tmp_path / "run", error)
    assert caught.value.__notes__ == [f"the logs are in {tmp_path / 'run.failed'}"]
    assert [path.name for path in tmp_path.iterdir()] == ["run.failed"]


def test_nothing_set_aside_is_ever_lost(tmp_path):
    for error in (ValueError(), TypeError(), KeyError()):
        with pytest.raises(type(error)):
            fail_in(tmp_path / "run", error)
    logs = {path.name: (path / "log").read_text() for path in tmp_path.iterdir()}
    assert logs == {"run.failed": "ValueError", "run.failed-2": "TypeError", "run.failed-3": "KeyError"}


def test_full_disk_is_one_line(tmp_path, only_line):
    with pytest.raises(RunError) as caught:
        fail_in(tmp_path / "run", OSError(28, "No space left\non device"))
    assert "No space left on device" in only_line(str(caught.value))
    assert "run.failed" in str(caught.value)


def test_what_exists_is_refused_and_untouched(tmp_path, only_line):
    (tmp_path / "run").write_text("mine")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("run", "dangling"):
        with pytest.raises(RunError) as caught:
            check_new(tmp_path / name)
        assert name in only_line(str(caught.value))
    assert (tmp_path / "run").read_text() == "mine"
