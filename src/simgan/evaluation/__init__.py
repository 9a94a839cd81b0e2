"""What refining did: are the labels still true, and does training on refined images help on real ones?"""

from simgan.evaluation.angular import angular_error
from simgan.evaluation.drift import Drift, drift_of_data_set, label_drift, own_error
from simgan.evaluation.estimator import Estimator, train_estimator
from simgan.evaluation.localiser import train_localiser

__all__ = [
    "Drift",
    "Estimator",
    "angular_error",
    "drift_of_data_set",
    "label_drift",
    "own_error",
    "train_estimator",
    "train_localiser",
]
