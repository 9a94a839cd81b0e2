"""SimGAN: refines labelled synthetic images so that they look real, and leaves their labels true.

Importing this package has three effects:

- It selects Keras's PyTorch backend, unless Keras is already imported or KERAS_BACKEND is already set.
- It makes PyTorch's threads sleep while they wait, unless PyTorch is already imported or OMP_WAIT_POLICY is already
  set.
- It registers simgan's losses with Keras, so that Keras can load models that were compiled with them.
"""

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from simgan.registration import register_with_keras
from simgan.version import __version__ as __version__

if "keras" not in sys.modules:
    os.environ.setdefault("KERAS_BACKEND", "torch")
if "torch" not in sys.modules and "OMP_WAIT_POLICY" not in os.environ:
    # OpenMP reads these when PyTorch loads it. Threads that spin while they wait slow each other down as soon as
    # another process is busy; threads that sleep do not (docs/performance.md).
    os.environ["OMP_WAIT_POLICY"] = "passive"
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")  # turns before a thread sleeps: idle cores lose nothing
register_with_keras()

if TYPE_CHECKING:
    from simgan.images import open_images
    from simgan.models import discriminator_model, refiner_model, simgan_model
    from simgan.models.losses import local_adversarial_loss, self_regularisation_loss
    from simgan.refining.data_set import refine
    from simgan.runs.run import Run
    from simgan.settings.config import TrainConfig
    from simgan.settings.presets import PRESETS
    from simgan.training.history import HistoryBuffer
    from simgan.training.train import resume, train

__all__ = [
    "PRESETS",
    "HistoryBuffer",
    "Run",
    "TrainConfig",
    "discriminator_model",
    "local_adversarial_loss",
    "open_images",
    "refine",
    "refiner_model",
    "resume",
    "self_regularisation_loss",
    "simgan_model",
    "train",
]

_HOME = {
    "PRESETS": "simgan.settings.presets",
    "HistoryBuffer": "simgan.training.history",
    "Run": "simgan.runs.run",
    "TrainConfig": "simgan.settings.config",
    "discriminator_model": "simgan.models",
    "local_adversarial_loss": "simgan.models.losses",
    "open_images": "simgan.images",
    "refine": "simgan.refining.data_set",
    "refiner_model": "simgan.models",
    "resume": "simgan.training.train",
    "self_regularisation_loss": "simgan.models.losses",
    "simgan_model": "simgan.models",
    "train": "simgan.training.train",
}


def __getattr__(name: str) -> Any:
    # A public name is imported when it is first used: --help and `simgan check` need neither keras nor torch.
    if name not in _HOME:
        raise AttributeError(f"module 'simgan' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
