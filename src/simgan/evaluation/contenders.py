"""The sets of training images that are compared: synthetic, refined, and those of the free alternatives."""

from collections.abc import Container, Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simgan.framing.comparison import Framing
from simgan.framing.quantiles import FramingMap
from simgan.matching import METHODS, match_framing, match_images
from simgan.refining.strength import Strength

Kind = Literal["free", "refined"]
SYNTHETIC, FRAMING = "synthetic", "framing"
REFINED, WHOLE = "refined", "refined whole"
WITH_SYNTHETIC, WITH_MIXED = "refined whole + synthetic", "refined whole + mixed"
MATCHED = (*METHODS, FRAMING)
"""Names of the sets that `simgan match` makes."""
WITH_REFINED = (REFINED, WHOLE, WITH_SYNTHETIC, WITH_MIXED)
"""Names of the sets with refined images, alone or joined with free images. In `refined`, each image is refined by a
random strength, as `simgan refine` does by default; in `refined whole`, by strength 1, as with `--strength 1`."""
ALL = (SYNTHETIC, *MATCHED, *WITH_REFINED)
"""Names of all sets."""


class Contender(NamedTuple):
    """A set of training images."""

    name: str
    kind: Kind
    """`free`: the images can be made without training a refiner."""
    images: NDArray[np.float32]
    """(N, H, W, C) in [-1, 1], one for each synthetic image, in order. A set that joins two sets has (2N, H, W, C):
    all images of the first set, then all of the second."""


def contenders(
    synthetic: NDArray[np.float32],
    refined: NDArray[np.float32],
    photographs: NDArray[np.float32],
    *,
    unrefined: NDArray[np.float32] | None = None,
    framing: FramingMap | Framing | None = None,
    among: Container[str] = ALL,
    seed: int = 0,
) -> Iterator[Contender]:
    """Makes the sets one by one, because together they need ten times the memory of the synthetic images.

    Args:
        synthetic: (N, H, W, C) in [-1, 1].
        refined: the same images refined whole.
        unrefined: the images that R refined. None: the synthetic images; a run that matches the framing refines framed
            images instead.
        photographs: (M, h, w, C) in [-1, 1], to which the methods of matching match the synthetic images.
        framing: how the framing of the photographs differs. None: it does not differ, or matching it would
            make labels wrong.
        among: names of the sets that are wanted.
        seed: of the draw of a photograph for each image; all methods of matching use the same draw.
    """
    if SYNTHETIC in among:
        yield Contender(SYNTHETIC, "free", synthetic)
    for method in METHODS:
        if method in among:
            yield Contender(method, "free", match_images(synthetic, photographs, method, seed=seed))
    if framing is not None and FRAMING in among:
        yield Contender(FRAMING, "free", np.stack([match_framing(image, framing) for image in synthetic]))
    if REFINED in among:
        x = synthetic if unrefined is None else unrefined
        yield Contender(REFINED, "refined", Strength().between(x, refined, range(len(x))))
    if WHOLE in among:
        yield Contender(WHOLE, "refined", refined)
    if WITH_SYNTHETIC in among:
        yield Contender(WITH_SYNTHETIC, "refined", np.concatenate([refined, synthetic]))
    if WITH_MIXED in among:
        mixed = match_images(synthetic, photographs, "mixed", seed=seed)
        yield Contender(WITH_MIXED, "refined", np.concatenate([refined, mixed]))
