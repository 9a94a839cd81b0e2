"""evaluation/results.json: written, read back, refused when spoilt."""

from pathlib import Path

import pytest

from simgan.errors import RunError
from simgan.evaluation.results import Distance, Evaluation, Interval, read_evaluation, write_evaluation

_HALF = Interval(estimate=0.5, low=0.25, high=0.75)
_EVALUATION = Evaluation(
    date="2026-01-02T03:04:05Z",
    command="simgan evaluate run",
    distances=(Distance(measure="KID", ideal=0.0, synthetic=_HALF, refined=_HALF),),
    warnings=("few images",),
)


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    assert write_evaluation(tmp_path, _EVALUATION) == tmp_path / "evaluation" / "results.json"
    assert read_evaluation(tmp_path) == _EVALUATION


def test_a_run_without_results_has_none(tmp_path: Path) -> None:
    assert read_evaluation(tmp_path) is None


def test_an_interval_reads_as_text() -> None:
    assert str(_HALF) == "0.5 (0.25 to 0.75)"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2, "date": "", "command": ""}', '{"surprise": 1}'])
def test_a_spoilt_file_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = write_evaluation(tmp_path, _EVALUATION)
    path.write_text(text)
    with pytest.raises(RunError, match=r"simgan evaluate") as caught:
        read_evaluation(tmp_path)
    assert "\n" not in str(caught.value)
