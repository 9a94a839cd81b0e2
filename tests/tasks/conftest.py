from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import numpy as np

    from simgan.evaluation.estimator import Estimator


@pytest.fixture
def learn() -> Callable[[Any, np.ndarray, np.ndarray], Estimator]:
    """Trains the network of a task on images and labels, for 40 steps."""
    from simgan.evaluation.estimator import Training, train_estimators

    def trained(task, images, labels):
        training = Training(
            images,
            task.targets(labels),
            network=task.network,
            outputs=task.outputs,
            loss=task.loss,
            standardised=task.standardised,
            steps=40,
            batch_size=task.batch_size,
            learning_rate=1e-2,
        )
        (estimator,) = train_estimators([training])
        return estimator

    return trained
