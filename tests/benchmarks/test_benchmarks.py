from __future__ import annotations

import json

import pytest

from benchmarks.benchmarks import main
from benchmarks.benchmarks_jobs import Job, Options

SETTINGS = """
batch_size = 4
refiner_pretrain_steps = 2
discriminator_pretrain_steps = 2
steps = 2
history_size = 6
sample_every = 2
precision = "float32"
micro_batch = 4
compile = "off"
drift_budget = 0.5
"""


@pytest.fixture
def tiny(tmp_path) -> list[str]:
    (tmp_path / "tiny.toml").write_text(SETTINGS)
    options = ["--folder", str(tmp_path / "run"), "--config", str(tmp_path / "tiny.toml")]
    return [*options, "--images", "12", "--estimator-steps", "2"]


def test_jobs_leave_records_and_only_missing_ones_run_again(tiny, tmp_path, capsys):
    camera = [*tiny, "--domains", "camera", "--seeds", "1"]
    main(camera)
    said = capsys.readouterr().out
    assert "2 jobs, 0 done before" in said
    folder = tmp_path / "run"
    assert f"written: {folder / 'benchmarks.md'}" in said  # the page of a trial never replaces that of the docs
    free, refined = (json.loads((folder / f"camera-{part}-0.json").read_text()) for part in ("free", "refined"))
    assert set(free["seconds"]) == {"reading", "matching and estimators"}
    assert set(refined["seconds"]) == {"reading", "training", "refining", "estimators", "labels"}
    assert [one["on"] for one in free["errors"]][:3] == ["synthetic", "synthetic", "histogram"]
    assert free["errors"][-1]["on"] == "real labels"
    sets = ["refined", "refined whole", "refined whole + synthetic", "refined whole + mixed"]
    assert [one["on"] for one in refined["errors"]] == refined["settings"]["sets"] == sets
    assert all(len(one["errors"]) == 12 for one in (*free["errors"], *refined["errors"]))
    assert refined["labels"]["budget"] == 0.5
    page = (folder / "benchmarks.md").read_text("utf-8")
    assert "a refiner trained with other settings than the default ones" in page
    assert free["machine"] in page

    before = (folder / "camera-free-0.json").read_bytes()
    (folder / "camera-refined-0.json").unlink()
    run = max(folder.glob("camera-refined-0-*/config.toml"))
    trained = run.stat().st_mtime_ns
    main(camera)
    assert "2 jobs, 1 done before" in capsys.readouterr().out
    assert (folder / "camera-free-0.json").read_bytes() == before
    again = json.loads((folder / "camera-refined-0.json").read_text())
    assert again["errors"] == refined["errors"]
    assert run.stat().st_mtime_ns == trained  # a finished training is kept as well

    (folder / "benchmarks.md").unlink()
    main([*camera, "--table-only"])
    assert (folder / "benchmarks.md").read_text("utf-8").count("## ") == page.count("## ")


def test_domains_that_need_usps_are_skipped_in_one_line_without_it(tiny, tmp_path, capsys):
    main([*tiny, "--domains", "mnist-usps", "usps-mnist"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "skipped: mnist-usps, usps-mnist; they need a file of USPS digits: make benchmarks USPS=path/to/usps.h5"
    )
    assert "**Not run**; it needs USPS=" in (tmp_path / "run" / "benchmarks.md").read_text("utf-8")


def test_results_count_as_done_only_with_the_same_options(tmp_path):
    free, refined = Job("signs", "free", 0), Job("signs", "refined", 0)
    options = Options(images=5)
    for job in (free, refined):
        (tmp_path / f"{job.name}.json").write_text(json.dumps({"settings": options.record(job)}))
    assert options.is_done(tmp_path, free)
    assert options.is_done(tmp_path, refined)
    assert not options.is_done(tmp_path, Job("signs", "free", 1))
    assert not Options(images=6).is_done(tmp_path, free)
    assert not Options(images=5, estimator_steps=3).is_done(tmp_path, free)
    other_training = Options(images=5, config={"steps": 7})
    assert other_training.is_done(tmp_path, free)  # free sets do not depend on it
    assert not other_training.is_done(tmp_path, refined)
    assert other_training.run_name(refined) != options.run_name(refined)
