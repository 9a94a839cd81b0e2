"""What the tests of the core share: tiny settings, tiny data sets, and one finished run."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import simgan  # before PyTorch: it sets how PyTorch's threads wait

# isort: split
import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

from tests.processes import Forked

if TYPE_CHECKING:  # the process that hands the tests out to the workers has no need of PyTorch
    import torch

# A busy machine says nothing about the code.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_configure(config: pytest.Config) -> None:
    # What a shell starts in the background ignores SIGINT, and so would every process that a test starts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Keras 3.15 reads PyTorch tensors in a way that NumPy 2 deprecates.
    config.addinivalue_line(
        "filterwarnings", "ignore:__array__ implementation doesn't accept:DeprecationWarning:keras"
    )
    # PyTorch 2.13's compiler imports what it deprecates.
    config.addinivalue_line("filterwarnings", "ignore:.torch.jit.script_method. is deprecated:DeprecationWarning")


TINY = {
    "batch_size": 4,
    "refiner_pretrain_steps": 3,
    "discriminator_pretrain_steps": 2,
    "steps": 3,
    "refiner_updates": 1,
    "refiner": {"filters": 4, "blocks": 1},
    "history_size": 6,
    "log_every": (2, 1, 2),
    "sample_every": 2,
    "precision": "float32",
    "micro_batch": 4,
    "compile": "off",
}


def make_tiny_config(**changes):
    from simgan.settings.config import TrainConfig

    return TrainConfig.model_validate({**TINY, **changes})


def make_pixels(count: int, seed: int, shape: tuple[int, ...] = (8, 8), dtype: str = "uint8") -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, (count, *shape)).astype(dtype)


@pytest.fixture(scope="session")
def tiny_config() -> Callable[..., simgan.TrainConfig]:
    """A config that trains in a second, with the changes that a test names."""
    return make_tiny_config


@pytest.fixture(scope="session")
def pixels() -> Callable[..., np.ndarray]:
    """(count, *shape) random pixels that follow from the seed."""
    return make_pixels


@pytest.fixture
def data(tmp_path) -> tuple[Path, Path]:
    """synthetic.npy (12, 8, 8) and real.npy (10, 8, 8), uint8."""
    return write_data(tmp_path)


def write_data(folder: Path) -> tuple[Path, Path]:
    synthetic, real = folder / "synthetic.npy", folder / "real.npy"
    np.save(synthetic, make_pixels(12, seed=1))
    np.save(real, make_pixels(10, seed=2) // 2)
    return synthetic, real


@pytest.fixture(scope="session")
def write_sets() -> Callable[[Path], tuple[Path, Path]]:
    """Writes what `data` holds into a folder."""
    return write_data


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory) -> simgan.Run:
    """A tiny training on grey images. Read it; do not change it."""
    folder = tmp_path_factory.mktemp("finished")
    return simgan.train(make_tiny_config(), *write_data(folder), folder / "run")


@pytest.fixture(scope="session")
def signed_run(tmp_path_factory) -> simgan.Run:
    """A tiny training on grey float32 images in [-1, 1], synthetic.npy beside it. Read it; do not change it."""
    folder = tmp_path_factory.mktemp("signed")
    for name, seed in (("synthetic", 1), ("real", 2)):
        values = np.random.default_rng(seed).uniform(-1, 1, (12, 8, 8)).astype(np.float32)
        np.save(folder / f"{name}.npy", values)
    return simgan.train(make_tiny_config(), folder / "synthetic.npy", folder / "real.npy", folder / "run")


@pytest.fixture(scope="session")
def write_pngs() -> Callable[..., Path]:
    """Writes arrays (H, W) or (H, W, 3) as 000.png, ... into a new folder."""

    def write(folder: Path, images) -> Path:
        folder.mkdir()
        for index, image in enumerate(images):
            Image.fromarray(image).save(folder / f"{index:03d}.png")
        return folder

    return write


@pytest.fixture
def labelled(tmp_path) -> Path:
    """labelled.h5: 7 grey 9x10 images by key, each with a gaze and a landmark label, and an attribute."""
    path = tmp_path / "labelled.h5"
    random = np.random.default_rng(3)
    with h5py.File(path, "w") as file:
        file.attrs["made by"] = "hand"
        for index, image in enumerate(make_pixels(7, seed=4, shape=(9, 10))):
            file[f"image/e{index}"] = image
            file[f"gaze/e{index}"] = random.normal(size=2)
            file[f"landmarks/e{index}"] = random.integers(0, 10, (5, 2), dtype=np.int16)
    return path


@pytest.fixture
def only_line() -> Callable[[str], str]:
    """The one line that a text is."""

    def read(text: str) -> str:
        assert text.strip().count("\n") == 0, text
        assert text.strip()
        return text.strip()

    return read


@pytest.fixture(scope="session")
def leaves() -> Callable[..., list[torch.Tensor]]:
    """The weights of a model as tensors of plain PyTorch: kernels (out, in, h, w)."""

    import torch

    def take(model, dtype=torch.float32):
        return [
            torch.tensor(
                array.transpose(3, 2, 0, 1).copy() if array.ndim == 4 else array, dtype=dtype
            ).requires_grad_()
            for array in model.get_weights()
        ]

    return take


@pytest.fixture(scope="session")
def plain_refiner() -> Callable[[list[torch.Tensor], torch.Tensor], torch.Tensor]:
    """R of one block on images (B, C, H, W), from its `leaves`, in plain PyTorch."""
    import torch
    from torch.nn import functional

    def refine(weights, x):
        k0, b0, k1, b1, k2, b2, k3, b3 = weights
        features = functional.relu(functional.conv2d(x, k0, b0, padding=1))
        residual = functional.relu(functional.conv2d(features, k1, b1, padding=1))
        features = functional.relu(features + functional.conv2d(residual, k2, b2, padding=1))
        return torch.tanh(functional.conv2d(features, k3, b3))

    return refine


@pytest.fixture(scope="session")
def make_score():
    """Makes a downstream score of gaze.

    errors: the mean error of each set, by its name and whether it was augmented; 40 % of images are below 5 degrees.
    changes: differences from the best free set (estimate, low, high), by refined set, augmentation and best free set.
    """
    from simgan.evaluation.results import Comparison, Downstream, Interval, Trained

    def kind(name):
        return "bound" if "real" in name else "refined" if "refined" in name else "free"

    def interval(*values):
        return Interval(**dict(zip(("estimate", "low", "high"), values, strict=True)))

    def make(errors, changes, *, seeds=None, **others):
        trained = tuple(
            Trained(
                on=name,
                kind=kind(name),
                augmented=augmented,
                error=interval(error, error - 0.5, error + 0.5),
                each_seed=(error,) * (seeds or {}).get(name, 2),
                within={"5 degrees": 0.4},
            )
            for (name, augmented), error in errors.items()
        )
        comparisons = tuple(
            Comparison(
                on=name,
                augmented=augmented,
                best_free=free,
                difference=interval(*values),
                relative=interval(*(value / errors[free, augmented] for value in values)),
            )
            for (name, augmented, free), values in changes.items()
        )
        given = {
            "task": "angle",
            "label": "gaze",
            "unit": "degrees",
            "estimator": "small",
            "augmentation": "all but the place",
            "labels": "Labels are alike.",
            "steps": 7,
            "seeds": 2,
            "training_images": 30,
            "test_images": 20,
        }
        return Downstream(**given | others, trained=trained, comparisons=comparisons)

    return make


@pytest.fixture(scope="session")
def eyes(tmp_path_factory) -> Path:
    """Synthetic, camera and test eyes, and a tiny run on them."""
    from simgan.eyes import write_eyes

    folder = tmp_path_factory.mktemp("eyes")
    for name, count, domain in (("synthetic", 20, "synthetic"), ("real", 16, "camera"), ("test", 12, "camera")):
        write_eyes(folder / f"{name}.h5", count, domain=domain, seed=len(name), height=24, width=32)
    return folder


@pytest.fixture(scope="session")
def trained_on_eyes(eyes, tmp_path_factory) -> Path:
    """The folder of a tiny training on `eyes`. Read it; do not change it."""
    run = tmp_path_factory.mktemp("trained") / "run"
    return simgan.train(make_tiny_config(steps=1), eyes / "synthetic.h5", eyes / "real.h5", run).path


@pytest.fixture
def run_on_eyes(trained_on_eyes, tmp_path) -> simgan.Run:
    """A tiny training on `eyes`, in a folder that a test may write to."""
    return simgan.Run.open(shutil.copytree(trained_on_eyes, tmp_path / "run"))


@pytest.fixture
def fork(tmp_path_factory) -> Iterator[Callable[..., Forked]]:
    """Runs code in a process of its own, as `python -c` does: see tests/processes.py."""
    started = []

    def run(code: str, *arguments: object) -> Forked:
        started.append(Forked(tmp_path_factory.mktemp("forked"), code, *arguments))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def message() -> Callable[[BaseException], str]:
    """The message of an error, seen to be one line that says what was expected, what was received and a way out."""

    def text_of(error: BaseException) -> str:
        text = str(error)
        assert "\n" not in text
        assert [word for word in ("expected", "received", ";") if word not in text] == [], text
        return text

    return text_of
