"""Measures of refining: are the labels still right, are images closer to real ones, does training on them help?"""

from simgan.evaluation.distances import distances
from simgan.evaluation.downstream import Labelled, downstream
from simgan.evaluation.drift import Drift, drift_of_points, drift_result, label_drift, own_error, worst_first
from simgan.evaluation.estimator import Estimator, Training, train_estimators
from simgan.evaluation.features import discriminator_features, model_features, random_features
from simgan.evaluation.localiser import train_localiser
from simgan.evaluation.structural import structural_similarity

__all__ = [
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
