import io

from rich.console import Console

from simgan.command_line.tables import show_evaluation
from simgan.evaluation.results import Distance, Evaluation, Interval


def test_tables_and_the_sentence_are_shown(make_score):
    score = make_score(
        {
            ("synthetic", False): 20.0,
            ("synthetic", True): 10.0,
            ("refined", False): 15.0,
            ("refined", True): 5.0,
            ("real labels, 3-fold", True): 2.0,
        },
        {("refined", False, "synthetic"): (-5, -6, -4), ("refined", True, "synthetic"): (-5, -6, -4)},
        seeds={"real labels, 3-fold": 1},
    )
    shown = io.StringIO()
    found = Evaluation(date="", command="", downstream=(score,), warnings=("few images",))
    show_evaluation(found, Console(file=shown, width=200))
    text = shown.getvalue()
    rows = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("│┃|").replace("┃", "│").split("│")]
        rows[cells[0]] = cells[1:]
    assert rows["gaze, trained on"] == ["error on real images, degrees", "with augmentation", "seeds"]
    assert rows["synthetic"] == ["20 (19.5 to 20.5)", "10 (9.5 to 10.5)", "2"]
    assert rows["refined"] == ["15 (14.5 to 15.5)", "5 (4.5 to 5.5)", "2"]
    assert rows["real labels, 3-fold"] == ["", "2 (1.5 to 2.5)", "1"]
    assert text.count("random strengths from 0.5 to 1, as 'simgan refine' does by default") == 1
    assert "Drift" not in text  # none was measured
    for part in ("Labels are alike.", "augmentation: all but the place", "50% lower", "note: few images"):
        assert part in text


def test_drift_and_distances_are_said_to_be_those_of_images_refined_whole():
    half = Interval(estimate=0.5, low=0.4, high=0.6)
    distance = Distance(measure="KID, random features", ideal=0.0, synthetic=half, refined=half)
    shown = io.StringIO()
    show_evaluation(Evaluation(date="", command="", distances=(distance,)), Console(file=shown, width=200))
    text = shown.getvalue()
    assert text.count("those of images refined whole (--strength 1)") == 1
    (heading,) = (line for line in text.splitlines() if "distance from real images" in line)
    assert "refined whole" in heading
