from __future__ import annotations

import simgan.evaluation


def test_public_names():
    assert simgan.evaluation.__all__ == [
        "Drift",
        "Estimator",
        "angular_error",
        "drift_of_data_set",
        "label_drift",
        "own_error",
        "train_estimator",
        "train_localiser",
    ]
    for name in simgan.evaluation.__all__:
        assert getattr(simgan.evaluation, name).__module__.startswith("simgan.evaluation.")
