"""`train` and `resume`: from two data sets to a run folder."""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from shlex import quote

import keras
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from simgan.console.printing import say
from simgan.console.progress import show_progress
from simgan.engines.automatic import open_engine, resolve
from simgan.engines.machine import device_memory, main_memory
from simgan.engines.protocol import Engine
from simgan.errors import ConfigError, DataError, HealthError, NotFiniteError, RunError
from simgan.files.folders import check_new, check_outside, locked, whole_folder
from simgan.framing.comparison import compare_framing
from simgan.framing.picture import framing_picture
from simgan.framing.samples import comparable_samples
from simgan.images import ImageSource, ReadableImages, open_images
from simgan.images.notes import sample_notes
from simgan.report import write_report
from simgan.runs.run import (
    CHECKPOINTS,
    Run,
    is_finished,
    open_recorded,
    prolong,
    save_models,
    write_config,
    write_framing,
    write_left_out,
)
from simgan.settings.config import DataRecord, SourceRecord, TrainConfig, differences, prolongs, read_run
from simgan.training.batches import Order, digest, evenly_spaced_images, image_batches, training_size
from simgan.training.checkpoint import (
    PRETRAINED_ONLY,
    Checkpoints,
    find_checkpoint,
    finite_numbers,
    is_pretrained_only,
)
from simgan.training.drift_meter import mean_displacement
from simgan.training.health import check_arrays
from simgan.training.loop import Training
from simgan.training.recorder import Recorder, Samples, WaitClock
from simgan.training.steps import Batch, Steps, new_state
from simgan.training.stopping import StopRequest

_SAMPLES = 8  # images in a sample picture
_KEPT_SHARE = 1 / 8  # of the device's memory: what the images of one set may take
_DRIFT_SAMPLE = 32  # images whose drift steers the weight of self-regularisation
_SILENT = Console(quiet=True)


def train(
    config: TrainConfig,
    synthetic: str | Path | ImageSource,
    real: str | Path | ImageSource,
    out: str | Path,
    *,
    console: Console = _SILENT,
) -> Run:
    """Trains a refiner: pre-training of R, of D, then Algorithm 1.

    Args:
        config: every setting. Its seed also sets the global random states of Python, NumPy and Keras.
        synthetic: synthetic images: what `open_images` takes, or what it returns.
        real: photographs, unlabelled; as many channels as the synthetic images.
        out: the run folder, which must not exist, outside the folders of the images. Once training has begun it
            stays, whatever happens: `resume` goes on in it.
        console: where progress goes, and notes on what is unusual in the images; by default nowhere.

    Returns:
        The finished run.

    Raises:
        DataError: images are missing, unreadable, too few, or do not fit together.
        RunError: `out` exists, lies within the images, or cannot be written; or the training diverged.
        EngineError: Keras does not run on PyTorch.
        KeyboardInterrupt, SystemExit: SIGINT or SIGTERM asked for a stop; a checkpoint was written after the step.
    """
    folder = check_new(out)
    for source in (synthetic, real):
        check_outside(folder, source.path if isinstance(source, ImageSource) else source)
    with ExitStack() as opened:
        x, y = (
            source if isinstance(source, ImageSource) else opened.enter_context(open_images(source))
            for source in (synthetic, real)
        )
        size = training_size(x, y, config.height_width, config.batch_size)
        for source, flag in ((x, "--synthetic-range"), (y, "--real-range")):
            for note in sample_notes(source, flag=flag, resized_to=size):
                say(console, note.line(source.path))
        config = resolve(config, size, x.channels)
        data = DataRecord(synthetic=_record(x), real=_record(y), height=size[0], width=size[1], channels=x.channels)
        session = _Session(folder, config, data, x, y, console)
        session.read_ahead()
        compared = comparable_samples(x, y, size)
        findings = compare_framing(*compared)
        for finding in findings:
            if finding.severity == "warning":
                say(console, f"warning: {finding.sentence}")
        try:
            with whole_folder(folder) as partial:
                write_config(partial, config, data)
                write_left_out(partial, {"synthetic": x.left_out, "real": y.left_out})
                write_framing(partial, [finding.as_dict() for finding in findings], framing_picture(*compared))
        except OSError as error:
            raise RunError(f"out: expected a folder that can be written, received {folder} ({error}).") from None
        with locked(folder):
            return session.run()


