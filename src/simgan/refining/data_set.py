"""Refines with a trained R: images in memory (`refine`), and a data set with its labels into a new file."""

from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from simgan.engines.automatic import dtype_policy
from simgan.errors import DataError
from simgan.framing.framed_images import frame_images, framed
from simgan.framing.quantiles import FramingMap
from simgan.images import (
    ImageSource,
    ImageWriter,
    PixelRange,
    ReadableImages,
    check_values,
    require_one_size,
    writer_like,
)
from simgan.images.alpha import image_with_alpha
from simgan.images.groups import groups_of_one_size, images_in_group, sampled_sizes
from simgan.images.ranges import TypedRange, check_guessed_range, in_words
from simgan.images.threads import ahead
from simgan.matching.true_labels import kinds_of_labels
from simgan.refining.predictor import Predictor, predictor
from simgan.refining.quarantine import Quarantine, SetAside
from simgan.refining.spool import Spool, digest_of, remove_leftover, spool_of, spooled
from simgan.refining.strength import RANDOM, Limits, Strength
from simgan.refining.variety import Variety
from simgan.runs.run import Run


class Refined(NamedTuple):
    """A group of images of one size, in the type and the range in which they are stored."""

    indices: list[int]
    synthetic: NDArray[Any]
    """(N, H, W, C), with the framing of the photographs if the run gives it to them."""
    seen: NDArray[np.float32]
    """What R saw, in [-1, 1]: the synthetic images, matched to photographs if the run does that."""
    refined: NDArray[Any]


def refine(
    run_or_model: Run | keras.Model | str | Path,
    images: NDArray[Any] | ImageSource,
    *,
    pixel_range: PixelRange | None = None,
    strength: Limits = 1.0,
    variety: bool = False,
    seed: int = 0,
) -> NDArray[Any]:
    """Refines images in memory.

    If the training of a run matched the framing (`Run.framing_map`), each image first gets the framing of the
    photographs. A Keras model, such as the run's refiner_model.h5, is R alone and refines images as they are.

    A run refines 8-bit images in bfloat16 where the processor has it, which changes a pixel by 0.1 of its 255 levels
    on average and by 2 at most. Deeper images are refined in float32, and a Keras model refines all images in float32.

    Args:
        run_or_model: a run, the path of one, or a refiner model.
        images: (N, H, W, C), or (N, H, W) with one channel; or an open data set of one size.
        pixel_range: values of `images` that stand for -1 and 1. A data set has a range of its own. The default for
            an array is the range of the run's synthetic images if they have the type of the array (all floats count
            as one type), else the whole range of uint8 or uint16, and [-1, 1] for floats.
        strength: s in x + s (R(x) - x), from 0 to 1, or the lowest and the highest s: each image then gets a random
            one. The default is R's image itself, because images in memory are often looked at or measured.
            `refine_data_set`, which writes a set to train estimators on, has another default.
        variety: whether each image gets a look of its own, as in `refine_data_set`. False: R at the end of the
            training refines the images as they are.
        seed: of random strengths and looks. They follow from the seed and the index of an image alone.

    Returns:
        The refined images, in the shape (of a data set (N, H, W, C)), dtype and range of `images`.

    Raises:
        DataError: the images do not fit the model, the range of a data set was guessed and is not the run's, values
            are beyond `pixel_range` or NaN, or a data set has several sizes (see `refine_data_set`).
        RunError: the path is not a finished run.
        ConfigError: the strength or the seed is out of range.
    """
    strengths = Strength.of(strength, seed)
    if isinstance(run_or_model, str | Path):
        run_or_model = Run.open(run_or_model)
    looks = Variety.of(run_or_model, seed, wanted=variety)
    if isinstance(images, ImageSource):
        check_guessed_range(images, _input_range(run_or_model))
        size = require_one_size(images)
        predict = _predictor(run_or_model, images, looks)
        all_refined = np.empty((len(images), *size, images.channels), images.dtype)
        framing = _framing_map(run_or_model)
        with closing(_refined_groups(predict, images, strengths, looks, framing=framing)) as groups:
            for group in groups:
                all_refined[group.indices] = group.refined
        return all_refined
    images = np.asarray(images)
    stacked = images[..., np.newaxis] if images.ndim == 3 else images
    if stacked.ndim != 4:
        raise DataError(f"images: expected (N, H, W) or (N, H, W, C), received {images.shape}; stack them.")
    origin = ""
    if pixel_range is None:
        pixel_range, origin = _array_range(run_or_model, stacked.dtype)
    if stacked.size:
        check_values(stacked, pixel_range, "images", origin)
    by_snapshots = bool(looks.snapshots)
    predict = predictor(run_or_model, stacked.dtype, stacked.shape, one_size=True, by_snapshots=by_snapshots)
    refined = np.empty_like(stacked)
    at_once = images_in_group(max(1, stacked[:1].nbytes))
    for start in range(0, len(stacked), at_once):
        places = range(len(stacked))[start : start + at_once]
        part = slice(places.start, places.stop)
        x = pixel_range.to_model(frame_images(stacked[part], _framing_map(run_or_model), pixel_range))
        seen = looks.matched(x, places)
        mixed = strengths.between(seen, looks.refined(predict, seen, places), places)
        refined[part] = pixel_range.from_model(mixed, stacked.dtype)
    return refined.reshape(images.shape)


