"""evaluation/results.json: written, read back, refused when spoilt."""

from pathlib import Path

import pytest

from simgan.errors import RunError
from simgan.evaluation.results import (
    Distance,
    DriftResult,
    Evaluation,
    Interval,
    decisive,
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


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 4, "date": "", "command": ""}', '{"surprise": 1}'])
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


@pytest.mark.parametrize("version", [1, 2])
def test_results_of_an_older_version_say_so(version: int, tmp_path: Path) -> None:
    path = write_evaluation(tmp_path, _EVALUATION)
    path.write_text(f'{{"version": {version}, "date": "", "command": "", "downstream": [{{"task": "angle"}}]}}')
    with pytest.raises(RunError, match=r"older version of simgan.*simgan evaluate") as caught:
        read_evaluation(tmp_path)
    assert "\n" not in str(caught.value)


def test_names_that_are_not_utf_8_are_kept(tmp_path: Path) -> None:
    """The name of a file in Latin-1, as Python reads it: its byte 0xe9 becomes the surrogate DCE9."""
    worst = _drift(None).model_copy(update={"worst_images": (("caf\udce9.png", 3.0), ("\u00e9.png", 2.0))})
    found = Evaluation(
        date="", command="simgan evaluate caf\udce9", drift=(worst,), warnings=("The file caf\udce9.h5 is small.",)
    )
    path = write_evaluation(tmp_path, found)
    assert "\u00e9.png" in path.read_text(encoding="utf-8")
    assert read_evaluation(tmp_path) == found


def test_the_better_refined_set_decides(make_score) -> None:
    """The best free set is augmented, so the comparisons without augmentation do not count."""
    errors = {
        ("synthetic", False): 9,
        ("synthetic", True): 6,
        ("refined", False): 3,
        ("refined", True): 5.5,
        ("refined whole + synthetic", False): 8,
        ("refined whole + synthetic", True): 5,
    }
    changes = {
        ("refined", False, "synthetic"): (-6, -7, -5),
        ("refined", True, "synthetic"): (-0.5, -1, 0.5),
        ("refined whole + synthetic", False, "synthetic"): (-1, -2, 0),
        ("refined whole + synthetic", True, "synthetic"): (-1, -2, 0),
    }
    found = decisive(make_score(errors, changes))
    assert (found.on, found.augmented) == ("refined whole + synthetic", True)
    found = decisive(make_score(errors | {("synthetic", True): 10}, changes))
    assert (found.on, found.augmented) == ("refined", False)


def test_only_sets_that_were_compared_choose_the_augmentation(make_score) -> None:
    """Colour transfer had luck with its only seed, and the bound needs labels of real images."""
    errors = {
        ("synthetic", False): 9,
        ("synthetic", True): 6,
        ("colour", False): 2,
        ("real labels, 3-fold", False): 1,
        ("refined", False): 8,
        ("refined", True): 5,
    }
    changes = {
        ("refined", False, "synthetic"): (-1, -2, 0),
        ("refined", True, "synthetic"): (-1, -2, 0),
    }
    score = make_score(errors, changes, seeds={"colour": 1, "real labels, 3-fold": 2})
    assert decisive(score).augmented
