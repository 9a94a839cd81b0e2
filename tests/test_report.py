from __future__ import annotations

import base64
import io
import re
import shutil

import pytest
from PIL import Image

import simgan
from simgan.report import Table, write_report


@pytest.fixture
def run(finished_run, tmp_path):
    return simgan.Run.open(shutil.copytree(finished_run.path, tmp_path / "a run & more"))


def test_page_is_self_contained(run):
    path = write_report(run)
    page = path.read_text("utf-8")
    assert path == run.path / "report.html"
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(sources) == 3  # the last pictures, the curves, the first pictures
    for source in sources:
        kind, data = source.split(",")
        assert kind == "data:image/png;base64"
        with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
            picture.verify()
    assert not re.search(r"https?:|<script|<link|@import|url\(", page)


def test_pictures_are_the_last_and_the_first(run):
    page = write_report(run).read_text("utf-8")
    last, first = (
        base64.b64encode((run.path / f"samples/step_{step:06d}.png").read_bytes()).decode() for step in (3, 2)
    )
    assert 0 < page.index(last) < page.index(first)
    assert "Adversarial step 3" in page


def test_page_opens_with_the_tables(run):
    table = Table("Did it help?", [("trained on", "error"), ("synthetic", "9.00 <degrees>")], "A note.")
    page = write_report(run, [table]).read_text("utf-8")
    assert page.index("Did it help?") < page.index("<img")
    assert page.index("<th>trained on</th>") < page.index("<td>synthetic</td>") < page.index("A note.")
    assert page.index("A note.") < page.index("<img")
    assert "<td>9.00 &lt;degrees&gt;</td>" in page


def test_page_shows_the_settings_and_the_name(run):
    page = write_report(run).read_text("utf-8")
    assert "batch_size = 4" in page
    assert "<title>SimGAN run a run &amp; more</title>" in page


def test_run_without_steps_has_a_report_without_pictures(run):
    shutil.rmtree(run.path / "samples")
    (run.path / "metrics.jsonl").write_text("")
    page = write_report(run).read_text("utf-8")
    assert page.count("<img") == 1
