"""Records a training: progress lines, metrics.jsonl, TensorBoard events, sample pictures."""

import json
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

from rich.console import Console
from tensorboardX import SummaryWriter

from simgan.console.printing import print_line
from simgan.console.progress import progress_bar
from simgan.errors import HealthError
from simgan.images.picture_sheet import picture_sheet
from simgan.runs.position import ADVERSARIAL, DISCRIMINATOR_PRETRAIN, PHASES, REFINER_PRETRAIN
from simgan.runs.run import METRICS
from simgan.settings.config import TrainConfig
from simgan.training.health import ALARM_RECORDS, alarms, check_losses
from simgan.training.run_folder import drop_later_records
from simgan.training.state import TrainState
from simgan.training.steps import Batch

Item = TypeVar("Item")

_DIGITS = (
    7  # significant digits of a record, as many as float32 has: a vanished gradient of 1e-9 must not be recorded as 0
)
_VARIANCE = "discriminator_logit_variance"


class WaitClock:
    """Adds up the time that a consumer waits for its iterators."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def watch(self, items: Iterator[Item]) -> Iterator[Item]:
        """Yields the same items, and measures the time that each takes to arrive."""
        while True:
            start = time.perf_counter()
            item = next(items)
            self.seconds += time.perf_counter() - start
            yield item


class Samples(NamedTuple):
    """The images of the sample pictures: always the same, so that pictures can be compared."""

    synthetic: Batch
    real: Batch


class Recorder:
    """An observer of the training loop; use it as a context manager.

    Args:
        folder: the run folder, which exists.
        config: sets the lengths of the phases and the intervals between records.
        state: the state of the training, from which position, losses, history and weight are recorded.
        waiting: measures the time that training waits for data.
        samples: images for the sample pictures.
        refine: refines a batch with the present refiner.
        console: prints progress.
    """

    def __init__(
        self,
        folder: Path,
        config: TrainConfig,
        state: TrainState,
        waiting: WaitClock,
        samples: Samples,
        refine: Callable[[Batch], Batch],
        console: Console,
    ) -> None:
        self._folder, self._state, self._waiting = folder, state, waiting
        self._samples, self._refine, self._console = samples, refine, console
        self._sample_every, self._strict = config.sample_every, config.strict
        self._budgets = config.drift_budget, config.keep_label
        self._raised: set[str] = set()
        lengths = (config.refiner_pretrain_steps, config.discriminator_pretrain_steps, config.steps)
        self._lengths = dict(zip(PHASES, lengths, strict=True))
        self._every = dict(zip(PHASES, config.log_every, strict=True))
        self._start_interval()

    def __enter__(self) -> Self:
        records = drop_later_records(self._folder, self._state.position, self._is_due)
        self._records = deque(records, maxlen=ALARM_RECORDS)
        self._metrics = (self._folder / METRICS).open("a", encoding="utf-8")
        last = self._total_steps(records[-1]["phase"], records[-1]["step"]) if records else 0
        self._events = SummaryWriter(
            str(self._folder), purge_step=last + 1 if last or self._state.position.step else None
        )
        self._progress = progress_bar(self._console, "steps")
        self._tasks = {
            phase: self._progress.add_task(phase.replace("_", " "), total=length, visible=False)
            for phase, length in self._lengths.items()
        }
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        self._events.close()
        self._metrics.close()

    def step(self) -> None:
        """See `simgan.training.loop.Observer.step`."""
        self._steps += 1
        phase, number = self._state.position.phase, self._state.position.step
        self._progress.update(self._tasks[phase], completed=number, visible=True)
        if self._is_due(phase, number):
            self._write(phase, number)
        if phase == ADVERSARIAL and (number % self._sample_every == 0 or number == self._lengths[phase]):
            self.picture(number)

    def picture(self, step: int) -> None:
        """Draws samples/step_*.png with the present refiner."""
        folder = self._folder / "samples"
        folder.mkdir(exist_ok=True)
        synthetic, real = self._samples
        picture_sheet(synthetic, self._refine(synthetic), real).save(folder / f"step_{step:06d}.png")

    def _write(self, phase: str, number: int) -> None:
        state = self._state
        check_losses(state.meters.values(), state.position)
        # The last interval of a training may be a short one, which continues if the training is prolonged: its losses
        # must stay in the meters.
        is_unfinished = phase == ADVERSARIAL and number % self._every[phase] != 0
        means = _with_spread(state.meters.means() if is_unfinished else state.meters.close())
        seconds = time.perf_counter() - self._started
        rates = {
            "history_fill": len(state.history) / state.history.capacity if state.history.capacity else 1.0,
            "steps_per_second": self._steps / seconds,
            "waiting_for_data": (self._waiting.seconds - self._waited) / seconds,
        }
        gauges = state.weight.gauges() | state.labels.gauges() if phase == ADVERSARIAL else {}
        values = {name: float(f"{value:.{_DIGITS}g}") for name, value in (means | gauges | rates).items()}
        self._records.append({"phase": phase, "step": number, **values})
        self._metrics.write(json.dumps(self._records[-1]) + "\n")
        self._metrics.flush()
        os.fsync(self._metrics.fileno())  # before a checkpoint of this step, which relies on the record
        for name, value in values.items():
            self._events.add_scalar(f"{phase}/{name}", value, self._total_steps(phase, number))
        shown = "  ".join(f"{label} {means[name]:.4f}" for name, label in _LABELS[phase].items())
        rate = f"{rates['steps_per_second']:.2f} steps/s, {100 * rates['waiting_for_data']:.1f} % waiting for data"
        steered = "".join(f"{_GAUGE_LABELS.get(name, name)} {value:#.3g}  " for name, value in gauges.items())
        line = f"{phase.replace('_', ' ')} {number}/{self._lengths[phase]}: {shown}  {steered}{rate}"
        print_line(self._console, line)
        self._raise_alarms(number)
        self._start_interval()

    def _raise_alarms(self, number: int) -> None:
        """Prints each alarm that is new; if `strict`, ends the training at the first."""
        found = alarms(list(self._records), *self._budgets)
        for name in (name for name in found if name not in self._raised):
            if self._strict:
                raise HealthError(f"adversarial step {number}: {found[name]}")
            print_line(self._console, f"alarm: {found[name]}")
        self._raised = set(found)

    def _is_due(self, phase: str, step: int) -> bool:
        """Whether a record is written after this step."""
        return step % self._every[phase] == 0 or step == self._lengths[phase]

    def _total_steps(self, phase: str, step: int) -> int:
        """Steps of all phases that are over after this step of `phase`."""
        return sum(self._lengths[earlier] for earlier in PHASES[: PHASES.index(phase)]) + step

    def _start_interval(self) -> None:
        self._steps = 0
        self._started = time.perf_counter()
        self._waited = self._waiting.seconds


def _with_spread(means: dict[str, float]) -> dict[str, float]:
    """Replaces the variance of D's logits by its square root.

    The update of D returns the variance, since each of its losses must be a mean over images.
    """
    if _VARIANCE not in means:
        return means
    others = {name: value for name, value in means.items() if name != _VARIANCE}
    return others | {"discriminator_logit_spread": math.sqrt(means[_VARIANCE])}


_DISCRIMINATOR_LABELS = {
    "discriminator_total": "D loss",
    "discriminator_real_accuracy": "D right on real",
    "discriminator_refined_accuracy": "on refined",
}
# The losses that a progress line shows in each phase, and their labels.
_LABELS = {
    REFINER_PRETRAIN: {"refiner_self_regularisation": "R self-regularisation"},
    DISCRIMINATOR_PRETRAIN: _DISCRIMINATOR_LABELS,
    ADVERSARIAL: {"refiner_adversarial": "R adversarial", "refiner_self_regularisation": "self-regularisation"}
    | _DISCRIMINATOR_LABELS,
}
_GAUGE_LABELS = {"self_regularisation_weight": "self-regularisation weight", "measured_drift": "drift, px"}
