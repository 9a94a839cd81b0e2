"""Matches sets of images to photographs: each image to one photograph, drawn at random."""

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simgan.errors import ConfigError, DataError
from simgan.framing.samples import comparable_samples
from simgan.images import ImageSource, write_like
from simgan.images.alpha import image_with_alpha
from simgan.images.channels import check_same_channels
from simgan.images.groups import groups_of_one_size
from simgan.matching.colour import transfer_colour
from simgan.matching.distribution import adapt_distribution
from simgan.matching.fourier import swap_low_frequencies
from simgan.matching.framing import FramingMatch, choose_framing, match_framing
from simgan.matching.histogram import match_histogram
from simgan.matching.true_labels import check_labels_stay_true
from simgan.settings.choices import MatchMethod

OneToOne = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]

_SINGLE: dict[MatchMethod, OneToOne] = {
    "histogram": match_histogram,
    "colour": transfer_colour,
    "fda-0.01": partial(swap_low_frequencies, width=0.01),
    "fda-0.05": partial(swap_low_frequencies, width=0.05),
    "fda-0.09": partial(swap_low_frequencies, width=0.09),
    "pca": adapt_distribution,
}
METHODS: dict[MatchMethod, Sequence[OneToOne]] = {
    **{name: [function] for name, function in _SINGLE.items()},
    "mixed": [lambda image, photograph: image, *_SINGLE.values()],
}
"""The functions of each method. For each image one is drawn at random; one of `mixed` leaves images as they are."""

_MATCHING = 2  # tells the draws of `match_image` from other draws by the same seed and place


def match_images(
    images: NDArray[np.float32], photographs: NDArray[np.float32], method: MatchMethod, *, seed: int = 0
) -> NDArray[np.float32]:
    """Matches each image to one of the photographs, drawn at random.

    Args:
        images: (N, H, W, C) in [-1, 1].
        photographs: (M, h, w, C) in [-1, 1], of any size.
        method: one of METHODS.
        seed: seed of the draw.

    Returns:
        (N, H, W, C) in [-1, 1].
    """
    drawn, functions = _draw(len(photographs), len(images), METHODS[method], seed)
    pairs = zip(images, drawn, functions, strict=True)
    return np.stack([match(image, photographs[index]) for image, index, match in pairs])


def match_image(
    image: NDArray[np.float32], photographs: Sequence[NDArray[np.float32]], *, seed: int, place: int
) -> NDArray[np.float32]:
    """Matches one image by `mixed` to one of the photographs. Both are drawn; they follow from `seed` and `place`.

    Args:
        image: (H, W, C) in [-1, 1].
        photographs: each (h, w, C) in [-1, 1].
        seed: at least 0.
        place: the place of the image in its data set.

    Returns:
        (H, W, C) in [-1, 1].
    """
    random = np.random.default_rng((seed, place, _MATCHING))
    photograph = photographs[int(random.integers(len(photographs)))]
    functions = METHODS["mixed"]
    return functions[int(random.integers(len(functions)))](image, photograph)


def match_data_set(
    source: ImageSource,
    photographs: ImageSource,
    output: str | Path,
    method: MatchMethod | Literal["framing"],
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    seed: int = 0,
) -> FramingMatch | None:
    """Writes the images of `source`, each matched to a photograph drawn at random, to `output`.

    The method `framing` instead gives the images the framing of the photographs; see framing.py.

    Format, bit depth, keys, names and labels are those of `source`, as in `refine_data_set`. Images and photographs
    may have any size; few are in memory at once.

    Args:
        on_progress: called now and then with the number of images written and the number of all images.

    Returns:
        How `framing` changed the images; None for other methods.

    Raises:
        DataError: the sets differ in channels, an image cannot be read, or `output` exists; for `framing`, both sets
            are framed alike, or `source` has labels of positions or pictures with alpha. No file is left then.
        OutputError: the disk is full, or `output` cannot be written. No file is left then.
    """
    check_same_channels(source, photographs)
    found: FramingMatch | None = None
    if method == "framing":
        found = _framing(source, photographs)
        match: Callable[[int, NDArray[np.float32]], NDArray[np.float32]] = partial(_match_to_framing, found)
    else:
        drawn = _draw(len(photographs), len(source), METHODS[method], seed)
        match = partial(_match_to_photograph, photographs, *drawn)
    done = 0
    with write_like(source, output) as writer, closing(groups_of_one_size(source)) as groups:
        for indices, images in groups:
            matched = [
                match(index, source.pixel_range.to_model(image)) for index, image in zip(indices, images, strict=True)
            ]
            writer.write_many(indices, source.pixel_range.from_model(np.stack(matched), source.dtype))
            done += len(indices)
            on_progress(done, len(source))
    return found


def _match_to_photograph(
    photographs: ImageSource,
    drawn: NDArray[np.int64],
    functions: Sequence[OneToOne],
    index: int,
    image: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Image `index` of the set, matched to the photograph that was drawn for it."""
    return functions[index](image, photographs.pixel_range.to_model(photographs[int(drawn[index])]))


def _match_to_framing(found: FramingMatch, index: int, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """An image, with the framing of the photographs. `index` is not used: no photograph belongs to an image."""
    return image if found.framing is None else match_framing(image, found.framing)


def _framing(source: ImageSource, photographs: ImageSource) -> FramingMatch:
    if name := image_with_alpha(source):
        raise DataError(
            f"by: expected pictures without alpha, which would stay where it is while content moves, received "
            f"{name!r} of {source.path}; store the pictures without alpha, or choose another method."
        )
    has_directions = check_labels_stay_true(source)
    found = choose_framing(*comparable_samples(source, photographs), has_directions=has_directions)
    if found.framing is None:
        raise DataError(
            f"by: expected sets that are framed differently, received {source.path} and {photographs.path}, which are "
            f"framed alike or share no layout; leave them as they are, or choose another method. {found.sentence}"
        )
    return found


def _draw(
    photographs: int, images: int, functions: Sequence[OneToOne], seed: int
) -> tuple[NDArray[np.int64], Sequence[OneToOne]]:
    """Draws the index of a photograph and one of the functions for each image. ConfigError if the seed is negative."""
    if seed < 0:
        raise ConfigError(f"seed: expected 0 or more, received {seed}; leave it out for 0.")
    random = np.random.default_rng(seed)
    drawn = random.integers(photographs, size=images)
    return drawn, [functions[number] for number in random.integers(len(functions), size=images)]
