from __future__ import annotations

import os
import subprocess
import sys

import pytest

import simgan


def test_public_names():
    assert simgan.__all__ == [
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
    for name in simgan.__all__[1:]:
        assert getattr(simgan, name).__module__.startswith("simgan.")
        assert getattr(simgan, name).__name__ == name
    assert set(simgan.__all__) < set(dir(simgan))


def test_other_names_are_not_there():
    with pytest.raises(AttributeError, match="no attribute 'refine_everything'"):
        _ = simgan.refine_everything


def printed(code: str, **environment: str) -> str:
    """What a fresh process prints."""
    clean = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean | environment, capture_output=True, text=True, timeout=300, check=True
    )
    return done.stdout.strip()


SHOW_BACKEND = "import simgan, os; print(os.environ.get('KERAS_BACKEND'))"


def test_import_loads_neither_keras_nor_torch():
    assert printed("import simgan, sys; print([name for name in ('keras', 'torch') if name in sys.modules])") == "[]"


def test_import_selects_torch_unless_a_backend_is_chosen():
    assert printed(SHOW_BACKEND) == "torch"
    assert printed(SHOW_BACKEND, KERAS_BACKEND="jax") == "jax"


def test_import_after_keras_changes_nothing():
    stub = (
        "import sys, types; sys.modules['keras'] = types.ModuleType('keras')\n"
        "sys.modules['simgan.models.losses'] = None\n"
    )
    code = f"{stub}try:\n    import simgan\nexcept ImportError:\n    pass\n"
    assert printed(f"{code}import os; print(os.environ.get('KERAS_BACKEND'))") == "None"


def openmp_settings(**environment: str) -> str:
    """What OpenMP tells of its settings when PyTorch loads it."""
    given = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run(
        [sys.executable, "-c", "import simgan, torch"],
        env=given | {"OMP_DISPLAY_ENV": "verbose"} | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="PyTorch comes with GNU's OpenMP on Linux")
def test_threads_of_pytorch_sleep_while_they_wait_unless_told_otherwise():
    assert "GOMP_SPINCOUNT = '20000'" in openmp_settings()
    assert "OMP_WAIT_POLICY = 'ACTIVE'" in openmp_settings(OMP_WAIT_POLICY="active")