def refine_data_set(
    run_or_model: Run | keras.Model | str | Path,
    source: ImageSource,
    output: str | Path,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    max_drift: float | None = None,
    strength: Limits = RANDOM,
    variety: bool = True,
    seed: int = 0,
) -> list[SetAside]:
    """Writes the refined images of `source` to `output`: same format, bit depth, keys, names and labels.

    Images are framed before R as by `refine`.

    Each image may have a size of its own, and the data set may be larger than the memory; images/groups.py says how
    many images are in memory at once. Other threads read and write while R computes.

    If an interrupted or killed job is started again, it continues where it stopped; see spool.py.

    Args:
        on_progress: called now and then with the number of images written and of all.
        max_drift: px; an image whose content, as it would be written, moved further (`simgan.framing.displacement`)
            is set aside and listed in `<output>.quarantine.csv`. In HDF5 with one data set per image, the image and
            its labels are left out. In a folder the image is left out, but all other files are copied, its labels
            too (`SetAside.copied`). In an array its row keeps the unrefined image, because rows must match their
            labels. If images are framed before R, drift is measured from the framed image, which is also the unrefined
            one. The list also has the unusable images that `source` leaves out.
        strength: s in x + s (R(x) - x), from 0 to 1, or the lowest and the highest s: each image then gets a random
            one. Random strengths are the default, because estimators trained on such a set erred less on real images
            than those trained on images refined whole (docs/experiments.md, 15). Strength 1 writes R's images.
        variety: whether each image gets a look of its own: it is matched to a random photograph, if training did that,
            and refined by a random snapshot of R, if the run has snapshots; see variety.py. False: R at the end of the
            training refines all images as they are.
        seed: of random strengths and looks. They follow from the seed and the image's place in the whole data set
            alone.

    Returns:
        The images set aside, in the order of the whole set.

    Raises:
        DataError: the images do not fit the model, their range was guessed and is not the run's, one cannot be read,
            all would be set aside, a row of an array would have to be left out, `output` or the list exists, or
            framing would make labels or alpha wrong. No file is left then.
        OutputError: the disk is full, or `output` cannot be written. Only the spool of refined images is left, for
            the next try.
        RunError: the path is not a finished run.
        ConfigError: the strength or the seed is out of range.
    """
    output, strengths = Path(output), Strength.of(strength, seed)
    refiner = Run.open(run_or_model) if isinstance(run_or_model, str | Path) else run_or_model
    check_guessed_range(source, _input_range(refiner))
    framing = _framing_map(refiner)
    if framing is not None:
        _check_classes(source)
        _check_no_alpha(source)
    whole = source.whole if isinstance(source, ReadableImages) else source
    writer = _new_writer(whole, output)
    quarantine = Quarantine(whole, source, output, max_drift)
    quarantine.check_list(take_over=spool_of(output).exists())
    looks = Variety.of(refiner, seed, wanted=variety)
    predict = _predictor(refiner, source, looks)
    # On exit, in this order: the output gets its name, an error removes the list, the spool is removed.
    with spooled(output, _digest(source, refiner, quarantine.has_list, strengths, looks)) as spool, quarantine, writer:
        writer.begin(take_over=spool.is_old)
        quarantine.begin(take_over=spool.is_continued)
        _leave_out_unusable(writer, source)
        write = partial(_write, writer, quarantine, source)
        with (
            closing(_refined_groups(predict, source, strengths, looks, spool, framing)) as groups,
            closing(ahead(write, groups)) as written,
        ):
            for done in accumulate(written):
                on_progress(done, len(source))
        aside = quarantine.found(writer.copied_beside)
        writer.finish()
        quarantine.write_list(aside, leaves_out=writer.leaves_out)
    return aside


def refined_in_groups(run: Run, source: ImageSource) -> Generator[Refined]:
    """Every image of `source` refined whole (strength 1), with a look of its own, at its own resolution.

    Few images are in memory at once. Images of one size come in order. Close the generator to end its thread.
    """
    looks = Variety.of(run, 0, wanted=True)
    predict = _predictor(run, source, looks)
    return _refined_groups(predict, source, Strength.of(1.0, 0), looks, framing=_framing_map(run))


def _new_writer(source: ImageSource, output: Path) -> ImageWriter[Any]:
    """The writer of `output`, not yet begun. DataError if there cannot be such an output; its old spool goes then."""
    writer = writer_like(source, output)
    try:
        writer.check_output()
    except DataError as error:
        if remove_leftover(output):
            error.add_note("the spool of an earlier job for this output was removed")
        raise
    return writer


