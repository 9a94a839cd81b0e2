"""Measures how long it takes to open and read an HDF5 file with a data set for each image, as Kaggle's eyes are.

    python -m benchmarks.keys 1200000

This makes a file of so many 35x55 images in a folder for temporary files (2.5 GB for 1.2 million), measures it, and
removes it.
"""

import argparse
import random
import resource
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np

from benchmarks.data import HEIGHT, WIDTH
from simgan import open_images

_BATCH = 512


def write(path: Path, count: int) -> None:
    """Random images under the keys 0.png, 1.png, ..."""
    noise = np.random.default_rng(0).integers(0, 256, (_BATCH, HEIGHT, WIDTH), dtype=np.uint8)
    space = h5py.h5s.create_simple((HEIGHT, WIDTH))
    with h5py.File(path, "w") as file:
        group = file.create_group("image").id
        for number in range(count):
            one = h5py.h5d.create(group, f"{number}.png".encode(), h5py.h5t.NATIVE_UINT8, space)
            one.write(h5py.h5s.ALL, h5py.h5s.ALL, noise[number % _BATCH])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Opens and reads an HDF5 file with a data set for each image.")
    parser.add_argument("images", type=int)
    count = parser.parse_args().images
    with TemporaryDirectory() as folder:
        path = Path(folder) / "keys.h5"
        start = time.perf_counter()
        write(path, count)
        print(f"{count} images, {path.stat().st_size / 1e9:.2f} GB, written in {time.perf_counter() - start:.0f} s")
        start = time.perf_counter()
        with open_images(path) as source:
            print(f"opened in {time.perf_counter() - start:.2f} s")
            drawn = random.Random(0)
            for way, batches in (
                (
                    "in order",
                    [range(first, min(first + _BATCH, count)) for first in range(0, min(count, 10240), _BATCH)],
                ),
                ("drawn at random", [[drawn.randrange(count) for _ in range(_BATCH)] for _ in range(20)]),
            ):
                start = time.perf_counter()
                read = sum(len(source.read(batch)) for batch in batches)
                print(f"{way}: {read / (time.perf_counter() - start):,.0f} images/s")
    print(f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB of memory")


if __name__ == "__main__":
    main()
