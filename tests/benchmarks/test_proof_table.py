from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from benchmarks.proof_jobs import DOMAINS, SEEDS, VARIANTS, Job, jobs
from benchmarks.proof_table import mean_and_interval, read_record, write_tables


def test_interval_is_students():
    values = [1.0, 2.0, 4.0, 7.0]
    limits = ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean_and_interval(values) == f"{np.mean(values):.2f} ({limits.low:.2f} to {limits.high:.2f})"
    assert mean_and_interval([0.5], ".0%") == "50%"


@pytest.fixture
def record(make_score):
    """What a job leaves: the errors on synthetic images, on images matched by histogram, and on refined ones."""

    def make(synthetic: float, matched: float, refined: float) -> dict:
        errors = {
            ("synthetic", False): 2 * synthetic,
            ("synthetic", True): synthetic,
            ("histogram", True): matched,
            ("refined", False): 30.0,
            ("refined", True): refined,
            ("refined whole", True): 19.0,
            ("refined whole + synthetic", True): 18.0,
        }
        changes = {
            ("refined", False, "synthetic"): (0, -1, 1),
            ("refined", True, "histogram"): (refined - matched, -20, 20),
            ("refined whole + synthetic", True, "histogram"): (18 - matched, -20, 20),
        }
        return {
            "seconds": 120.0,
            "date": "2026-01-02",
            "evaluation": {
                "version": 3,
                "downstream": [make_score(errors, changes).model_dump(mode="json")],
                "drift": [{"measured_by": "optical flow", "mean": 0.4, "p95": 0.7, "own_error": None}],
                "distances": [
                    {
                        "measure": "KID, random features",
                        "refined": {"estimate": 0.1},
                        "synthetic": {"estimate": 0.4},
                    }
                ],
            },
        }

    return make


def table(page: str) -> dict[str, dict[str, str]]:
    """The cells of the first table, by row and column."""
    lines = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    headings, *rows = ([cell.strip() for cell in line] for line in lines)
    return {row[0]: dict(zip(headings, row[1:], strict=True)) for row in rows if len(row) == len(headings) + 1}


def test_tables_hold_what_has_run(tmp_path, record):
    for seed, refined in enumerate((10.0, 12.0)):
        (tmp_path / f"camera-preset-{seed}.json").write_text(json.dumps(record(25.0, 20.0, refined)))
    (tmp_path / "camera-no-history-0.json").write_text(json.dumps(record(25.0, 20.0, 15.0)))
    write_tables(tmp_path, tmp_path / "out" / "results.md")
    page = (tmp_path / "out" / "results.md").read_text("utf-8")
    rows = table(page)
    preset, no_history = rows["preset"], rows["no history"]
    assert (preset["seeds"], preset["against preset"]) == ("2", "")
    assert preset["error, synthetic"] == "50.00 (50.00 to 50.00)"
    assert preset["best free"] == "20.00 (20.00 to 20.00)"
    assert preset["refined, augmented"].startswith("11.00 (")
    assert preset["better by"].startswith("45% (")  # 50 % and 40 %
    shown = ("seeds", "against preset", "error, synthetic", "synthetic, augmented", "best free", "refined")
    assert [no_history[column] for column in shown] == ["1", "+5.000", "50.00", "25.00", "20.00", "30.00"]
    shown = ("refined, augmented", "whole, augmented", "both, augmented", "better by", "KID")
    assert [no_history[column] for column in shown] == ["15.00", "19.00", "18.00", "25%", "0.25"]
    assert "fixed weight" not in rows
    assert "## camera" in page
    assert "## digits" not in page
    assert "2.0 minutes a run" in page
    assert "| camera: error 20 % below the best free set | 45% (" in page
    assert "photographs:" not in page


def test_refined_images_that_are_worse_are_better_by_less_than_nothing(tmp_path, record):
    worse = record(25.0, 20.0, 22.0)
    worse["evaluation"]["downstream"][0]["comparisons"].pop()  # no refined and synthetic images
    (tmp_path / "camera-preset-0.json").write_text(json.dumps(worse))
    write_tables(tmp_path, tmp_path / "results.md")
    page = (tmp_path / "results.md").read_text("utf-8")
    assert table(page)["preset"]["better by"] == "-10%"
    assert "**missed**: -10%" in page


def test_jobs_that_an_older_version_scored_have_not_run(tmp_path, record):
    old = record(25.0, 20.0, 10.0)
    old["evaluation"]["version"] = 2  # its refined images were refined whole
    job = Job("camera", "preset", 0)
    assert read_record(tmp_path, job) is None
    (tmp_path / "camera-preset-0.json").write_text(json.dumps(old))
    assert read_record(tmp_path, job) is None
    write_tables(tmp_path, tmp_path / "results.md")
    assert "## camera" not in (tmp_path / "results.md").read_text("utf-8")


def test_every_variant_is_a_setting_and_has_as_many_seeds():
    planned = list(jobs(list(DOMAINS)))
    assert len(set(planned)) == len(planned)
    assert {job.variant for job in planned} == set(VARIANTS)
    for domain in DOMAINS:
        seeds = [job.seed for job in planned if (job.domain, job.variant) == (domain, "preset")]
        assert seeds == list(range(SEEDS))


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_can_be_configured(variant):
    from simgan import PRESETS
    from simgan.settings.config import make_config

    make_config(VARIANTS[variant], PRESETS["default"].config)
