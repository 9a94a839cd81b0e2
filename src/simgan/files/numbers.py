"""What a training changes, as numbers in a safetensors file: written whole, and read after a look at the shapes."""

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
    """Writes arrays by name.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    try:
        save_file(arrays, path)
    except SafetensorError as error:  # as it says what the system told it
        raise OSError(f"{path}: {error}") from error


def save_networks(path: Path, networks: dict[str, keras.Model]) -> None:
    """Writes the numbers of networks, by their names in a `TrainState`, as a checkpoint holds them."""
    arrays = flatten({part: dump(model) for part, model in networks.items()})
    partial = path.with_name(f".{path.name}.partial")
    save_numbers(partial, {name: np.asarray(value, order="C") for name, value in arrays.items()})
    replace(partial, path)


def fill_network(path: Path, part: str, model: keras.Model) -> None:
    """Fills `model` with what `path`, of a checkpoint or of `save_networks`, holds by the name `part`.

    Raises:
        RunError: it cannot be read, or is of another network.
    """
    try:
        expected = {f"{part}/{name}": array for name, array in dump(model).items()}
        with safe_open(path, framework="np") as file:  # type: ignore[no-untyped-call]
            given = {name: file.get_slice(name) for name in file.keys() if name.startswith(f"{part}/")}  # noqa: SIM118
            check_shapes(given, expected)
            load(model, {name.removeprefix(f"{part}/"): file.get_tensor(name) for name in expected})
    except (OSError, SafetensorError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RunError(f"run: expected the numbers of a network in {path}, received others ({reason}).") from None


def flatten(parts: Parts, prefix: str = "") -> Parts:
    """Nested dictionaries as one, names joined by '/'."""
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
    """One field of a `TrainState` as a dictionary of arrays and of what JSON holds."""
    if isinstance(part, keras.Model | keras.Optimizer):
        return {f"{index:03d}": ops.convert_to_numpy(variable) for index, variable in enumerate(part.variables)}
    return dict(part.bit_generator.state) if isinstance(part, np.random.Generator) else part.state_dict()


def load(part: Any, saved: Parts) -> None:
    """The inverse of `dump`; what `part` cannot be is a KeyError, TypeError or ValueError."""
    if isinstance(part, keras.Model | keras.Optimizer):
        for index, variable in enumerate(part.variables):
            variable.assign(saved[f"{index:03d}"])
    elif isinstance(part, np.random.Generator):
        part.bit_generator.state = saved
    else:
        part.load_state_dict(saved)


def check_shapes(given: dict[str, Any], expected: dict[str, NDArray[Any]]) -> None:
    """Looks at the slices that a file holds, before any number is read.

    Raises:
        ValueError: they are not of the names, shapes and types of `expected`.
    """
    if given.keys() != expected.keys():
        raise ValueError(f"it lacks or adds {', '.join(sorted(given.keys() ^ expected.keys())[:3])}")
    for name, array in expected.items():
        shape = tuple(given[name].get_shape())
        fits = shape[1:] == array.shape[1:] if name == _HISTORY else shape == array.shape  # it grows
        if not fits or given[name].get_dtype() != _DTYPES[array.dtype.name]:
            raise ValueError(f"{name} is {shape} {given[name].get_dtype()}, expected {array.shape} {array.dtype}")


_DTYPES = {"float32": "F32", "int32": "I32", "int64": "I64"}
