"""The jobs of `make benchmarks`: for each domain and seed the free sets, and a refiner with its sets."""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.benchmarks_domains import DOMAINS
from benchmarks.benchmarks_labels import drift_and_flow, share_flipped
from benchmarks.benchmarks_sets import Scorer, free_sets, refined_sets
from benchmarks.jobs import Record, finished_or_trained, write_record
from benchmarks.machine import this_machine
from simgan import PRESETS, Run, TrainConfig, refine, train
from simgan.evaluation import Labelled
from simgan.evaluation.contenders import WITH_REFINED
from simgan.images import PixelRange
from simgan.refining.variety import as_seen
from simgan.settings.config import make_config
from simgan.tasks.choice import choose_task

Part = Literal["free", "refined"]
PARTS: tuple[Part, ...] = ("free", "refined")
_VERSION = 1  # of the measurements; jobs with records of another version run again


@dataclass(frozen=True)
class Job:
    """Measures the sets that need no refiner and the bound (`free`), or the sets of one refiner (`refined`)."""

    domain: str
    part: Part
    seed: int

    @property
    def name(self) -> str:
        """Name of the job's files."""
        return f"{self.domain}-{self.part}-{self.seed}"


@dataclass(frozen=True)
class Options:
    """The options that change the results of a job."""

    images: int | None = None
    """For trials: the largest number of images of a set; None: all."""
    estimator_steps: int | None = None
    """Training steps of each estimator; None: those of the domain."""
    config: dict[str, Any] | None = None
    """Settings of the training in place of those of the preset `default`, for trials."""

    def steps(self, domain: str) -> int:
        """Training steps of each estimator."""
        return self.estimator_steps or DOMAINS[domain].estimator_steps

    def training(self, job: Job) -> TrainConfig:
        """Settings of the job's training."""
        settings = (self.config or {}) | DOMAINS[job.domain].settings | {"seed": job.seed}
        return make_config(settings, PRESETS["default"].config)

    def record(self, job: Job) -> Record:
        """What the job's results depend on, for its record."""
        common = {"version": _VERSION, "images": self.images, "estimator_steps": self.steps(job.domain)}
        if job.part == "free":
            return {"common": common}
        training = self.training(job).model_dump(mode="json", exclude={"seed"})
        return {"common": common, "sets": list(WITH_REFINED), "training": training, "trial": self.config is not None}

    def run_name(self, job: Job) -> str:
        """Name of the job's run folder: trainings with other settings or other data have other names."""
        of_run = json.dumps([self.training(job).model_dump(mode="json"), self.images], sort_keys=True)
        return f"{job.name}-{hashlib.sha256(of_run.encode()).hexdigest()[:8]}"

    def is_done(self, folder: Path, job: Job) -> bool:
        """Whether the job has left results that were measured with these options."""
        path = folder / f"{job.name}.json"
        return path.exists() and json.loads(path.read_text(encoding="utf-8"))["settings"] == self.record(job)


def data_folder(folder: Path, domain: str, options: Options) -> Path:
    """Where the data of a domain lie."""
    return folder / "data" / (domain if options.images is None else f"{domain}-{options.images}")


def run_job(job: Job, folder: Path, options: Options) -> None:
    """Trains, refines and scores, and leaves `<name>.json` in `folder`."""
    clock = _Clock()
    with clock("reading"):
        data = _Data(job, data_folder(folder, job.domain, options))
    scorer = _scorer(job, data, options)
    if job.part == "free":
        found = _free(data, scorer, clock)
    else:
        found = _refined(data, scorer, options.training(job), folder / options.run_name(job), clock)
    record = {
        "settings": options.record(job),
        "task": scorer.task.name,
        "date": time.strftime("%Y-%m-%d %H:%M:%S"),
        "machine": this_machine().describe(),
        "seconds": clock.seconds,
        "images": {"synthetic": len(data.synthetic), "real": len(data.real), "test": len(data.test.images)},
    }
    write_record(folder, job, record | found)


class _Clock:
    """Measures the seconds of each phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - started


class _Data:
    """The arrays of a domain; images as they are stored, (N, H, W, C) of 8 bits, unless said otherwise."""

    def __init__(self, job: Job, folder: Path) -> None:
        label = DOMAINS[job.domain].label
        self.folder = folder
        with np.load(folder / "synthetic.npz") as arrays:
            self.synthetic: NDArray[np.uint8] = arrays["image"]
            self.labels: NDArray[Any] = arrays[label]
            points = DOMAINS[job.domain].points
            self.points: NDArray[np.float64] | None = arrays[points] if points else None
        with np.load(folder / "real.npz") as arrays:
            self.real: NDArray[np.uint8] = arrays["image"]
        with np.load(folder / "real_labels.npz") as arrays:
            self.real_labels: NDArray[Any] = arrays[label]
        with np.load(folder / "test.npz") as arrays:
            self.test = Labelled(as_floats(arrays["image"]), arrays[label])
        """Images in [-1, 1]."""


def as_floats(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[0, 255] -> [-1, 1]."""
    return PixelRange.of(np.uint8).to_model(images)


def _scorer(job: Job, data: _Data, options: Options) -> Scorer:
    domain, size = DOMAINS[job.domain], data.synthetic.shape[1:3]
    task = choose_task(domain.label, np.concatenate([data.labels, data.real_labels]), size)
    return Scorer(task, domain.network, data.test, options.steps(job.domain), job.seed)


def _free(data: _Data, scorer: Scorer, clock: _Clock) -> Record:
    """Errors of the estimators that were trained on the free sets, and on labelled images of the target."""
    synthetic, real = as_floats(data.synthetic), as_floats(data.real)
    errors = []
    with clock("matching and estimators"):
        errors.append(scorer.score("synthetic", "free", synthetic, data.labels, augmented=False))
        for name, images in free_sets(synthetic, real, scorer.seed, has_directions=scorer.task.name == "angle"):
            errors.append(scorer.score(name, "free", images, data.labels))
        errors.append(scorer.score("real labels", "bound", real, data.real_labels))
    return {"errors": errors}


def _refined(data: _Data, scorer: Scorer, config: TrainConfig, out: Path, clock: _Clock) -> Record:
    """Trains R. Returns the errors of estimators trained on refined images, and whether labels stayed true."""
    with clock("training"):
        run = finished_or_trained(out, lambda out: _train(config, data, out))
    with clock("refining"):
        refined = as_floats(refine(run, data.synthetic, variety=True))
        unrefined = as_seen(run, data.synthetic, PixelRange.of(np.uint8))
    synthetic, real = as_floats(data.synthetic), as_floats(data.real)
    with clock("estimators"):
        errors = [
            scorer.score(name, "refined", images, data.labels)
            for name, images in refined_sets(synthetic, refined, real, scorer.seed, unrefined)
        ]
    with clock("labels"):
        if data.points is None:
            target = Labelled(real, data.real_labels)
            kept = share_flipped(unrefined, refined, data.labels, target, scorer)
        else:
            kept = drift_and_flow(unrefined, refined, data.points, config.drift_budget, scorer)
    return {"errors": errors, "labels": kept, "last": run.metrics()[-1]}


def _train(config: TrainConfig, data: _Data, out: Path) -> Run:
    """Trains R with `Domain.settings`. It gets no labels of real images: these are in other files."""
    return train(config, data.folder / "synthetic.npz", data.folder / "real.npz", out)
