"""Compares the framing of synthetic and real images, that is the place and scale of their content, before training.

If the framing differs, D distinguishes the sets by it, and a refiner that follows D moves the content: labels become
wrong. Place and scale are compared by maps of where edges are, since these do not depend on the appearance.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft2, rfft2
from scipy.ndimage import affine_transform, gaussian_filter

Severity = Literal["ok", "note", "warning"]

# Ours: calibrated on sets whose framing is known, tests/framing/test_comparison.py and docs/experiments.md.
_SCALES = np.geomspace(0.65, 1 / 0.65, 25)  # scales that are tried
_REACH = 0.2  # largest shift that is tried, as a share of each side
_OVERLAP = 0.4  # least share of a map that must overlap the other map, shifted
# A change of framing counts if it closes this share of the gap between the correlation without it and 1, ...
_EXPLAINED = 0.4
_GAIN = 0.01  # ... and if it adds at least this much to the correlation
_ALIKE = 0.6  # correlation of the best framing below which the sets share no layout
_LAYOUT = 0.15  # standard deviation / mean of an edge map above which the images of a set share a layout
_MOVED, _SCALED = 0.04, 0.08  # least shift, as a share of the longer side, and least change of scale for a warning
_VARIETY = 0.6  # ratio of varieties below which one set varies much less than the other
_SMOOTH = 0.03  # standard deviation of the Gaussian that smooths edge maps, as a share of the width


@dataclass(frozen=True)
class Finding:
    """The result of one comparison."""

    name: str
    severity: Severity
    sentence: str
    """What was found and, if it does harm, the remedy."""

    def as_dict(self) -> dict[str, str]:
        """The finding as a dictionary, for JSON."""
        return asdict(self)


class Framing(NamedTuple):
    """The change that gives the content of the synthetic images the scale and place that it has in the real images."""

    scale: float
    """How many times larger the content of the real images is."""
    down: float
    """How much lower the content of the real images lies, px."""
    right: float
    """How much further right the content of the real images lies, px."""
    correlation: float
    """Correlation of the edge maps after this change."""
    gain: float
    """How much this change adds to the correlation."""
    have_layouts: bool = True
    """Whether the images of each set have a layout in common."""

    @property
    def aligns(self) -> bool:
        """Whether both sets have a layout, and this change aligns that of the synthetic images with the other."""
        return self.have_layouts and self.correlation >= _ALIKE

    @property
    def counts(self) -> bool:
        """Whether this change explains enough of the difference between the edge maps to be believed."""
        missing = 1 - (self.correlation - self.gain)
        return self.gain > max(_GAIN, _EXPLAINED * missing)


def compare_framing(synthetic: NDArray[np.float32], real: NDArray[np.float32]) -> list[Finding]:
    """Compares samples of both sets, which have been resized to one size.

    Args:
        synthetic: (N, H, W, C) in [-1, 1].
        real: (M, H, W, C), the same H, W and C.

    Returns:
        The findings, warnings first.
    """
    found = [*_framing(synthetic, real), _intensity(synthetic, real), *_variety(synthetic, real)]
    return sorted(found, key=lambda finding: ("warning", "note", "ok").index(finding.severity))


def edge_map(images: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean strength of the edges at every pixel, (H, W). Every image has the same weight, whatever its contrast."""
    grey = images.mean(axis=-1, dtype=np.float64)
    smooth = gaussian_filter(grey, (0, 1.0, 1.0))
    down, right = np.gradient(smooth, axis=(1, 2))
    strength = np.hypot(down, right)
    strength /= strength.mean(axis=(1, 2), keepdims=True) + 1e-6
    return np.asarray(gaussian_filter(strength.mean(axis=0), max(1.0, _SMOOTH * images.shape[2])))


