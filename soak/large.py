"""Trains on and refines few images and a million: the peak of memory must be the same.

python -m soak.large --images 1000000
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

_FEW = 1000
_MARGIN = 100.0  # MB: names and orders take some bytes for each image, pixels must not
_BLOCK = 10_000
_TRAIN = """
import sys, simgan
from simgan.settings.config import make_config
settings = {"batch_size": 64, "refiner_pretrain_steps": 20, "discriminator_pretrain_steps": 10, "steps": 100,
            "refiner": {"filters": 8, "blocks": 1}, "history_size": 256, "compile": "off"}
simgan.train(make_config(settings), sys.argv[1], sys.argv[1], sys.argv[2])
"""
_REFINE = """
import sys, simgan
from simgan.refining.data_set import refine_data_set
with simgan.open_images(sys.argv[1]) as source:
    refine_data_set(sys.argv[2], source, sys.argv[3])
"""


class Peaks(NamedTuple):
    """Peak memory in MB, with few images and with many."""

    train: tuple[float, float]
    refine: tuple[float, float]

    @property
    def are_flat(self) -> bool:
        """Whether many images take no more memory than few, apart from a margin."""
        return all(many < few + _MARGIN for few, many in self)


def peaks(images: int, folder: Path) -> Peaks:
    """Measures a training and refining, each in a process of its own, in `folder`, which exists."""
    found: list[tuple[float, float]] = []
    for count in (_FEW, images):
        path = folder / f"{count}.h5"
        _write(path, count)
        train = _peak(_TRAIN, path, folder / f"run-{count}")
        found.append((train, _peak(_REFINE, path, folder / f"run-{count}", folder / f"refined-{count}.h5")))
        with h5py.File(folder / f"refined-{count}.h5") as refined:
            if len(refined["image"]) != count:
                raise RuntimeError(f"expected {count} refined images, received {len(refined['image'])}")
    (train_few, refine_few), (train_many, refine_many) = found
    return Peaks((train_few, train_many), (refine_few, refine_many))


def _write(path: Path, count: int) -> None:
    random = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        images = file.create_dataset("image", (count, 16, 16), np.uint8)
        for start in range(0, count, _BLOCK):
            stop = min(start + _BLOCK, count)
            images[start:stop] = random.integers(0, 256, (stop - start, 16, 16), np.uint8)
        file["gaze"] = random.normal(size=(count, 2)).astype(np.float32)


def _peak(code: str, *arguments: Path) -> float:
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)])
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"a process failed with {os.waitstatus_to_exitcode(status)}")
    return used.ru_maxrss / 1024


def main() -> int:
    """Prints the peaks; 1 if many images take more memory than few."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=10**6)
    count = parser.parse_args().images
    with tempfile.TemporaryDirectory() as folder:
        found = peaks(count, Path(folder))
    print(
        f"peak of memory at {_FEW} and at {count} images: training {found.train[0]:.0f} and {found.train[1]:.0f} MB, "
        f"refining {found.refine[0]:.0f} and {found.refine[1]:.0f} MB; {'flat' if found.are_flat else 'NOT flat'}"
    )
    return 0 if found.are_flat else 1


if __name__ == "__main__":
    sys.exit(main())
