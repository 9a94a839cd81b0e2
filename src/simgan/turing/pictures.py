"""The images of a test as PNG files, encoded in one way, so that a file does not show its kind."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgan.errors import DataError
from simgan.images import ImageSource
from simgan.images.channels import check_same_channels
from simgan.images.picture_sheet import to_picture
from simgan.training.batches import load_image
from simgan.turing.trial import Kind, Plan

Refine = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True)
class Pictures:
    """The PNG files of a test. Synthetic images are shown refined."""

    trials: tuple[bytes, ...]
    """In the order of the trials."""
    sheets: dict[Kind, tuple[bytes, ...]]
    """The labelled examples of each kind."""


def make_pictures(
    plan: Plan, synthetic: ImageSource, real: ImageSource, size: tuple[int, int], refine: Refine
) -> Pictures:
    """Reads the images of `plan`, all at `size` (H, W), and refines the synthetic ones.

    Args:
        refine: R on (N, H, W, C) in [-1, 1].

    Raises:
        DataError: the sets are not those that the test was drawn from, or an image cannot be read.
    """
    for name, source, count in (("synthetic", synthetic, plan.synthetic_count), ("real", real, plan.real_count)):
        if len(source) != count:
            raise DataError(
                f"{name}: expected the {count} images that the test was drawn from, received {len(source)} in "
                f"{source.path}; give that set, or start another test with --new."
            )
    check_same_channels(synthetic, real)
    real_shown = [trial.place for trial in plan.trials if trial.kind == "real"]
    refined_shown = [trial.place for trial in plan.trials if trial.kind == "refined"]
    real_files = _encode(_load(real, [*plan.sheet_real, *real_shown], size))
    refined_files = _encode(refine(_load(synthetic, [*plan.sheet_refined, *refined_shown], size)))
    sheet = len(plan.sheet_real)
    following = {"real": iter(real_files[sheet:]), "refined": iter(refined_files[sheet:])}
    return Pictures(
        tuple(next(following[trial.kind]) for trial in plan.trials),
        {"real": tuple(real_files[:sheet]), "refined": tuple(refined_files[:sheet])},
    )


def _load(source: ImageSource, indices: Sequence[int], size: tuple[int, int]) -> NDArray[np.float32]:
    return np.stack([load_image(source, index, size) for index in indices])


def _encode(images: NDArray[np.float32]) -> list[bytes]:
    """(N, H, W, C) in [-1, 1] as 8-bit PNG files that hold nothing but pixels.

    With C other than 1 or 3 the first channel is shown.
    """
    return [_png(image) for image in images]


def _png(image: NDArray[np.float32]) -> bytes:
    file = io.BytesIO()
    to_picture(image).save(file, "PNG")
    return file.getvalue()
