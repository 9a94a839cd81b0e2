"""Refines stacked HDF5 data sets of 35x55 images with a tiny R: time and peak memory, from few images to many.

    python benchmarks/memory.py                  # 1,000 and 1,000,000 images; needs 5 GB of temporary space
    python benchmarks/memory.py 1000 10000       # other counts

Prints a table in Markdown. Each data set is refined by a process of its own, which reports its peak. R is tiny, so
that most of the time goes into reading, converting and writing.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

HEIGHT, WIDTH = 35, 55
BLOCK = 10_000  # images written at once


def main() -> None:
    """Prints one row for each count."""
    parser = argparse.ArgumentParser(description="Peak memory and speed of refining, by number of images.")
    parser.add_argument("counts", type=int, nargs="*", default=[1_000, 1_000_000], help="images in each data set")
    parser.add_argument("--refine", nargs=3, metavar=("RUN", "INPUT", "OUTPUT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.refine:
        print(json.dumps(refine(*map(Path, arguments.refine))))
        return
    with tempfile.TemporaryDirectory() as folder:
        run = make_run(Path(folder))
        print("| images | seconds | images/s | peak memory, MB |\n|---:|---:|---:|---:|")
        for count in arguments.counts:
            print(row(Path(folder), run, count), flush=True)


def make_run(folder: Path) -> Path:
    """A run folder with an untrained R of 2 filters."""
    from simgan.engines.automatic import open_engine
    from simgan.settings.config import make_config
    from simgan.settings.records import DataRecord, SourceRecord
    from simgan.training.run_folder import save_models, write_config
    from simgan.training.state import new_state

    engine = open_engine(micro_batch=1, compiled=False)
    tiny = make_config({"refiner": {"filters": 2, "blocks": 1}, "history_size": 512})
    record = SourceRecord(path="none")
    data = DataRecord(synthetic=record, real=record, height=HEIGHT, width=WIDTH, channels=1)
    run = folder / "run"
    run.mkdir()
    write_config(run, tiny, data)
    save_models(run, new_state(engine, tiny, (HEIGHT, WIDTH), 1), tiny, data)
    return run


def make_images(path: Path, count: int) -> None:
    """Random images with a label of 3 floats each."""
    random = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        images = file.create_dataset("image", (count, HEIGHT, WIDTH), "u1")
        for start in range(0, count, BLOCK):
            some = min(BLOCK, count - start)
            images[start : start + some] = random.integers(0, 256, (some, HEIGHT, WIDTH), dtype=np.uint8)
        file["gaze"] = random.normal(size=(count, 3)).astype(np.float32)


def row(folder: Path, run: Path, count: int) -> str:
    """Makes a data set, refines it, removes both; the figures as a row of the table."""
    synthetic, refined = folder / "synthetic.h5", folder / "refined.h5"
    make_images(synthetic, count)
    command = [sys.executable, __file__, "--refine", str(run), str(synthetic), str(refined)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    synthetic.unlink()
    refined.unlink()
    measured = json.loads(printed.splitlines()[-1])
    seconds, peak = measured["seconds"], measured["peak"]
    return f"| {count:,} | {seconds:.1f} | {count / seconds:,.0f} | {peak:,.0f} |"


def refine(run: Path, synthetic: Path, refined: Path) -> dict[str, float]:
    """Seconds that refining took, imports left out, and the peak resident memory of this process in MB (2^20)."""
    from simgan.images import open_images
    from simgan.refining.data_set import refine_data_set

    started = time.perf_counter()
    with open_images(synthetic) as source:
        refine_data_set(run, source, refined)
    seconds = time.perf_counter() - started
    # Linux counts in KiB, macOS in bytes.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return {"seconds": seconds, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit}


if __name__ == "__main__":
    main()
