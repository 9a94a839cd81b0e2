"""Gives each image of a data set a look of its own, as photographs have.

A trained R gives all images one style, from which an estimator learns little about the variety of photographs. So each
image is matched to a random photograph, refined by a random snapshot of R (its style changes in training), and mixed
with its unrefined version at a random strength (strength.py). What was measured: docs/experiments.md, 17.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np
from numpy.typing import NDArray

from simgan.framing.framed_images import frame_images
from simgan.images import PixelRange
from simgan.matching import in_model_range, match_image
from simgan.refining.predictor import Predictor
from simgan.runs.run import Run

_SNAPSHOT = 1  # tells the draw of a snapshot from other draws by the same seed and place


class Variety:
    """Draws a photograph and a snapshot for each image. Both follow from the seed and the image's place alone.

    Args:
        photographs: (h, w, C) of 8 bits; empty: images are not matched.
        snapshots: weights of R; empty: R has its present weights.
        seed: at least 0.
    """

    def __init__(
        self,
        photographs: Sequence[NDArray[np.uint8]] = (),
        snapshots: Sequence[Sequence[NDArray[np.float32]]] = (),
        seed: int = 0,
    ) -> None:
        self._photographs, self.snapshots, self._seed = in_model_range(photographs), snapshots, seed

    @classmethod
    def of(cls, run_or_model: Run | keras.Model, seed: int, *, wanted: bool) -> Self:
        """That of a run, if it is wanted; a Keras model has none."""
        if not wanted or not isinstance(run_or_model, Run):
            return cls()
        return cls(run_or_model.photographs, run_or_model.snapshots, seed)

    def matched(self, images: NDArray[np.float32], places: Sequence[int]) -> NDArray[np.float32]:
        """The images (N, H, W, C) in [-1, 1] at `places` of the whole data set, as R sees them."""
        if not self._photographs or not len(images):
            return images
        pairs = zip(images, places, strict=True)
        return np.stack([match_image(one, self._photographs, seed=self._seed, place=place) for one, place in pairs])

    def refined(self, predict: Predictor, images: NDArray[np.float32], places: Sequence[int]) -> NDArray[np.float32]:
        """The images that `matched` returned, each refined by its snapshot."""
        if not self.snapshots:
            return predict(images)
        return predict.each_by(self.snapshots, self._numbers(places), images)

    def digest(self) -> str:
        """Tells this variety from every other."""
        digest = hashlib.sha256(repr(self._seed).encode())
        for array in (*self._photographs, *(array for snapshot in self.snapshots for array in snapshot)):
            digest.update(repr(array.shape).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def _numbers(self, places: Sequence[int]) -> NDArray[np.int64]:
        """(N,): the number of the snapshot of each image."""
        randoms = (np.random.default_rng((self._seed, place, _SNAPSHOT)) for place in places)
        return np.fromiter((random.integers(len(self.snapshots)) for random in randoms), np.int64, len(places))


def as_seen(run: Run, images: NDArray[Any], pixel_range: PixelRange) -> NDArray[np.float32]:
    """Stored images (N, H, W, C) as R sees them with variety and seed 0: framed and matched, in [-1, 1]."""
    framed = pixel_range.to_model(frame_images(images, run.framing_map, pixel_range))
    return Variety.of(run, 0, wanted=True).matched(framed, range(len(framed)))


def variety_in_words(run: Run) -> str:
    """What variety does to each image of a run, in words that follow 'each image is'; empty: nothing."""
    done = []
    if run.photographs:
        done.append(f"matched to one of {len(run.photographs)} photographs of the training")
    if run.snapshots:
        done.append(f"refined by one of {len(run.snapshots)} snapshots of R")
    return " and ".join(done)
