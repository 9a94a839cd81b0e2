"""Feeds damaged and hostile data sets to the readers: each is read, or refused in one line.

    python -m soak.fuzz --cases 10000 --seed 0

A case is a small data set of one kind that was damaged at random (soak/fuzz_damage.py), or one that was made to do
harm (soak/fuzz_hostile.py). It follows from the seed and its number alone: `--only 4711` runs that case again, prints
more, and leaves its files. Cases run in forked processes with limited memory; a process that takes too long is killed.
"""

import argparse
import faulthandler
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py  # noqa: F401  (before the fork)
import PIL.Image

from simgan.errors import DataError
from simgan.images import hdf5_trial, inspect_images, open_images
from simgan.images.folder import FolderSource  # noqa: F401  (before the fork)
from simgan.images.sampling import evenly_spaced
from soak.fuzz_damage import damage_set
from soak.fuzz_hostile import HOSTILE
from soak.fuzz_sets import KEYS, SETS, files_of

BATCH = 200
# Far more than any case takes on an idle machine.
SECONDS = 90
MEMORY = 2**30
LONGEST = 600
# Limit for the process that reads text of varying length: a case may hold several texts that HDF5 reads forever.
TEXT_SECONDS = 5
_GLOBS = ("*", "*/*", "*/image", "*/*/*", "[il]*", "image/*")
# Images that are read of a set that claims to hold many.
_READ = 50


@dataclass
class Tally:
    """How the cases ended. `failed`: what went wrong, by the number of the case."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failed: dict[int, str] = field(default_factory=dict)
    worst_memory: int = 0

    def __str__(self) -> str:
        return (
            f"{self.outcomes.total() + len(self.failed)} cases: {self.outcomes['refused']} refused in one line, "
            f"{self.outcomes['read']} read, {self.outcomes['not made']} could not be made; "
            f"{len(self.failed)} failed; worst memory {self.worst_memory >> 20} MB"
        )


class NotOneLineError(Exception):
    """A message is not a single printable line."""


def fuzz(cases: Sequence[int], seed: int, folder: Path, say: Callable[[str], None]) -> Tally:
    """Runs `cases` in `folder`, which exists, BATCH of them in each process."""
    templates = {name: folder / "valid" / str(index) for index, name in enumerate(SETS)}
    for name, place in templates.items():
        place.mkdir(parents=True)
        SETS[name](place)
    tally = Tally()
    waiting = list(cases)
    while waiting:
        batch, waiting = waiting[:BATCH], waiting[BATCH:]
        # If a process died, another continues after the case that killed it.
        while batch:
            batch = _run_batch(batch, seed, folder, templates, tally, say)
    return tally


def _run_batch(
    batch: list[int], seed: int, folder: Path, templates: dict[str, Path], tally: Tally, say: Callable[[str], None]
) -> list[int]:
    """Runs cases in a new process, until one kills it; the cases that are left."""
    results = folder / "results"
    results.unlink(missing_ok=True)
    number = os.fork()
    if number == 0:
        _work(batch, seed, folder, templates, results)
    _, status, usage = os.wait4(number, 0)
    tally.worst_memory = max(tally.worst_memory, usage.ru_maxrss * 1024)
    lines = results.read_text().splitlines() if results.exists() else []
    for case, line in zip(batch, lines, strict=False):
        kind, _, words = line.partition("\t")
        if kind == "failed":
            _note_failed(case, words, tally, say)
        else:
            tally.outcomes[kind] += 1
    left = batch[len(lines) :]
    if left and not (folder / "made").exists():
        tally.outcomes["not made"] += 1  # HDF5 crashed while it wrote the case in so little memory: nothing was read
    elif left:
        code = os.waitstatus_to_exitcode(status)
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        _note_failed(left[0], f"took over {SECONDS} s" if code == -signal.SIGALRM else f"died of {name}", tally, say)
    return left[1:]


def _note_failed(case: int, words: str, tally: Tally, say: Callable[[str], None]) -> None:
    tally.failed[case] = words
    say(f"case {case} failed: {words}")


def _work(batch: list[int], seed: int, folder: Path, templates: dict[str, Path], results: Path) -> None:
    """In a process of its own: one line a case into `results`. Never returns."""
    alone = len(batch) == 1
    hdf5_trial.SECONDS = TEXT_SECONDS
    try:
        if not alone:  # libtiff and libjpeg print to stderr
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        warnings.simplefilter("ignore")
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
        with results.open("a", buffering=1) as lines, (folder / "hang").open("w") as hang:
            faulthandler.register(signal.SIGALRM, hang, chain=True)  # writes where it hangs, then the signal ends it
            for case in batch:
                signal.alarm(SECONDS)
                print(run_case(case, seed, folder / "case", templates, alone), file=lines)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def run_case(case: int, seed: int, place: Path, templates: dict[str, Path], alone: bool) -> str:
    """'read', 'refused', or 'failed', a tab, and why."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    draw = random.Random(f"{seed} {case}")
    made = place.with_name("made")
    made.unlink(missing_ok=True)
    kind, path, key = make_case(draw, place, templates)
    made.touch()
    try:
        return look_at(path, key, alone)
    except BaseException as error:
        if alone:
            traceback.print_exc()
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "simgan" in f.filename]
        last = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
        return f"failed\t{kind}: {type(error).__name__} at {last}: {str(error)[:300]!r}"


