"""Printing the results of an evaluation as tables."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from simgan.console.printing import print_line
from simgan.evaluation.results import Downstream, Evaluation, drift_in_words, kept_in_words
from simgan.report import MEASURED_WHOLE, REFINED_IN_WORDS, downstream_in_words


def show_evaluation(found: Evaluation, console: Console) -> None:
    """Prints all scores, drifts, distances and warnings of an evaluation."""
    for score in found.downstream:
        _show_downstream(score, console)
    if found.drift or found.kept_labels or found.distances:
        print_line(console, MEASURED_WHOLE)
    for drift in found.drift:
        print_line(console, drift_in_words(drift))
    for kept in found.kept_labels:
        print_line(console, kept_in_words(kept))
    if found.distances:
        table = Table("distance from real images", "synthetic", "refined whole", "ideal")
        for distance in found.distances:
            table.add_row(
                escape(distance.measure), str(distance.synthetic), str(distance.refined), f"{distance.ideal:.3g}"
            )
        console.print(table)
    for warning in found.warnings:
        print_line(console, f"note: {warning}")


def _show_downstream(score: Downstream, console: Console) -> None:
    """Prints a row for each set of training images, and the verdict."""
    errors = {(trained.on, trained.augmented): str(trained.error) for trained in score.trained}
    seeds = {trained.on: len(trained.each_seed) for trained in score.trained}
    has_plain = any(not augmented for _, augmented in errors)
    error = f"error on real images, {escape(score.unit)}"
    columns = {False: error, True: "with augmentation"} if has_plain else {True: f"{error}, with augmentation"}
    table = Table(f"{escape(score.label)}, trained on", *columns.values(), "seeds")
    for name, count in seeds.items():
        table.add_row(escape(name), *(errors.get((name, augmented), "") for augmented in columns), str(count))
    console.print(table)
    print_line(console, REFINED_IN_WORDS)
    print_line(console, score.labels)
    if score.framing:
        print_line(console, score.framing)
    print_line(console, f"augmentation: {score.augmentation}")
    print_line(console, downstream_in_words(score))