def resume(
    path: str | Path,
    config: TrainConfig | None = None,
    *,
    synthetic: ImageSource | None = None,
    real: ImageSource | None = None,
    console: Console = _SILENT,
) -> Run:
    """Goes on with a training that stopped, from its newest checkpoint; without one, from the beginning.

    With more steps than it had, a training is prolonged, be it finished or not. On a CPU the numbers are, bit for bit,
    those of a training that never stopped and had so many steps from the start, given the same machine and versions.

    Args:
        path: the run folder.
        config: the settings of the training, which may differ only in what its numbers do not depend on
            (`config.SETTINGS_FREE_TO_CHANGE`), or have more `steps`; by default as they were.
        synthetic: the images of the training, if they are elsewhere now.
        real: likewise.
        console: where progress goes; by default nowhere.

    Returns:
        The finished run.

    Raises:
        ConfigError: other settings; the message tells the difference.
        RunError: it is no run folder, it is finished and no more steps are asked for, another training is at work in
            it, or no checkpoint can be read.
        DataError: the images are missing, or are not those that the training began with.
        EngineError, KeyboardInterrupt, SystemExit: as `train`.
    """
    folder = Path(path)
    recorded, data = read_run(folder)
    config = config or recorded
    is_longer = prolongs(recorded, config)
    if not is_longer and (changed := differences(recorded, config)):
        raise ConfigError(
            f"resume: expected the settings of {folder}, received others ({'; '.join(changed)}); leave them out, or "
            "train anew with another --out."
        )
    with ExitStack() as opened:
        opened.enter_context(locked(folder))
        if is_finished(folder) and not is_longer:
            raise RunError(
                f"run: expected a training that stopped early, received {folder}, which is finished; prolong it with "
                f"more --steps than its {recorded.steps}."
            )
        x = synthetic or opened.enter_context(open_recorded(data.synthetic))
        y = real or opened.enter_context(open_recorded(data.real))
        for source, record in ((x, data.synthetic), (y, data.real)):
            if record.digest != digest(source):
                raise DataError(
                    f"data: expected the images that the training began with, received others in {source.path}; "
                    "restore them, or train anew."
                )
        config = resolve(config, (data.height, data.width), data.channels)
        session = _Session(folder, config, data, x, y, console)
        position = session.checkpoints.restore()
        if is_longer:
            if position is None and is_finished(folder):
                raise RunError(
                    f"run: expected a checkpoint from which {folder} can be prolonged, received none; train anew with "
                    "another --out."
                )
            prolong(folder, recorded.model_copy(update={"steps": config.steps}), data)
            say(console, f"prolonged from {recorded.steps} to {config.steps} adversarial steps")
        say(console, f"going on after {position}" if position else "going on from the beginning")
        session.read_ahead()
        return session.run()


