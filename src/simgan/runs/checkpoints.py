"""The checkpoints of a run folder by name: which there are, the newest, the best.

RUN/checkpoints/3-adversarial-0000400/
    arrays.safetensors  networks, optimisers, history
    state.json          position, random states, weight, losses since the last record; versions and settings
"""

import json
import re
from contextlib import suppress
from pathlib import Path

from simgan.errors import RunError
from simgan.files.numbers import Parts
from simgan.runs.position import ADVERSARIAL, PHASES, Position

ARRAYS, STATE = "arrays.safetensors", "state.json"
VERSION = 1  # of the layout
PRETRAINED_ONLY = "R was pre-trained only, to give back what it gets, and changes images little"
_NAME = re.compile(rf"[1-3]-({'|'.join(PHASES)})-\d{{7,}}")


def checkpoint_name(position: Position) -> str:
    """The name of a checkpoint made at a position: names sort as positions do."""
    return f"{PHASES.index(position.phase) + 1}-{position.phase}-{position.step:07d}"


def all_checkpoints(folder: Path) -> list[Path]:
    """Those in RUN/checkpoints, in any order; damaged ones too."""
    return [path for path in folder.glob("*") if _NAME.fullmatch(path.name)]


def find_checkpoint(folder: Path, name: str) -> Path:
    """The checkpoint that is named so, or the `newest`, or the `best`.

    Raises:
        RunError: there is none.
    """
    known = sorted(all_checkpoints(folder))
    chosen = best_checkpoint(folder) if name == "best" else known[-1] if known and name == "newest" else None
    chosen = chosen or next((path for path in known if path.name == name), None)
    if chosen is None:
        names = ", ".join(path.name for path in known) or "none there"
        raise RunError(f"checkpoint: expected newest, best or a name in {folder}, received {name!r}; known: {names}.")
    return chosen


def best_checkpoint(folder: Path) -> Path | None:
    """The one with the least score; None while there is none of the adversarial phase."""
    known = {}
    for path in all_checkpoints(folder):
        with suppress(OSError, ValueError):  # one that cannot be read is not the best
            score = read_about(path).get("score")
            if isinstance(score, float):
                known[path] = score
    return min(known, key=lambda path: (known[path], path), default=None)


def is_pretrained_only(path: Path) -> bool:
    """Whether a checkpoint is from before the first adversarial step."""
    _, phase, step = path.name.split("-")
    return phase != ADVERSARIAL or int(step) == 0


def read_about(path: Path) -> Parts:
    """What state.json of a checkpoint says.

    Raises:
        OSError, ValueError: it cannot be read, or is of another version.
    """
    about = json.loads((path / STATE).read_text(encoding="utf-8"))
    if not isinstance(about, dict) or about.get("version") != VERSION or not isinstance(about.get("state"), dict):
        raise ValueError(f"{STATE} is not of version {VERSION}")
    return about
