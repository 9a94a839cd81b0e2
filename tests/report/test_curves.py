import numpy as np

from simgan.evaluation import Drift, drift_result
from simgan.report.curves import draw_curves, draw_histogram

RECORDS = [
    {"phase": "refiner_pretrain", "step": 1, "refiner_change": 9.0},
    {"phase": "adversarial", "step": 20, "refiner_change": 0.1, "waiting_for_data": 0.0},
    {"phase": "adversarial", "step": 40, "refiner_change": 0.2, "waiting_for_data": 0.1, "measured_drift": 0.5},
]


def test_curves_are_those_that_were_recorded():
    drawn = draw_curves(RECORDS)
    assert list(drawn) == ["Mean |refined - synthetic|", "Share of time waiting for data", "Drift by optical flow, px"]
    assert all(svg.startswith(b"<?xml") for svg in drawn.values())


def test_the_same_records_give_the_same_bytes():
    assert draw_curves(RECORDS) == draw_curves(RECORDS)


def test_no_records_no_curves():
    assert draw_curves([]) == {}


def test_histogram_of_any_drift_can_be_drawn():
    for drifts in (np.zeros(3), np.array([0.5, 0.7, 4.0])):
        result = drift_result(Drift(drifts), ["a", "b", "c"], "optical flow")
        assert draw_histogram(result).startswith(b"<?xml")