def find_framing(synthetic: NDArray[np.float32], real: NDArray[np.float32]) -> Framing:
    """The scale and shift of the synthetic edge map that correlate best with the real edge map."""
    x, y = edge_map(synthetic), edge_map(real)
    same = _correlation(x, y)
    have_layouts = all(bool(edges.std() > _LAYOUT * edges.mean()) for edges in (x, y))
    best = Framing(1.0, 0.0, 0.0, same, 0.0, have_layouts)
    most_down, most_right = (int(_REACH * side) for side in x.shape)
    for scale in _SCALES:
        correlations = _correlations_of_shifts(*_scaled(x, scale), y)
        down, right = np.unravel_index(correlations.argmax(), correlations.shape)
        if (correlation := float(correlations[down, right])) > best.correlation:
            best = Framing(
                float(scale),
                float(down - most_down),
                float(right - most_right),
                correlation,
                correlation - same,
                have_layouts,
            )
    return best


def _framing(synthetic: NDArray[np.float32], real: NDArray[np.float32]) -> Iterator[Finding]:
    framing = find_framing(synthetic, real)
    side = max(synthetic.shape[1:3])
    if not framing.have_layouts:
        yield Finding(
            "layout",
            "note",
            "The images have no common layout, so place and scale of the content cannot be compared: look at the "
            "picture.",
        )
        return
    if not framing.aligns:
        yield Finding(
            "layout",
            "warning",
            "Edges of the real images lie elsewhere than those of the synthetic images, and no shift or scale aligns "
            f"them (correlation of the edge maps {framing.correlation:.2f} at best): look at the picture, and render "
            "what the photographs show.",
        )
        return
    change = max(abs(framing.scale - 1), abs(1 / framing.scale - 1))
    if framing.counts and change > _SCALED:
        larger = "larger" if framing.scale > 1 else "smaller"
        times = max(framing.scale, 1 / framing.scale)
        yield Finding(
            "scale",
            "warning",
            f"Content is {times:.2f} times {larger} in the real images than in the synthetic ones: the refiner may "
            "learn to resize it, and labels drift. Crop or render the synthetic images to the same scale, or match "
            "them with 'simgan match --by framing' if their labels are classes or directions.",
        )
    else:
        yield Finding("scale", "ok", "Content has the same scale in both sets.")
    if framing.counts and np.hypot(framing.down, framing.right) > _MOVED * side:
        directions = [
            f"{abs(amount):.0f} px {positive if amount > 0 else negative}"
            for amount, positive, negative in (
                (framing.down, "lower", "higher"),
                (framing.right, "further right", "further left"),
            )
            if abs(amount) >= 1
        ]
        yield Finding(
            "place",
            "warning",
            f"Content sits {' and '.join(directions)} in the real images: the refiner may learn to move it, and "
            "labels drift. Crop or render the synthetic images so that their content sits in the same place, or match "
            "them with 'simgan match --by framing' if their labels are classes or directions.",
        )
    else:
        yield Finding("place", "ok", "Content sits in the same place in both sets.")


def _intensity(synthetic: NDArray[np.float32], real: NDArray[np.float32]) -> Finding:
    mean_x, mean_y = (images.mean(axis=0, dtype=np.float64).mean(axis=-1) for images in (synthetic, real))
    if _correlation(mean_x, mean_y) < -0.5:
        return Finding(
            "intensity",
            "warning",
            "Where the synthetic images are bright the real ones are dark: one set seems inverted. Invert it, or "
            "check --synthetic-range and --real-range.",
        )
    x, y = (255 * (float(images.mean()) + 1) / 2 for images in (synthetic, real))
    deviation_x, deviation_y = (255 * float(images.std()) / 2 for images in (synthetic, real))
    is_far = abs(x - y) > 60 or max(deviation_x, deviation_y) > 3 * min(deviation_x, deviation_y)
    severity: Severity = "note" if is_far else "ok"
    return Finding(
        "intensity",
        severity,
        f"Mean grey level {x:.0f} synthetic, {y:.0f} real; standard deviation {deviation_x:.0f} and "
        f"{deviation_y:.0f} (of 255)."
        + (" These are far apart: check that both pixel ranges are right." if is_far else ""),
    )


