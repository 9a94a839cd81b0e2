"""Finding the checkpoints of a run folder: all of them, the newest, the best, or one by name.

RUN/checkpoints/3-adversarial-0000400/
    arrays.safetensors  networks, optimisers, history buffer
    state.json          position, states of random generators, weight of self-regularisation, losses since the last
                        record of metrics.jsonl, score, versions and settings
"""

import json
import re
from contextlib import suppress
from pathlib import Path

from simgan.errors import RunError
from simgan.files.numbers import Parts
from simgan.runs.position import ADVERSARIAL, PHASES, Position

ARRAYS, STATE = "arrays.safetensors", "state.json"
VERSION = 1  # of the files in a checkpoint
PRETRAINED_ONLY = "R was pre-trained only, to reproduce its input, and changes images little"
_NAME = re.compile(rf"[1-3]-({'|'.join(PHASES)})-\d{{7,}}")


def checkpoint_name(position: Position) -> str:
    """The name of a checkpoint made at `position`. Sorting names by the alphabet sorts checkpoints by position."""
    return f"{PHASES.index(position.phase) + 1}-{position.phase}-{position.step:07d}"


def all_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in `folder`, which is RUN/checkpoints, in any order. Damaged checkpoints are included."""
    return [path for path in folder.glob("*") if _NAME.fullmatch(path.name)]


def checkpoint_at_end(folder: Path, steps: int) -> Path | None:
    """The checkpoint that a training of `steps` adversarial steps wrote at its end; None if it is not in `folder`."""
    path = folder / checkpoint_name(Position(ADVERSARIAL, steps))
    return path if path.is_dir() else None


def find_checkpoint(folder: Path, name: str) -> Path:
    """The checkpoint called `name`; the names `newest` and `best` stand for the newest and the best checkpoint.

    Raises:
        RunError: there is no such checkpoint.
    """
    known = sorted(all_checkpoints(folder))
    chosen = best_checkpoint(folder) if name == "best" else known[-1] if known and name == "newest" else None
    chosen = chosen or next((path for path in known if path.name == name), None)
    if chosen is None and name == "best" and known:
        raise RunError(
            f"checkpoint: expected one with a score in {folder}, received none yet, because scores come with the "
            "first record of the adversarial phase; use newest."
        )
    if chosen is None:
        names = ", ".join(path.name for path in known) or "none"
        raise RunError(
            f"checkpoint: expected newest, best or a name in {folder}, received {name!r}; checkpoints there: {names}."
        )
    return chosen


def best_checkpoint(folder: Path) -> Path | None:
    """The checkpoint with the lowest score; None if no checkpoint is of the adversarial phase."""
    known = {}
    for path in all_checkpoints(folder):
        with suppress(OSError, ValueError):  # a checkpoint that cannot be read is never the best
            score = read_about(path).get("score")
            if isinstance(score, float):
                known[path] = score
    return min(known, key=lambda path: (known[path], path), default=None)


def is_pretrained_only(path: Path) -> bool:
    """Whether a checkpoint is from before the first adversarial step."""
    _, phase, step = path.name.split("-")
    return phase != ADVERSARIAL or int(step) == 0


def read_about(path: Path) -> Parts:
    """The content of state.json in the checkpoint `path`.

    Raises:
        OSError, ValueError: the file cannot be read, or belongs to another version of the checkpoint files.
    """
    about = json.loads((path / STATE).read_text(encoding="utf-8"))
    if not isinstance(about, dict) or about.get("version") != VERSION or not isinstance(about.get("state"), dict):
        raise ValueError(f"{STATE} is not of version {VERSION}")
    return about
