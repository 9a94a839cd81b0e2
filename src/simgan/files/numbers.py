"""The state of a training as arrays in a safetensors file. Shapes are checked before any array is read."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from simgan.errors import RunError
from simgan.files.folders import replace

_HISTORY = "history/images"

Parts = dict[str, Any]


def save_numbers(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Writes named arrays to a safetensors file.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    try:
        save_file(arrays, path)
    except SafetensorError as error:  # safetensors wraps the error of the system
        raise OSError(f"{path}: {error}") from error


def save_networks(path: Path, networks: dict[str, keras.Model]) -> None:
    """Writes the weights of `networks`, named as in a `TrainState`, under the names that a checkpoint uses."""
    arrays = flatten({part: dump(model) for part, model in networks.items()})
    partial = path.with_name(f".{path.name}.partial")
    save_numbers(partial, {name: np.asarray(value, order="C") for name, value in arrays.items()})
    replace(partial, path)


def fill_network(path: Path, part: str, model: keras.Model) -> None:
    """Loads the weights of the network `part` into `model`. `path`: a file of a checkpoint or of `save_networks`.

    Raises:
        RunError: the file cannot be read, or the weights are those of another network.
    """
    try:
        expected = {f"{part}/{name}": array for name, array in dump(model).items()}
        with safe_open(path, framework="np") as file:  # type: ignore[no-untyped-call]
            given = {name: file.get_slice(name) for name in file.keys() if name.startswith(f"{part}/")}  # noqa: SIM118
            check_shapes(given, expected)
            load(model, {name.removeprefix(f"{part}/"): file.get_tensor(name) for name in expected})
    except (OSError, SafetensorError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RunError(
            f"run: expected the weights of the network {part!r} in {path}, received a file that is damaged, missing "
            f"or of another network ({reason})."
        ) from None


def flatten(parts: Parts, prefix: str = "") -> Parts:
    """Turns nested dictionaries into one, with names joined by '/'."""
    flat: Parts = {}
    for name, value in parts.items():
        flat |= flatten(value, f"{prefix}{name}/") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def unflatten(flat: Parts) -> Parts:
    """The inverse of `flatten`."""
    parts: Parts = {}
    for name, value in flat.items():
        *path, last = name.split("/")
        inner = parts
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return parts


def dump(part: Any) -> Parts:
    """One field of a `TrainState` as a dictionary whose values are arrays or fit into JSON."""
    if isinstance(part, keras.Model | keras.Optimizer):
        return {f"{index:03d}": ops.convert_to_numpy(variable) for index, variable in enumerate(part.variables)}
    return dict(part.bit_generator.state) if isinstance(part, np.random.Generator) else part.state_dict()


def load(part: Any, saved: Parts) -> None:
    """The inverse of `dump`. Raises KeyError, TypeError or ValueError if `saved` does not fit `part`."""
    if isinstance(part, keras.Model | keras.Optimizer):
        for index, variable in enumerate(part.variables):
            variable.assign(saved[f"{index:03d}"])
    elif isinstance(part, np.random.Generator):
        part.bit_generator.state = saved
    else:
        part.load_state_dict(saved)


def check_shapes(given: dict[str, Any], expected: dict[str, NDArray[Any]]) -> None:
    """Compares the safetensors slices in `given` with the arrays in `expected`, before any array is read.

    Raises:
        ValueError: names, shapes or types differ.
    """
    if given.keys() != expected.keys():
        raise ValueError(f"arrays missing or not expected: {', '.join(sorted(given.keys() ^ expected.keys())[:3])}")
    for name, array in expected.items():
        shape = tuple(given[name].get_shape())
        fits = shape[1:] == array.shape[1:] if name == _HISTORY else shape == array.shape  # the buffer grows
        if not fits or given[name].get_dtype() != _DTYPES[array.dtype.name]:
            raise ValueError(f"{name} is {shape} {given[name].get_dtype()}, expected {array.shape} {array.dtype}")


_DTYPES = {"float32": "F32", "int32": "I32", "int64": "I64"}
