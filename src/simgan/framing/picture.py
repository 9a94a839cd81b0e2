"""Draws the framing of two sets: a picture of what comparison.py compares."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simgan.framing.comparison import edge_map
from simgan.images.sampling import evenly_spaced

_EXAMPLES = 3


def framing_picture(synthetic: NDArray[np.float32], real: NDArray[np.float32]) -> bytes:
    """A PNG: for each set a row with its mean, standard deviation, edges and examples; below, the grey levels of both.

    Args:
        synthetic: (N, H, W, C) in [-1, 1].
        real: (M, H, W, C), the same H, W and C.
    """
    from matplotlib.figure import Figure  # imported on use, since the import takes half a second

    figure = Figure(figsize=(12, 6.6), layout="constrained")
    rows: Any = figure.subfigures(2, 1, height_ratios=(2.2, 1))
    axes = rows[0].subplots(2, 3 + _EXAMPLES)
    for line, (name, images) in zip(axes, (("synthetic", synthetic), ("real", real)), strict=True):
        grey = images.mean(axis=-1, dtype=np.float64)
        examples = grey[evenly_spaced(len(grey), _EXAMPLES)]
        pictures = [(grey.mean(axis=0), "mean", "gray"), (grey.std(axis=0), "variety", "viridis")]
        pictures += [(edge_map(images), "edges", "magma")] + [(example, "example", "gray") for example in examples]
        for place in line[len(pictures) :]:  # empty, since the set has fewer images
            place.axis("off")
        for place, (picture, title, colours) in zip(line, pictures, strict=False):
            limits = {"vmin": -1.0, "vmax": 1.0} if title == "example" else {}
            place.imshow(picture, cmap=colours, **limits)
            place.set_title(f"{name}: {title}", fontsize=10)
            place.set_xticks([])
            place.set_yticks([])
    below = rows[1].subplots()
    for name, images in (("synthetic", synthetic), ("real", real)):
        levels = 127.5 * (images.ravel() + 1)
        below.hist(levels, bins=64, range=(0, 255), density=True, histtype="step", linewidth=2, label=name)
    below.set(title="Grey levels", yticks=[])
    below.legend()
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=90)
    return stream.getvalue()
