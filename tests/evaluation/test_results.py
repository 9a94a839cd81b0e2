"""evaluation/results.json: written, read back, refused when spoilt."""

from pathlib import Path

import pytest

from simgan.errors import RunError
from simgan.evaluation.results import (
    Distance,
    DriftResult,
    Evaluation,
    Interval,
    drift_in_words,
    own_error_warning,
    read_evaluation,
    write_evaluation,
)

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


def _drift(own_error: float | None) -> DriftResult:
    return DriftResult(
        measured_by="optical flow" if own_error is None else "localiser of iris",
        mean=0.5,
        p95=1.25,
        worst=3.0,
        own_error=own_error,
        images=40,
        histogram=(40,),
        worst_images=(),
    )


def test_drift_in_words() -> None:
    measures = "0.50 px in the mean, 1.25 px at the 95th percentile, 3.00 px at worst, on 40 images"
    assert drift_in_words(_drift(None)) == f"Drift by optical flow: {measures}."
    assert drift_in_words(_drift(0.2)) == (
        f"Drift by localiser of iris: {measures}; on unrefined images the localiser is wrong by 0.20 px in the mean."
    )


def test_an_own_error_above_half_of_the_drift_is_a_warning() -> None:
    assert own_error_warning(_drift(None)) is None
    assert own_error_warning(_drift(0.25)) is None
    assert "(0.26 px)" in str(own_error_warning(_drift(0.26)))