def _variety(synthetic: NDArray[np.float32], real: NDArray[np.float32]) -> Iterator[Finding]:
    x, y = (_spread(images) for images in (synthetic, real))
    poorer, ratio = ("synthetic", x / max(y, 1e-9)) if x < y else ("real", y / max(x, 1e-9))
    if ratio < _VARIETY:
        yield Finding(
            "variety",
            "warning" if poorer == "synthetic" else "note",
            f"The {poorer} images vary {ratio:.2f} times as much as the others: "
            + (
                "render more poses, shapes and lights, or the refiner has to invent them."
                if poorer == "synthetic"
                else "all refined images will look like these few."
            ),
        )
    else:
        yield Finding("variety", "ok", "Both sets vary about as much.")
    for name, images in (("synthetic", synthetic), ("real", real)):
        if (copies := _copies(images)) > 0.1:
            yield Finding(
                "copies", "note", f"{copies:.0%} of the {name} images sampled are copies of others: they add nothing."
            )


def _spread(images: NDArray[np.float32]) -> float:
    """How much a pixel varies from image to image, once all images have equal brightness and contrast."""
    grey = gaussian_filter(images.mean(axis=-1, dtype=np.float64), (0, 1.0, 1.0))
    grey = grey - grey.mean(axis=(1, 2), keepdims=True)
    return float((grey / (grey.std(axis=(1, 2), keepdims=True) + 1e-6)).std(axis=0).mean())


def _copies(images: NDArray[np.float32]) -> float:
    """Share of images that equal an earlier one."""
    # Nearly equal images are no copies: with small content, or 12 bits stored in 16, all images are nearly equal.
    return 1 - len({image.tobytes() for image in images}) / len(images)


def _scaled(x: NDArray[np.float64], scale: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The map enlarged by `scale` about its middle, and a mask of the pixels that come from inside the map."""
    middle = (np.array(x.shape) - 1) / 2
    options: dict[str, Any] = {"matrix": np.eye(2) / scale, "offset": middle - middle / scale, "order": 1}
    return (
        np.asarray(affine_transform(x, mode="nearest", **options)),
        np.asarray(affine_transform(np.ones_like(x), mode="constant", **options)) > 0.99,
    )


def _correlations_of_shifts(
    x: NDArray[np.float64], inside: NDArray[np.bool_], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The correlation of `y` with `x` for each shift of `x` by whole pixels.

    It is computed over the pixels where `inside`, the mask of the pixels of `x` that count, overlaps `y` once shifted.

    This is masked normalised cross-correlation by Fourier transforms (Padfield, CVPR 2010). OpenCV's matchTemplate
    would mask the template alone, and does not compare a template that extends beyond the border of the image.

    Returns:
        (2 D + 1, 2 R + 1) for shifts of -D to D rows down and -R to R columns right, where D and R are the share
        `_REACH` of the sides; -1 where too few pixels overlap.
    """
    size = tuple(2 * side for side in x.shape)  # so that no shift wraps around
    x, y = x - x.mean(), y - y.mean()  # near 0, since sums of large squares would lose digits
    masked = [np.conj(rfft2(array, size)) for array in (inside.astype(np.float64), x * inside, x**2 * inside)]
    whole = [rfft2(array, size) for array in (np.ones_like(y), y, y**2)]
    reach = [np.arange(-int(_REACH * side), int(_REACH * side) + 1) for side in x.shape]

    def over_shifts(one: int, other: int) -> NDArray[np.float64]:
        products: NDArray[np.float64] = irfft2(masked[one] * whole[other], size)
        return products[np.ix_(*reach)]

    count = np.rint(over_shifts(0, 0))
    enough = count >= _OVERLAP * x.size
    count = np.maximum(count, 1)
    sum_x, sum_y = over_shifts(1, 0), over_shifts(0, 1)
    covariance = over_shifts(1, 1) - sum_x * sum_y / count
    variances = (over_shifts(2, 0) - sum_x**2 / count) * (over_shifts(0, 2) - sum_y**2 / count)
    return np.where(enough, covariance / np.sqrt(np.maximum(variances, 1e-18)), -1.0)


def _correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """The correlation of two maps; 0 if one of them is constant."""
    a, b = x - x.mean(), y - y.mean()
    size = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / size) if size > 0 else 0.0
