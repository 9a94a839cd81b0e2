"""Runs a training, or the rest of one, in this process."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from shlex import quote

import keras
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from simgan.console.progress import show_progress
from simgan.engines.automatic import open_engine
from simgan.engines.machine import device_memory, main_memory
from simgan.engines.protocol import Engine
from simgan.errors import HealthError, NotFiniteError, RunError
from simgan.images import ImageSource
from simgan.images.sampling import evenly_spaced
from simgan.runs.checkpoints import PRETRAINED_ONLY, find_checkpoint, is_pretrained_only
from simgan.runs.run import CHECKPOINTS, Run
from simgan.settings.config import TrainConfig
from simgan.settings.records import DataRecord
from simgan.training.batches import Order, evenly_spaced_images, image_batches
from simgan.training.checkpoint import Checkpoints, finite_numbers
from simgan.training.drift_meter import mean_displacement
from simgan.training.health import check_arrays
from simgan.training.label_keeper import Kept, KeptLabel, LabelKeeper
from simgan.training.loop import Training
from simgan.training.recorder import Recorder, Samples, WaitClock
from simgan.training.run_folder import save_models
from simgan.training.snapshots import Snapshots
from simgan.training.state import new_state
from simgan.training.steps import Batch, Steps
from simgan.training.stopping import StopRequest

_SAMPLES = 8  # images in a sample picture
_KEPT_SHARE = 1 / 8  # of the memory: a set is kept on the device if its images take at most this share
_DRIFT_SAMPLE = 32  # images whose drift steers the weight of self-regularisation
_LABEL_SAMPLE = 128  # images in which it is measured how much of a label R loses


class Session:
    """Runs a training, or the rest of one, in this process.

    Args:
        folder: the run folder.
        config: the settings, none of which is `auto`.
        data: the record of the two sets for config.toml.
        x: synthetic images.
        y: real images.
        labels: the labels that R must keep.
        console: prints progress.
    """

    def __init__(
        self,
        folder: Path,
        config: TrainConfig,
        data: DataRecord,
        x: ImageSource,
        y: ImageSource,
        labels: Sequence[Kept],
        console: Console,
    ) -> None:
        self._folder, self._config, self._data, self._console = folder, config, data, console
        self._sets, self._size = (x, y), (data.height, data.width)
        self._engine = open_engine(micro_batch=int(config.micro_batch), compiled=config.compile == "on")
        shown = min(_SAMPLES, len(x), len(y))
        self._samples = Samples(*(evenly_spaced_images(source, shown, self._size) for source in (x, y)))
        self._state = new_state(
            self._engine, config, self._size, data.channels, self._drift_measure(), partial(self._keeper, labels)
        )
        self._waiting = WaitClock()
        self._stop = StopRequest()
        self.checkpoints = Checkpoints(folder / CHECKPOINTS, config, self._state, self._stop)

    def read_ahead(self) -> None:
        """Prepares the batches, beginning with the first not drawn yet; reads the sets that are kept on the device."""
        position = self._state.position
        firsts = (position.synthetic_batches, position.real_batches)
        self._batches = [
            self._waiting.watch(_batches(source, number, first, self._config, self._size, self._engine, self._console))
            for number, (source, first) in enumerate(zip(self._sets, firsts, strict=True))
        ]

    def run(self) -> Run:
        """Trains to the end and writes the trained models into the run folder."""
        folder, config, state = self._folder, self._config, self._state
        try:
            with (
                self._stop,
                Recorder(folder, config, state, self._waiting, self._samples, self._refine, self._console) as recorder,
            ):
                steps, (synthetic, real) = Steps(self._engine, state, config), self._batches
                # A checkpoint relies on the record and the snapshot of its step.
                observers = (recorder, Snapshots(folder, config.snapshot_every, state), self.checkpoints)
                Training(steps, state, config, synthetic, real, observers).run()
            self._check_result()
            self.checkpoints.write()  # so that the training can be prolonged
            save_models(folder, state, config, self._data)
            run = Run.open(folder)
        except NotFiniteError as error:
            if self.checkpoints.any():
                note = (
                    "the last good checkpoint can be used: "
                    f"'simgan refine {quote(str(folder))} INPUT OUTPUT --checkpoint newest'"
                )
                if is_pretrained_only(find_checkpoint(folder / CHECKPOINTS, "newest")):
                    note += f", but it is from before the adversarial phase: {PRETRAINED_ONLY}"
                error.add_note(note)
            raise
        except HealthError as error:
            # With `strict` still on, the resumed training would end at the same alarm.
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
        """Raises NotFiniteError if the last update made a network not finite: no later step would reveal it."""
        finite_numbers(self._state)
        refined, edge = self._refine(self._samples.synthetic), self._config.jitter
        window = refined[:, edge : self._size[0] - edge, edge : self._size[1] - edge]
        discriminate = self._engine.network(self._state.discriminator, small=True)
        logits = self._engine.infer(discriminate, self._engine.to_device(np.ascontiguousarray(window)))
        checked = {"refined images": refined, "D's logits": self._engine.to_numpy(logits)}
        check_arrays(checked, self._state.position)

    def _refine(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        network = self._engine.network(self._state.averaged_refiner, small=True)  # small: few images, seldom
        return self._engine.to_numpy(self._engine.infer(network, self._engine.to_device(images)))

    def _drift_measure(self) -> Callable[[keras.Model], float]:
        """A function that measures how far a refiner moves the content of some synthetic images, px."""
        if self._config.drift_budget is None:
            return lambda refiner: 0.0
        sample = evenly_spaced_images(self._sets[0], _DRIFT_SAMPLE, self._size)
        return lambda refiner: mean_displacement(self._engine, refiner, sample)

    def _keeper(self, labels: Sequence[Kept], refiner: keras.Model) -> LabelKeeper:
        """What holds `refiner` to labels."""
        if not labels:
            return LabelKeeper()
        synthetic = self._sets[0]
        rows = evenly_spaced(len(synthetic), _LABEL_SAMPLE)
        images = evenly_spaced_images(synthetic, _LABEL_SAMPLE, self._size)
        refine = self._engine.network(refiner, small=True)
        return LabelKeeper(
            [KeptLabel(label, images, rows, refine, self._engine) for label in labels],
            _order(synthetic, 0, self._config),
        )


def _order(source: ImageSource, set_number: int, config: TrainConfig) -> Order:
    """The order in which training draws the synthetic (`set_number` 0) or the real images (`set_number` 1)."""
    return Order(len(source), config.batch_size, seed=2 * config.seed + set_number, flip=config.flip)


def _batches(
    source: ImageSource,
    set_number: int,
    first: int,
    config: TrainConfig,
    size: tuple[int, int],
    engine: Engine,
    console: Console,
) -> Iterator[Batch]:
    """Batches of the synthetic (`set_number` 0) or the real images (`set_number` 1).

    The set is kept on the device if training draws it at least once in full and it fits.
    """
    order = _order(source, set_number, config)
    for_discriminator = config.discriminator_pretrain_steps + config.steps * config.discriminator_updates
    for_refiner = config.refiner_pretrain_steps + config.steps * config.refiner_updates
    drawn = config.batch_size * (for_discriminator + (for_refiner if set_number == 0 else 0))
    pixels = len(source) * size[0] * size[1] * source.channels
    itemsize = source.dtype.itemsize if source.dtype.kind == "u" and config.size is None else 4  # float32 if resized
    room = _KEPT_SHARE * min(device_memory(), main_memory())
    keep = drawn >= len(source) and pixels * itemsize <= room < math.inf
    with show_progress(console, f"reading {source.path.name}") as on_progress:
        return image_batches(source, order, size, engine.to_device, keep=keep, first=first, on_progress=on_progress)
