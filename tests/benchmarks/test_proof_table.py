from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from benchmarks.proof_jobs import DOMAINS, SEEDS, VARIANTS, jobs
from benchmarks.proof_table import mean_and_interval, write_tables


def test_interval_is_students():
    values = [1.0, 2.0, 4.0, 7.0]
    limits = ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean_and_interval(values) == f"{np.mean(values):.2f} ({limits.low:.2f} to {limits.high:.2f})"
    assert mean_and_interval([0.5], ".0%") == "50%"


def record(error: float, refined: float) -> dict:
    def trained(on, value):
        return {"on": on, "error": {"estimate": value}}

    return {
        "seconds": 120.0,
        "date": "2026-01-02",
        "evaluation": {
            "downstream": [
                {
                    "trained": [trained("synthetic", error), trained("refined", refined), trained("union", 8.0)],
                    "relative": {"estimate": refined / error - 1},
                }
            ],
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


def test_tables_hold_what_has_run(tmp_path):
    for seed, refined in enumerate((10.0, 12.0)):
        (tmp_path / f"camera-preset-{seed}.json").write_text(json.dumps(record(20.0, refined)))
    (tmp_path / "camera-no-history-0.json").write_text(json.dumps(record(20.0, 15.0)))
    write_tables(tmp_path, tmp_path / "out" / "results.md")
    page = (tmp_path / "out" / "results.md").read_text("utf-8")
    rows = {line.split(" | ")[0].strip("| "): line for line in page.splitlines() if line.startswith("| ")}
    assert "| 2 |  | 20.00 (20.00 to 20.00) | 11.00 (" in rows["preset"]
    assert "| 45% (" in rows["preset"]  # 50 % and 40 %
    assert "| 0.25 |" in rows["no history"]  # KID
    assert "| 1 | +5.000 | 20.00 | 15.00 | 8.00 | 25% |" in rows["no history"]  # the same seed: 15 less 10
    assert "fixed weight" not in rows
    assert "## camera" in page
    assert "## digits" not in page
    assert "2.0 minutes a run" in page
    assert "| camera: error on refined 40 % below synthetic | 45% (" in page
    assert "photographs:" not in page


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
