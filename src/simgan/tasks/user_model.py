"""Reads a user's own Keras model in such a way that its file can only describe a network.

Keras itself builds whatever a file names: its own layers that run code or open other files (Lambda, TFSMLayer, the
vocabularies of StringLookup), and functions of any module. Several ways around its safe mode were published
(CVE-2025-1550, -8747, -9905, -9906, -12058, -12060). So the file is inspected first: it must be a .keras file, made
only of the layers below, and its weights must take no more memory than the file's size.
"""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras

from simgan.errors import ConfigError

_MEMBERS = {"metadata.json", "config.json", "model.weights.h5"}
_CONFIG_BYTES = 2**24  # a description of thousands of layers
_WEIGHT_BYTES = 2**32
_VALUES = 2**30  # parameters of one layer and units in it: four gigabytes

_LAYERS = frozenset(
    (
        *("InputLayer", "Dense", "Conv1D", "Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose"),
        *("MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "GlobalMaxPooling2D", "Flatten", "Reshape"),
        *("Permute", "Cropping2D", "ZeroPadding2D", "UpSampling2D", "Rescaling", "Resizing", "Identity"),
        *("BatchNormalization", "LayerNormalization", "GroupNormalization", "UnitNormalization", "Normalization"),
        *("Activation", "ReLU", "LeakyReLU", "ELU", "PReLU", "Softmax", "Dropout", "SpatialDropout2D"),
        *("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"),
    )
)
# What Keras, its backends, zipfile, json and h5py raise for damaged files.
_FAILURES = (
    *(OSError, RuntimeError, MemoryError, ValueError, TypeError, KeyError, IndexError, AttributeError),
    *(NotImplementedError, zipfile.BadZipFile),
)
_MODELS = frozenset(("Functional", "Sequential", "Model"))
_SERIALISED_VALUES = frozenset(("__keras_tensor__", "__tuple__"))
# Every class of these modules does arithmetic only.
_ARITHMETIC = ("keras.initializers", "keras.regularizers", "keras.constraints", "keras.src.ops.numpy")


def read_user_model(path: str | Path, argument: str) -> keras.Model:
    """The model of a .keras file made of built-in layers.

    Args:
        path: the file.
        argument: name of the argument that gave the path, for errors.

    Raises:
        ConfigError: the file is no .keras file, holds anything but a network, or cannot be built.
    """
    path = Path(path)
    try:
        _inspect(path)
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except ConfigError as error:
        raise ConfigError(f"{argument}: {path}: {error}") from None
    except _FAILURES as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"{argument}: expected a .keras file of a network, received {path}, which cannot be read as one "
            f"({reason}); save the model as .keras."
        ) from None


def _inspect(path: Path) -> None:
    if path.suffix != ".keras":  # Keras reads .h5 without its safe mode
        raise ConfigError(
            f"expected a .keras file, received {path.suffix or 'no extension'!r}; save the model as .keras."
        )
    with zipfile.ZipFile(path) as archive:
        members = {member.filename: member for member in archive.infolist()}
        if members.keys() != _MEMBERS or len(archive.infolist()) != len(members):
            raise ConfigError(
                f"expected {', '.join(sorted(_MEMBERS))} in the file, received {', '.join(sorted(members)[:5])}; "
                "save it anew."
            )
        config = json.loads(_content(archive, members["config.json"], _CONFIG_BYTES))
        weights = _content(archive, members["model.weights.h5"], _WEIGHT_BYTES)
    _check_part(config)
    with h5py.File(io.BytesIO(weights)) as file:
        _check_weights(file, len(weights))


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes:
    # Keras stores without compressing, so nothing it wrote grows when it is unpacked.
    if member.compress_type != zipfile.ZIP_STORED or member.file_size > limit:
        raise ConfigError(f"expected {member.filename} stored in at most {limit} bytes; save it anew.")
    return archive.read(member)


def _check_part(part: Any) -> None:
    """Checks parsed JSON at any depth."""
    if isinstance(part, list):
        for item in part:
            _check_part(item)
    elif isinstance(part, dict):
        if "class_name" in part:
            _check_class(part)
        for value in part.values():
            _check_part(value)
    elif isinstance(part, int) and abs(part) > _VALUES and not isinstance(part, bool):
        raise ConfigError(f"expected sizes of at most {_VALUES}, received {part}; use a smaller network.")


def _check_class(part: dict[str, Any]) -> None:
    name, module = part.get("class_name"), part.get("module")
    part.pop("shared_object_id", None)  # a large number that is an address, not a size
    known = (
        (module == "keras.layers" and name in _LAYERS)
        or (module in ("keras", "keras.models", "keras.src.models.functional") and name in _MODELS)
        or (module == "keras" and name == "DTypePolicy")
        or (module in _ARITHMETIC and isinstance(name, str) and name.isalnum() and name[0].isupper())  # no function
        or (module is None and name in _SERIALISED_VALUES)
    )
    if not known or part.get("registered_name") not in (None, name):
        raise ConfigError(
            f"expected built-in Keras layers for images, received {module}.{name}; leave it out of the model."
        )
    config = part.get("config")
    if module == "keras.layers" and isinstance(config, dict):
        for key in ("activation", "recurrent_activation"):
            if config.get(key) is not None and not isinstance(config[key], str):
                raise ConfigError(f"expected the name of an activation in {name}, received an object; use its name.")


def _check_weights(file: h5py.File, size: int) -> None:
    """Requires numbers stored in the file itself that take no more memory than the file has bytes."""
    total = 0

    def fault(name: str, link: Any) -> str | None:
        nonlocal total
        if not isinstance(link, h5py.HardLink):
            return f"a link {name!r}"
        node = file[name]
        if not isinstance(node, h5py.Dataset):
            return None
        total += node.nbytes
        inside = not node.external and not node.is_virtual and node.dtype.kind in "fiub" and total <= size
        return None if inside else f"{name!r} {node.shape} {node.dtype}"

    if found := file.visititems_links(fault):  # an exception must not leave the callback of h5py
        raise ConfigError(f"expected numbers within the file as weights, received {found}; save it anew.")
