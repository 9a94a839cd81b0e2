from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from benchmarks.jobs import finished_or_trained, run_jobs, write_record


@dataclass(frozen=True)
class Named:
    name: str


def test_only_missing_jobs_run_and_each_has_a_line_with_its_time(tmp_path, capsys):
    for name in ("a", "b"):
        write_record(tmp_path, Named(name), {"of": name})
    assert json.loads((tmp_path / "a.json").read_text()) == {"of": "a"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "b.json"]
    calls = []
    run_jobs(
        [Named("a"), Named("b"), Named("c")],
        lambda job: (tmp_path / f"{job.name}.json").exists(),
        lambda job: ["timeit", "-n1", "-r1", f"open({str(tmp_path / job.name)!r}, 'x').close()"],
        lambda: calls.append(1),
    )
    assert not (tmp_path / "a").exists()
    assert (tmp_path / "c").exists()
    assert len(calls) == 2  # after the job, and at the end
    said = capsys.readouterr().out
    assert "3 jobs, 2 done before" in said
    assert "1/1 c: 0.0 minutes; about 0 minutes left" in said


def test_jobs_that_fail_are_named_after_the_others_have_run(tmp_path, capsys):
    with pytest.raises(SystemExit, match="1 jobs failed: bad; run the command again"):
        run_jobs(
            [Named("bad"), Named("good")],
            lambda job: False,
            lambda job: [
                "timeit",
                "-n1",
                "-r1",
                "1 / 0" if job.name == "bad" else f"open({str(tmp_path / 'x')!r}, 'x')",
            ],
            lambda: None,
        )
    assert (tmp_path / "x").exists()
    assert "bad failed: ['ZeroDivisionError: division by zero']" in capsys.readouterr().out


def test_a_finished_run_is_not_trained_again(finished_run, tmp_path):
    def train(out):
        raise AssertionError(out)

    assert finished_or_trained(finished_run.path, train).path == finished_run.path
    (tmp_path / "half").mkdir()
    assert finished_or_trained(tmp_path / "half", lambda out: finished_run) is finished_run
    assert not (tmp_path / "half").exists()