def make_case(draw: random.Random, place: Path, templates: dict[str, Path]) -> tuple[str, Path, str | None]:
    """The kind of a case, its path, and the key to open it with."""
    if draw.random() < 0.35:
        name = draw.choice(list(HOSTILE))
        path = HOSTILE[name](draw, place)
        # One in ten is damaged as well.
        if draw.random() < 0.1 and name not in ("long paths", "folder links") and files_of(path):
            path = damage_set(draw, path, [b"\0"])
        return name, path, draw.choice([None, None, None, "x", "image", "x/image", "/", "..", "ext/image", *_GLOBS])
    name = draw.choice(list(templates))
    (template,) = templates[name].iterdir()
    path = place / template.name
    (shutil.copytree if template.is_dir() else shutil.copyfile)(template, path)
    (other,) = templates[draw.choice(list(templates))].iterdir()
    return name, damage_set(draw, path, [file.read_bytes() for file in files_of(other)]), KEYS.get(name)


def look_at(path: Path, key: str | None, alone: bool = False) -> str:
    """Reads all there is at `path`, as `simgan check` and a training do: 'refused' if any part of it was refused."""
    refused: list[str] = []

    def attempt(read: Callable[[], object]) -> None:
        try:
            read()
        except DataError as error:
            check_line(str(error))
            refused.append(str(error))

    def images() -> None:
        with open_images(path, key=key) as source:
            some = evenly_spaced(len(source), _READ)
            for index in some:
                attempt(lambda index=index: (source.size(index), source[index]))
            attempt(lambda: source.read(some))
            attempt(lambda: source.read(some[::-1]))
            for name in source.label_names:
                attempt(lambda name=name: source.labels(name))

    def report() -> None:
        found = inspect_images(path, key=key)
        for line in (*found.problems, *found.notes):
            check_line(line)
        refused.extend(found.problems)

    attempt(images)
    attempt(report)
    if alone:
        print(*refused[:3], sep="\n", file=sys.stderr)
    return "refused" if refused else "read"


def check_line(line: str) -> None:
    """NotOneLineError unless `line` can be printed as it stands."""
    if not line.isprintable() or len(line) > LONGEST:
        raise NotOneLineError(f"{len(line)} characters: {line[:150]} ... {line[-50:]}")


def main() -> int:
    """Prints how many cases were refused and read; 1 if any ended otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, metavar="CASE", help="run this case only, and leave its files")
    given = parser.parse_args()
    PIL.Image.init()  # before the fork
    if given.only is not None:
        folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
        tally = fuzz([given.only], given.seed, folder, print)
        print(f"its files: {folder / 'case'}")
    else:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            tally = fuzz(range(given.cases), given.seed, Path(folder), lambda line: print(line, flush=True))
    print(tally)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
