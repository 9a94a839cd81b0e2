from __future__ import annotations

import base64
import json
import re
import shutil

import numpy as np
import pytest

import simgan
from simgan.errors import RunError
from simgan.evaluation import Drift, drift_result
from simgan.evaluation.results import Distance, Evaluation, Interval, write_evaluation
from simgan.images.picture_sheet import picture_sheet
from simgan.report import write_report

HOSTILE = "<script>alert(1)</script>"


def around(value: float) -> Interval:
    return Interval(estimate=value, low=value - 0.1, high=value + 0.1)


@pytest.fixture
def run(finished_run, tmp_path):
    return simgan.Run.open(shutil.copytree(finished_run.path, tmp_path / "a run & more"))


@pytest.fixture
def measured(run, make_score):
    """A run with results of every kind, in which every name is hostile."""
    score = make_score(
        {
            ("synthetic", False): 20.0,
            ("synthetic", True): 10.0,
            ("refined", False): 15.0,
            ("refined", True): 4.5,
            ("real labels, 3-fold", True): 2.0,
        },
        {("refined", False, "synthetic"): (-5, -6, -4), ("refined", True, "synthetic"): (-5.5, -6, -5)},
        seeds={"real labels, 3-fold": 1},
        label=HOSTILE,
        augmentation=HOSTILE,
        labels=HOSTILE,
        estimator=HOSTILE,
    )
    drift = drift_result(
        Drift(np.arange(12.0)), [HOSTILE] * 12, f"localiser of {HOSTILE}", own_error=0.3, picture="worst.png"
    )
    distance = Distance(measure=f"KID, {HOSTILE}", ideal=0.0, synthetic=around(0.5), refined=around(0.2))
    write_evaluation(
        run.path,
        Evaluation(
            date="2026-01-01",
            command="simgan evaluate",
            downstream=(score,),
            drift=(drift,),
            structural_similarity=0.9,
            distances=(distance,),
            warnings=("few images",),
        ),
    )
    picture_sheet(*np.zeros((2, 3, 8, 8, 1), np.float32)).save(run.path / "evaluation" / "worst.png")
    return run


def test_page_is_self_contained(measured):
    path = write_report(measured)
    page = path.read_text("utf-8")
    assert path == measured.path / "report.html"
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(sources) >= 8
    for source in sources:
        kind, data = source.split(",")
        assert kind in ("data:image/png;base64", "data:image/svg+xml;base64")
        assert base64.b64decode(data)[:4] in (b"\x89PNG", b"<?xm")
    assert not re.search(r"<script|<link|@import|url\(", page)
    assert "default-src 'none'" in page


def test_names_from_files_are_text_and_nothing_else(measured):
    page = write_report(measured).read_text("utf-8")
    assert HOSTILE not in page
    assert page.count("&lt;script&gt;") > 5


def test_page_opens_with_the_verdict(measured):
    page = write_report(measured).read_text("utf-8")
    order = ["55% lower", "few images", "<h2>Did refining help?", "<h2>Are the labels", "<h2>How far", "<h2>Pictures"]
    places = [page.index(part) for part in order]
    assert places == sorted(places)
    assert "<td>synthetic</td><td>no</td><td>20 (19.5 to 20.5)</td><td>40%</td><td>2</td>" in page
    assert "<td>refined</td><td>yes</td><td>4.5 (4 to 5)</td><td>40%</td><td>2</td>" in page
    assert "<td>real labels, 3-fold</td><td>yes</td><td>2 (1.5 to 2.5)</td><td>40%</td><td>1</td>" in page
    assert "<td>refined</td><td>no</td><td>synthetic</td><td>-5 (-6 to -4)</td><td>-25%</td>" in page
    assert "<td>refined</td><td>yes</td><td>synthetic</td><td>-5.5 (-6 to -5)</td><td>-55%</td>" in page
    assert "<td>5.50</td>" in page  # the mean of 0 to 11 px
    assert page.count("refined by random strengths from 0.5 to 1, as &#x27;simgan refine&#x27; does by default") == 1
    assert page.count("those of images refined whole (--strength 1)") == 1


def test_a_run_that_was_not_measured_says_how(run):
    page = write_report(run).read_text("utf-8")
    assert "simgan evaluate RUN --real-test" in page
    assert "Did refining help" not in page


def test_pictures_are_the_last_and_the_first(run):
    page = write_report(run).read_text("utf-8")
    last, first = (
        base64.b64encode((run.path / f"samples/step_{step:06d}.png").read_bytes()).decode() for step in (3, 2)
    )
    assert 0 < page.index(last) < page.index(first)
    assert "Adversarial step 3" in page


def test_page_shows_the_settings_and_the_name(run):
    page = write_report(run).read_text("utf-8")
    assert "batch_size = 4" in page
    assert "<title>SimGAN run a run &amp; more</title>" in page


def test_run_without_steps_has_a_report_without_pictures(run):
    shutil.rmtree(run.path / "samples")
    (run.path / "metrics.jsonl").write_text("")
    assert "<figure" not in write_report(run).read_text("utf-8").partition("framed alike")[0]


@pytest.mark.parametrize("name", ["metrics.jsonl", "evaluation/results.json", "framing.json"])
def test_a_spoilt_file_is_one_line_and_leaves_the_old_page(name, measured, only_line):
    path = write_report(measured)
    before = path.read_bytes()
    (measured.path / name).write_text("{spoilt\n")
    with pytest.raises(RunError) as caught:
        write_report(measured)
    assert name.rpartition("/")[2] in only_line(str(caught.value))
    assert path.read_bytes() == before


def test_picture_is_looked_for_in_the_run_alone(measured):
    path = measured.path / "evaluation" / "results.json"
    found = json.loads(path.read_text())
    (measured.path.parent / "secret.png").write_bytes(b"secret")
    found["drift"][0]["picture"] = "../../secret.png"
    path.write_text(json.dumps(found))
    assert base64.b64encode(b"secret").decode() not in write_report(measured).read_text("utf-8")


def test_names_that_are_not_utf_8_are_escaped(finished_run, tmp_path):
    run = simgan.Run.open(shutil.copytree(finished_run.path, tmp_path / "run\udcff"))
    config = run.path / "config.toml"
    config.write_bytes(config.read_bytes().replace(b"synthetic.npy", b"synth\xe9tic.npy"))
    text = write_report(run).read_text("utf-8")
    assert r"run\udcff" in text
    assert r"synth\xe9tic.npy" in text