def _predictor(refiner: Run | keras.Model, source: ImageSource, looks: Variety) -> Predictor:
    """R for the images of a data set."""
    sizes = sampled_sizes(source)
    shape = (len(source), *sizes[0], source.channels)
    one_size, by_snapshots = len(set(sizes)) == 1, bool(looks.snapshots)
    return predictor(refiner, source.dtype, shape, one_size=one_size, by_snapshots=by_snapshots)


def _digest(
    source: ImageSource, refiner: Run | keras.Model, has_list: bool, strengths: Strength, looks: Variety
) -> bytes:
    """Digest of the job. It covers `has_list`: a list beside a spool with this digest belongs to this job.

    It also covers the places of images that `source` leaves out, because random strengths follow from places.
    """
    is_run = isinstance(refiner, Run)
    model = refiner.refiner if isinstance(refiner, Run) else refiner
    computing = (is_run, _framing_map(refiner), keras.backend.backend(), dtype_policy("auto"))
    places = [image.place for image in source.left_out]
    return digest_of(source, model, *computing, has_list, strengths, looks.digest(), places)


def _array_range(refiner: Run | keras.Model, dtype: np.dtype[Any]) -> tuple[PixelRange, str]:
    """The default pixel range of an array, and where it comes from in words, for errors."""
    trained_with = _input_range(refiner)
    if trained_with is not None and trained_with.belongs_to(dtype):
        return trained_with.pixel_range, in_words("known", trained_with)
    return PixelRange(-1.0, 1.0) if dtype.kind == "f" else PixelRange.of(dtype), ""


def _input_range(refiner: Run | keras.Model) -> TypedRange | None:
    """The pixel range that R was trained with, if the refiner is that of a run."""
    return refiner.input_range if isinstance(refiner, Run) else None


def _framing_map(refiner: Run | keras.Model) -> FramingMap | None:
    """How images are framed before R, if the refiner is that of a run whose training did so."""
    return refiner.framing_map if isinstance(refiner, Run) else None


def _check_classes(source: ImageSource) -> None:
    """Raises DataError if the set has labels that would become wrong with the framing."""
    if other := kinds_of_labels(source).others:
        raise DataError(
            f"{source.path}: expected classes as the only labels, because this run gives images the framing of the "
            f"photographs, received {', '.join(other)}, which may be positions or directions that would become wrong; "
            "train with --framing keep, or give a data set without them."
        )


def _check_no_alpha(source: ImageSource) -> None:
    """Raises DataError if pictures have alpha, which is copied and so would not fit the framed pixels."""
    if name := image_with_alpha(source):
        raise DataError(
            f"{source.path}: expected pictures without alpha, which would stay where it is while this run gives "
            f"images the framing of the photographs, received {name!r}; store the pictures without alpha, or train "
            "with --framing keep."
        )


def _leave_out_unusable(writer: ImageWriter[Any], source: ImageSource) -> None:
    """Leaves the unusable images, which `source` does not have, out of the output."""
    for image in source.left_out:
        if not writer.leaves_out:
            raise DataError(
                f"{writer.output}: expected images that can be left out, received rows of an array, which must stay "
                f"because labels belong to row numbers; repair the image ({image.reason})"
            )
        writer.leave_out(image.place)


def _write(writer: ImageWriter[Any], quarantine: Quarantine, source: ImageSource, group: Refined) -> int:
    """Writes the images of a group that stay, sets the others aside, and returns the size of the group."""
    places = _places(source, group.indices)
    # Matching moves nothing, but optical flow may take a change of tones for displacement.
    stays = quarantine.stay(places, source.pixel_range.from_model(group.seen, source.dtype), group.refined)
    writer.write_many([place for place, good in zip(places, stays, strict=True) if good], group.refined[stays])
    for index in np.flatnonzero(~stays):
        writer.set_aside(places[index], group.synthetic[index])
    return len(places)


def _places(source: ImageSource, indices: list[int]) -> list[int]:
    """Places of images of `source` in the whole data set, which also has the images that `source` leaves out."""
    return source.indices[indices].tolist() if isinstance(source, ReadableImages) else indices


def _refined_groups(
    predict: Predictor,
    source: ImageSource,
    strengths: Strength,
    looks: Variety,
    spool: Spool | None = None,
    framing: FramingMap | None = None,
) -> Generator[Refined]:
    """Every image once, framed and then refined, in the type of the source. Images of one size come in order.

    Groups that `spool` holds are read from it. R refines the other groups, which are then added to `spool`.
    """
    with closing(groups_of_one_size(framed(source, framing))) as groups:
        for indices, synthetic in groups:
            places = _places(source, indices)
            seen = looks.matched(source.pixel_range.to_model(synthetic), places)
            refined = spool.take(synthetic.shape, source.dtype) if spool else None
            if refined is None:
                mixed = strengths.between(seen, looks.refined(predict, seen, places), places)
                refined = source.pixel_range.from_model(mixed, source.dtype)
                if spool:
                    spool.put(refined)
            yield Refined(indices, synthetic, seen, refined)
