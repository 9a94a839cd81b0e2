import io

from rich.console import Console

from simgan.command_line.tables import show_evaluation
from simgan.evaluation.results import Downstream, Evaluation, Interval, Trained


def test_tables_and_the_sentence_are_shown():
    half = Interval(estimate=-0.5, low=-0.6, high=-0.4)
    error = Interval(estimate=9.25, low=9.0, high=9.5)
    trained = tuple(
        Trained(on=name, error=error, each_seed=(9.25,), within={"5 degrees": 0.125})
        for name in ("synthetic", "refined", "union")
    )
    score = Downstream(
        task="angle",
        label="gaze",
        unit="degrees",
        estimator="small",
        steps=1,
        seeds=1,
        training_images=1,
        test_images=1,
        trained=trained,
        refined_minus_synthetic=half,
        union_minus_synthetic=half,
        relative=half,
    )
    shown = io.StringIO()
    found = Evaluation(date="", command="", downstream=(score,), warnings=("few images",))
    show_evaluation(found, Console(file=shown, width=200))
    text = shown.getvalue()
    for part in ("9.25 (9 to 9.5)", "< 5 degrees", "12%", "50% lower", "note: few images"):
        assert part in text
