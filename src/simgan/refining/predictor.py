"""R as a function of images in memory, in the form that is fastest for them, with bounded memory."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from simgan.engines.automatic import dtype_policy, open_engine, resolve_precision
from simgan.engines.cost_model import images_at_once, refiner_flops, worth_compiling
from simgan.errors import DataError
from simgan.images.groups import AT_ONCE
from simgan.models import any_size, refiner_model
from simgan.refining.tiles import LARGEST_SIDE, in_tiles, reach
from simgan.runs.run import Run

# Pixels, of all images, that go through a Keras model at once: 64 MB for each layer of 64 filters in float32. Ours.
_PIXELS_AT_ONCE = 2**18

Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]  # (N, H, W, C) in [-1, 1] to refined


class Predictor:
    """R as a function of images: (N, H, W, C) in [-1, 1] to refined.

    Args:
        model: has the weights that `predict` uses.
        predict: R.
    """

    def __init__(self, model: keras.Model, predict: Predict) -> None:
        self._model, self._predict = model, predict

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """The images, refined by R with its present weights."""
        return self._predict(images)

    def each_by(
        self, weights: Sequence[Sequence[NDArray[np.float32]]], numbers: NDArray[np.int64], images: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The images, each refined by R with the weights `weights[number]`, for its number in `numbers`, (N,)."""
        refined = np.empty_like(images)
        for number in np.unique(numbers):
            chosen = numbers == number
            self._model.set_weights(weights[number])
            refined[chosen] = self._predict(images[chosen])
        return refined


def predictor(
    run_or_model: Run | keras.Model | str | Path,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    *,
    one_size: bool,
    by_snapshots: bool = False,
) -> Predictor:
    """R as a function of images of any size, in the fastest form for images stored as `dtype`.

    Args:
        dtype: type in which the images are stored.
        shape: (N, H, W, C): the number of images, and the size and channels of the first.
        one_size: whether all images have that size, as far as is known.
        by_snapshots: whether `Predictor.each_by` is called, so that few images go through R at once.

    Raises:
        DataError: the images have no pixels, or other channels than R.
    """
    if 0 in shape[1:3]:
        raise DataError(
            f"images: expected a height and a width of at least 1 pixel, received {shape[1]} x {shape[2]}; check the "
            "shape, (N, H, W) or (N, H, W, C)."
        )
    run = Run.open(run_or_model) if isinstance(run_or_model, str | Path) else run_or_model
    channels = run.data.channels if isinstance(run, Run) else run.input_shape[-1]
    if channels != shape[-1]:
        raise DataError(
            f"images: expected {channels} channel(s), as R was trained on, received {shape[-1]}; "
            "convert the images (picture files with --channels), or train on images like these."
        )
    if isinstance(run, Run) and dtype == np.uint8 and keras.backend.backend() == "torch":
        return _fast(run, shape, one_size and not by_snapshots)
    if isinstance(run, Run):
        model = refiner_model(None, None, channels, **dict(run.config.refiner))
        model.set_weights(run.refiner.get_weights())
    else:
        model = any_size(run)
    whole = _in_pieces(
        lambda images: np.asarray(model.predict_on_batch(images), np.float32),
        lambda height, width: _PIXELS_AT_ONCE // (height * width),
    )
    return Predictor(model, partial(in_tiles, whole, reach(model)))


def _fast(run: Run, shape: tuple[int, ...], one_size: bool) -> Predictor:
    """R of a run in the layout and precision that are fastest in PyTorch; compiled for many images of one size.

    For 8-bit images only: bfloat16 changes a pixel by 0.1 on average and by 2 at most (docs/experiments.md).
    """
    count, height, width, channels = shape
    settings, size = run.config.refiner, (height, width)
    model = refiner_model(
        None,
        None,
        channels,
        for_training=True,  # the form that engines compute fastest
        data_format="channels_first",
        dtype=dtype_policy("auto"),
        **dict(settings),
    )
    model.set_weights(run.refiner.get_weights())

    @lru_cache
    def at_once(height: int, width: int) -> int:
        return min(AT_ONCE, images_at_once(settings, (height, width), resolve_precision("auto")))

    is_small = height * width <= LARGEST_SIDE**2  # larger images are divided into tiles of several sizes
    engine = open_engine(
        micro_batch=at_once(height, width) if one_size else AT_ONCE,
        compiled=one_size and is_small and worth_compiling(count * refiner_flops(settings, size, channels)),
    )
    network = engine.network(model)
    whole = _in_pieces(lambda images: engine.to_numpy(engine.infer(network, engine.to_device(images))), at_once)
    return Predictor(model, partial(in_tiles, whole, reach(run.refiner)))


def _in_pieces(predict: Predict, at_once: Callable[[int, int], int]) -> Predict:
    """Calls `predict` with at most `at_once(H, W)` images, but at least one, which bounds the memory that R takes."""

    def in_pieces(images: NDArray[np.float32]) -> NDArray[np.float32]:
        step = max(1, at_once(*images.shape[1:3]))
        if len(images) <= step:
            return predict(images)
        return np.concatenate([predict(images[start : start + step]) for start in range(0, len(images), step)])

    return in_pieces