class _Session:
    """One process's part of a training: the state, and all that works on it."""

    def __init__(
        self, folder: Path, config: TrainConfig, data: DataRecord, x: ImageSource, y: ImageSource, console: Console
    ) -> None:
        self._folder, self._config, self._data, self._console = folder, config, data, console
        self._sets, self._size = (x, y), (data.height, data.width)
        self._engine = open_engine(micro_batch=int(config.micro_batch), compiled=config.compile == "on")
        shown = min(_SAMPLES, len(x), len(y))
        self._samples = Samples(*(evenly_spaced_images(source, shown, self._size) for source in (x, y)))
        self._state = new_state(self._engine, config, self._size, data.channels, self._drift_of())
        self._waiting = WaitClock()
        self._stop = StopRequest()
        self.checkpoints = Checkpoints(folder / CHECKPOINTS, config, self._state, self._stop)

    def read_ahead(self) -> None:
        """Makes the batches, from the first that the state has not seen; reads the sets that are kept in memory."""
        position = self._state.position
        firsts = (position.synthetic_batches, position.real_batches)
        self._batches = [
            self._waiting.watch(_batches(source, place, first, self._config, self._size, self._engine, self._console))
            for place, (source, first) in enumerate(zip(self._sets, firsts, strict=True))
        ]

    def run(self) -> Run:
        """Trains to the end, and writes what a run is made of."""
        folder, config, state = self._folder, self._config, self._state
        try:
            with (
                self._stop,
                Recorder(folder, config, state, self._waiting, self._samples, self._refine, self._console) as recorder,
            ):
                steps, (synthetic, real) = Steps(self._engine, state, config), self._batches
                Training(steps, state, config, synthetic, real, (recorder, self.checkpoints)).run()
            self._check_result()
            self.checkpoints.write()  # from which the training can be prolonged
            save_models(folder, state, config, self._data)
            run = Run.open(folder)
            write_report(run)
        except NotFiniteError as error:
            if self.checkpoints.any():
                newest = find_checkpoint(folder / CHECKPOINTS, "newest")
                error.add_note(
                    "the last good checkpoint can be used: "
                    f"'simgan refine {quote(str(folder))} INPUT OUTPUT --checkpoint newest'"
                    + (
                        f", but it is from before the adversarial phase: {PRETRAINED_ONLY}"
                        * is_pretrained_only(newest)
                    )
                )
            raise
        except HealthError as error:
            # Going on as strictly as before would meet the same alarm.
            error.add_note(f"go on regardless with 'simgan train --resume {quote(str(folder))} --no-strict'")
            raise
        except BaseException as error:
            way_on = f"go on with 'simgan train --resume {quote(str(folder))}'"
            if isinstance(error, OSError):
                reason = " ".join(str(error).split())
                raise RunError(f"out: cannot write {folder} ({reason}); make room, then {way_on}.") from error
            error.add_note(way_on)
            raise
        return run

    def _check_result(self) -> None:
        """NotFiniteError if the last update spoilt a network: no later step would show it."""
        finite_numbers(self._state)
        refined, edge = self._refine(self._samples.synthetic), self._config.jitter
        window = refined[:, edge : self._size[0] - edge, edge : self._size[1] - edge]
        discriminate = self._engine.network(self._state.discriminator, small=True)
        logits = self._engine.infer(discriminate, self._engine.to_device(np.ascontiguousarray(window)))
        judged = {"refined images": refined, "D's logits": self._engine.to_numpy(logits)}
        check_arrays(judged, self._state.position)

    def _refine(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        network = self._engine.network(self._state.averaged_refiner, small=True)  # of a few pictures now and then
        return self._engine.to_numpy(self._engine.infer(network, self._engine.to_device(images)))

    def _drift_of(self) -> Callable[[keras.Model], float]:
        """Measures how far a refiner moves the content of some synthetic images."""
        if self._config.drift_budget is None:
            return lambda refiner: 0.0
        sample = evenly_spaced_images(self._sets[0], _DRIFT_SAMPLE, self._size)
        return lambda refiner: mean_displacement(self._engine, refiner, sample)


def _batches(
    source: ImageSource,
    place: int,
    first: int,
    config: TrainConfig,
    size: tuple[int, int],
    engine: Engine,
    console: Console,
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
        return image_batches(source, order, size, engine.to_device, keep=keep, first=first, on_progress=on_progress)


def _record(source: ImageSource) -> SourceRecord:
    used = source.pixel_range
    return SourceRecord(
        path=str(source.path.resolve()),
        key=source.key,
        layout=source.layout,
        range=(used.low, used.high),
        dtype=source.dtype.name,  # type: ignore[arg-type]  # pydantic sees to it
        on_bad_image="skip" if isinstance(source, ReadableImages) else "stop",
        images=source.pattern,
        channels=source.wanted_channels,  # type: ignore[arg-type]
        follow_links=source.follow_links,
        digest=digest(source),
    )
