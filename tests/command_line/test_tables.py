import io

from rich.console import Console

from simgan.command_line.tables import show_evaluation
from simgan.evaluation.results import Evaluation


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
    for part in ("Labels are alike.", "augmentation: all but the place", "50% lower", "note: few images"):
        assert part in text
