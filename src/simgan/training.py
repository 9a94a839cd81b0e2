"""`train`: from two data sets to a run folder."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

from rich.console import Console

from simgan import loop
from simgan.batches import evenly_spaced_images, image_batches, training_size
from simgan.config import DataRecord, SourceRecord, TrainConfig, make_config
from simgan.engine import TorchEngine, resolve_precision
from simgan.folders import check_new, new_folder
from simgan.images import ImageSource, open_images
from simgan.recorder import Recorder, Samples, WaitClock
from simgan.report import write_report
from simgan.run import Run, save_models, write_config
from simgan.steps import new_state

_SAMPLES = 8  # images in a sample picture
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
        out: the run folder, which must not exist. A training that fails leaves `<out>.failed` in its place.
        console: where progress goes; by default nowhere.

    Returns:
        The finished run.

    Raises:
        DataError: images are missing, unreadable, too few, or do not fit together.
        RunError: `out` exists, or cannot be written.
        EngineError: Keras does not run on PyTorch.
    """
    engine = TorchEngine(config.micro_batch)
    # What `auto` means here is written down, so that config.toml repeats the run on another machine too.
    config = make_config({"precision": resolve_precision(config.precision)}, config)
    folder = check_new(out)
    with ExitStack() as opened:
        x, y = (
            source if isinstance(source, ImageSource) else opened.enter_context(open_images(source))
            for source in (synthetic, real)
        )
        size = training_size(x, y, config.height_width, config.batch_size)
        waiting = WaitClock()
        batches = [
            waiting.watch(
                image_batches(
                    source, batch_size=config.batch_size, size=size, seed=2 * config.seed + place, flip=config.flip
                )
            )
            for place, source in enumerate((x, y))
        ]
        samples = Samples(evenly_spaced_images(x, _SAMPLES, size), evenly_spaced_images(y, _SAMPLES, size))
        state = new_state(config, size, x.channels)
        data = DataRecord(synthetic=_record(x), real=_record(y), height=size[0], width=size[1], channels=x.channels)
        with new_folder(folder):
            write_config(folder, config, data)
            refine = partial(engine.infer, state.averaged_refiner)
            with Recorder(folder, config, state.history, waiting, samples, refine, console or _SILENT) as observer:
                loop.run(engine, state, config, batches[0], batches[1], observer)
            save_models(folder, state, config, data)
            run = Run.open(folder)
            write_report(run)
    return run


def _record(source: ImageSource) -> SourceRecord:
    given = source.given_range
    return SourceRecord(
        path=str(source.path.resolve()), key=source.key, range=(given.low, given.high) if given else None
    )
