"""Draws what an update of R costs."""

import math
import statistics
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes

from benchmarks.measure import Plan, Results

_STYLES = {"textbook": ("Keras textbook", "#b0413e", "s"), "simgan": ("simgan", "#1f5f8b", "o")}


def draw_cost(results: Results, plan: Plan, path: Path) -> None:
    """Milliseconds an image against the size of images and of the batch, as a PNG."""
    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, (by_size, by_batch) = pyplot.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
    sizes = [f"{size}:{plan.size_batch}" for size in plan.sizes]
    places = [math.prod(map(int, size.split("x"))) for size in plan.sizes]
    _curves(by_size, results, sizes, places, list(plan.sizes))
    by_size.set_yscale("log")
    by_size.set(title=f"Batches of {plan.size_batch}", xlabel="image, height x width in pixels")
    batches = [f"{plan.sizes[0]}:{batch}" for batch in plan.batches]
    _curves(by_batch, results, batches, list(plan.batches), [str(batch) for batch in plan.batches])
    by_batch.set(title=f"Images of {plan.sizes[0]} pixels", xlabel="images in a batch")
    by_batch.set_ylim(bottom=0)
    by_size.legend(frameon=False)
    figure.suptitle("What an update of the refiner costs")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _curves(axes: Axes, results: Results, points: list[str], places: list[int], names: list[str]) -> None:
    for program, (label, colour, marker) in _STYLES.items():
        costs = [1000 * statistics.median(results.cost[program][point]) / int(point.split(":")[1]) for point in points]
        axes.plot(places, costs, color=colour, marker=marker, label=label)
    axes.set_xscale("log")
    axes.set_xticks(places, names)
    axes.minorticks_off()
    axes.set_ylabel("time an image, ms")
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
