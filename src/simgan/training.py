"""`train`: from two data sets to a run folder."""

import math
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from simgan import loop
from simgan.batches import Order, evenly_spaced_images, image_batches, training_size
from simgan.budget import DriftBudget, FixedWeight, Weight
from simgan.config import DataRecord, SourceRecord, TrainConfig
from simgan.device import device_memory, main_memory, open_engine, resolve
from simgan.engine import Engine
from simgan.evaluation.displacement import displacement
from simgan.folders import check_new, new_folder
from simgan.framing import compare_framing
from simgan.framing_picture import framing_picture
from simgan.images import ImageSource, open_images
from simgan.images.samples import comparable_samples
from simgan.progress import show_progress
from simgan.recorder import Recorder, Samples, WaitClock
from simgan.report import write_report
from simgan.run import Run, save_models, write_config, write_framing
from simgan.steps import Batch, Steps, TrainState, new_state

_SAMPLES = 8  # images in a sample picture
_KEPT_SHARE = 1 / 8  # of the device's memory: what the images of one set may take
_DRIFT_SAMPLE = 64  # images whose drift steers the weight of self-regularisation
_SILENT = Console(quiet=True)


def train(
    config: TrainConfig,
    synthetic: str | Path | ImageSource,
    real: str | Path | ImageSource,
    out: str | Path,
    *,
    console: Console | None = None,
) -> Run:
    """Trains a refiner: pre-training of R, of D, then Algorithm 1.

    Args:
        config: every setting. Its seed also sets the global random states of Python, NumPy and Keras.
        synthetic: synthetic images: what `open_images` takes, or what it returns.
        real: photographs, unlabelled; as many channels as the synthetic images.
        out: the run folder, which must not exist. A training that fails once it has begun leaves `<out>.failed` in
            its place.
        console: where progress goes; by default nowhere.

    Returns:
        The finished run.

    Raises:
        DataError: images are missing, unreadable, too few, or do not fit together.
        RunError: `out` exists, or cannot be written.
        EngineError: Keras does not run on PyTorch.
    """
    folder = check_new(out)
    console = console or _SILENT
    with ExitStack() as opened:
        x, y = (
            source if isinstance(source, ImageSource) else opened.enter_context(open_images(source))
            for source in (synthetic, real)
        )
        size = training_size(x, y, config.height_width, config.batch_size)
        config = resolve(config, size, x.channels)
        engine = open_engine(micro_batch=int(config.micro_batch), compiled=config.compile == "on")
        samples = Samples(evenly_spaced_images(x, _SAMPLES, size), evenly_spaced_images(y, _SAMPLES, size))
        state = new_state(engine, config, size, x.channels)
        waiting = WaitClock()
        batches = loop.Data(
            *(
                waiting.watch(_batches(source, place, config, size, engine, console))
                for place, source in enumerate((x, y))
            )
        )

        def refine(images: NDArray[np.float32]) -> NDArray[np.float32]:
            return engine.to_numpy(engine.infer(state.averaged_refiner, engine.to_device(images)))

        weight = _weight(config, x, size, engine, state)
        data = DataRecord(synthetic=_record(x), real=_record(y), height=size[0], width=size[1], channels=x.channels)
        compared = comparable_samples(x, y, size)
        findings = compare_framing(*compared)
        for finding in findings:
            if finding.severity == "warning":
                console.print(f"warning: {finding.sentence}", markup=False, highlight=False, soft_wrap=True)
        with new_folder(folder):
            write_config(folder, config, data)
            write_framing(folder, [finding.as_dict() for finding in findings], framing_picture(*compared))
            with Recorder(folder, config, state.history, weight, waiting, samples, refine, console) as observer:
                loop.run(Steps(engine, state, config), state.history, config, batches, weight, observer)
            save_models(folder, state, config, data)
            run = Run.open(folder)
            write_report(run)
    return run


def _batches(
    source: ImageSource, place: int, config: TrainConfig, size: tuple[int, int], engine: Engine, console: Console
) -> Iterator[Batch]:
    """Batches of the synthetic (`place` 0) or the real images (1), kept on the device if that pays and fits."""
    order = Order(len(source), config.batch_size, seed=2 * config.seed + place, flip=config.flip)
    of_each_kind = config.discriminator_pretrain_steps + config.steps * config.discriminator_updates
    of_synthetic = config.refiner_pretrain_steps + config.steps * config.refiner_updates
    drawn = config.batch_size * (of_each_kind + (of_synthetic if place == 0 else 0))
    pixels = len(source) * size[0] * size[1] * source.channels
    itemsize = source.dtype.itemsize if source.dtype.kind == "u" and config.size is None else 4  # float32 if resized
    room = _KEPT_SHARE * min(device_memory(), main_memory())
    keep = drawn >= len(source) and pixels * itemsize <= room < math.inf
    with show_progress(console, f"reading {source.path.name}") as on_progress:
        return image_batches(source, order, size, engine.to_device, keep=keep, on_progress=on_progress)


def _weight(
    config: TrainConfig, synthetic: ImageSource, size: tuple[int, int], engine: Engine, state: TrainState
) -> Weight:
    """The weight of self-regularisation: fixed, or steered by how far R as it is moves content."""
    if config.drift_budget is None:
        return FixedWeight(config.self_regularisation)
    sample = evenly_spaced_images(synthetic, _DRIFT_SAMPLE, size)
    on_device = engine.to_device(sample)

    def drift() -> float:
        refined = engine.to_numpy(engine.infer(state.refiner, on_device))
        return float(displacement(sample, refined).mean())

    return DriftBudget(config.drift_budget, config.self_regularisation, drift)


def _record(source: ImageSource) -> SourceRecord:
    given = source.given_range
    return SourceRecord(
        path=str(source.path.resolve()), key=source.key, range=(given.low, given.high) if given else None
    )
