from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.progress import Progress

from simgan.console.progress import show_progress


def test_bar_says_what_is_done_and_how_much_there_is():
    shown = io.StringIO()
    with show_progress(Console(file=shown, width=120), "reading", "files") as on_progress:
        for done in range(1, 6):
            on_progress(done, 5)
    line = shown.getvalue().strip().splitlines()[-1]
    assert line.startswith("reading")
    assert "5/5" in line
    assert "files/s" in line


def test_bar_ends_with_an_error():
    console = Console(file=io.StringIO())

    def fail() -> None:
        with show_progress(console, "reading") as on_progress:
            on_progress(1, 2)
            raise ValueError("oh")

    with pytest.raises(ValueError, match="oh"):
        fail()
    with show_progress(console, "again") as on_progress:  # a console shows one bar at a time
        on_progress(1, 1)


def test_bar_of_a_million_is_not_updated_a_million_times(monkeypatch):
    updates = []
    monkeypatch.setattr(Progress, "update", lambda self, task, **values: updates.append(values["completed"]))
    monkeypatch.setattr("simgan.console.progress.time.monotonic", iter(range(1, 10**6)).__next__)
    monkeypatch.setattr("simgan.console.progress._INTERVAL", 1000)
    with show_progress(Console(file=io.StringIO()), "reading") as on_progress:
        for done in range(1, 5002):
            on_progress(done, 5001)
    assert updates == [1, 1001, 2001, 3001, 4001, 5001]
