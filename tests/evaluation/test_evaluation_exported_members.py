from __future__ import annotations

import simgan.evaluation


def test_public_names():
    assert simgan.evaluation.__all__ == [
        "Drift",
        "Estimator",
        "Labelled",
        "Training",
        "discriminator_features",
        "distances",
        "downstream",
        "drift_of_points",
        "drift_result",
        "label_drift",
        "model_features",
        "own_error",
        "random_features",
        "structural_similarity",
        "train_estimators",
        "train_localiser",
        "worst_first",
    ]
    for name in simgan.evaluation.__all__:
        assert getattr(simgan.evaluation, name).__module__.startswith("simgan.evaluation.")
