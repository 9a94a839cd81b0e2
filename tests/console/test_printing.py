from __future__ import annotations

import io
import os

from rich.console import Console

from simgan.console.printing import print_line
from simgan.console.progress import show_progress


def test_other_peoples_words_are_printed_as_they_are():
    for text, shown in (
        ("in out[b]x and w[/b]/o", "in out[b]x and w[/b]/o\n"),
        ("two\nlines and \x1b[31mred", "two\\nlines and \\x1b[31mred\n"),
        (os.fsdecode(b"caf\xe9"), "caf\\udce9\n"),
        ("long " * 100, "long " * 100 + "\n"),
    ):
        file = io.StringIO()
        print_line(Console(file=file, width=40, force_terminal=True), text)
        assert file.getvalue() == shown


def test_a_progress_bar_takes_any_name():
    file = io.StringIO()
    with show_progress(Console(file=file, width=100, force_terminal=True), "reading w[/b]\udce9") as on_progress:
        on_progress(1, 2)
    assert "reading w[/b]\\udce9" in file.getvalue()
