"""`refine`: gives images to a trained R, and a whole data set with its labels to a new file."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import accumulate
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from simgan.device import dtype_policy
from simgan.errors import DataError
from simgan.images import ImageSource, PixelRange, check_values, common_size, write_like
from simgan.images.threads import ahead
from simgan.models import any_size, refiner_model
from simgan.run import Run

_BATCH = 32  # images: enough to keep two cores busy, small enough to stay in the cache
_WAITING = 8 * _BATCH  # images of all sizes that may wait for others of their size
# Images are read and written in blocks: large enough that a call costs little, small enough that a few fit anywhere.
_BLOCK_BYTES = 2**20

Group = tuple[list[int], NDArray[Any]]  # indices, and images (N, H, W, C) of one size


def refine(
    run_or_model: Run | keras.Model | str | Path,
    images: NDArray[Any] | ImageSource,
    *,
    pixel_range: PixelRange | None = None,
) -> NDArray[Any]:
    """Refines images in memory.

    8-bit images go through a run's refiner in bfloat16 where the processor has it: that moves a pixel by 0.1 of its
    255 levels on average and by 2 at most. Deeper images, and models given as such, are computed in float32.

    Args:
        run_or_model: a run, the path of one, or a refiner model.
        images: (N, H, W, C), or (N, H, W) with one channel; or an open data set of one size.
        pixel_range: what [-1, 1] stands for; by default that of a data set, the whole range of uint8 and uint16,
            and [-1, 1] itself for arrays of floats.

    Returns:
        The refined images, in the shape (of a data set (N, H, W, C)), dtype and range of `images`.

    Raises:
        DataError: the images do not fit the model, hold values beyond `pixel_range` or NaN, or a data set has several
            sizes (see `refine_data_set`).
        RunError: the path is not a finished run.
    """
    if isinstance(images, ImageSource):
        common_size(images)
        refiner = _refiner(run_or_model, images.channels, images.dtype)
        together = np.empty((len(images), *images.size(0), images.channels), images.dtype)
        with closing(_blocks(images)) as blocks:
            for indices, refined in _refined_groups(refiner, images, blocks):
                together[indices] = refined
        return together
    images = np.asarray(images)
    stacked = images[..., np.newaxis] if images.ndim == 3 else images
    if stacked.ndim != 4:
        raise DataError(f"images: expected (N, H, W) or (N, H, W, C), received {images.shape}; stack them.")
    if pixel_range is None:
        pixel_range = PixelRange(-1.0, 1.0) if stacked.dtype.kind == "f" else PixelRange.of(stacked.dtype)
    if stacked.size:
        check_values(stacked, pixel_range, "images")
    model = _refiner(run_or_model, stacked.shape[-1], stacked.dtype)
    refined = np.empty_like(stacked)
    for start in range(0, len(stacked), _BATCH):
        part = slice(start, start + _BATCH)
        refined[part] = pixel_range.from_model(_predict(model, pixel_range.to_model(stacked[part])), stacked.dtype)
    return refined.reshape(images.shape)


def refine_data_set(
    run_or_model: Run | keras.Model | str | Path,
    source: ImageSource,
    output: str | Path,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Writes the refined images of `source` to `output`: same format, bit depth, keys, names and labels.

    The images may have any size, each its own, and there may be more than fit into memory. Reading and writing go on
    in threads of their own while R computes.

    Args:
        on_progress: called now and then with the images written and their number.

    Raises:
        DataError: the images do not fit the model, one cannot be read, or `output` exists or cannot be written;
            nothing is left under the name of `output` then.
        RunError: the path is not a finished run.
    """
    refiner = _refiner(run_or_model, source.channels, source.dtype)

    def write(group: Group) -> int:
        writer.write_many(*group)
        return len(group[0])

    with (
        write_like(source, Path(output)) as writer,
        closing(_blocks(source)) as blocks,
        closing(ahead(write, _refined_groups(refiner, source, blocks))) as written,
    ):
        for done in accumulate(written):
            on_progress(done, len(source))


def _blocks(source: ImageSource) -> Generator[tuple[range, list[NDArray[Any]]]]:
    """All images in order, read ahead in blocks of _BLOCK_BYTES, taking all for as large as the first."""
    images = max(1, min(_WAITING, _BLOCK_BYTES // source[0].nbytes))
    starts = range(0, len(source), images)
    parts = (range(start, min(start + images, len(source))) for start in starts)
    return ahead(lambda part: (part, source.read(part)), parts)


def _refined_groups(
    refiner: keras.Model, source: ImageSource, blocks: Iterable[tuple[range, list[NDArray[Any]]]]
) -> Iterator[Group]:
    """Every image once, refined, in the type of the source; in order within a size."""
    # Images of one size go through R together; a data set may hold several sizes.
    waiting: dict[tuple[int, ...], list[tuple[int, NDArray[Any]]]] = {}
    for indices, images in blocks:
        for index, image in zip(indices, images, strict=True):
            waiting.setdefault(image.shape, []).append((index, image))
            if len(waiting[image.shape]) == _BATCH:
                yield _refine_group(refiner, waiting.pop(image.shape), source)
            elif sum(map(len, waiting.values())) == _WAITING:
                largest = max(waiting, key=lambda shape: len(waiting[shape]))
                yield _refine_group(refiner, waiting.pop(largest), source)
    for group in waiting.values():
        yield _refine_group(refiner, group, source)


def _refiner(run_or_model: Run | keras.Model | str | Path, channels: int, dtype: np.dtype[Any]) -> keras.Model:
    """R for images of any size, of so many channels, in this stored dtype."""
    run = Run.open(run_or_model) if isinstance(run_or_model, str | Path) else run_or_model
    if not isinstance(run, Run):
        model = any_size(run)
    elif dtype == np.uint8 and keras.backend.backend() == "torch":
        model = _fast_copy(run)
    else:
        model = run.refiner
    if model.input_shape[-1] != channels:
        raise DataError(
            f"images: expected {model.input_shape[-1]} channel(s), as R was trained on, received {channels}; "
            "convert the images, or train on such images."
        )
    return model


def _fast_copy(run: Run) -> keras.Model:
    """R of a run in the layout and precision that PyTorch computes fastest.

    bfloat16 moves an 8-bit pixel by 0.1 on average and by 2 at most (docs/experiments.md): not for deeper images.
    """
    model = refiner_model(
        None,
        None,
        run.data.channels,
        data_format="channels_first",
        dtype=dtype_policy("auto"),
        **dict(run.config.refiner),
    )
    model.set_weights(run.refiner.get_weights())
    return model


def _refine_group(refiner: keras.Model, group: list[tuple[int, NDArray[Any]]], source: ImageSource) -> Group:
    images = source.pixel_range.to_model(np.stack([image for _, image in group]))
    refined = source.pixel_range.from_model(_predict(refiner, images), source.dtype)
    return [index for index, _ in group], refined


def _predict(model: keras.Model, images: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(model.predict_on_batch(images), np.float32)
