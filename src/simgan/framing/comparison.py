"""Are synthetic and real images framed alike? A look at both sets before training.

Where the sets differ in framing, D tells them apart by it, and a refiner that follows D moves content: the labels
suffer. So place and scale of the content are compared by maps of where edges are, which changes of looks leave alone.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft2, rfft2
from scipy.ndimage import affine_transform, gaussian_filter

Severity = Literal["ok", "note", "warning"]

# Ours: calibrated on sets whose framing is known, tests/test_framing.py and docs/experiments.md.
_SCALES = np.geomspace(0.65, 1 / 0.65, 25)
_REACH = 0.2  # of each side: the furthest shift that is looked for
_SHOWN_BY_BOTH = 0.4  # of the map: what both must show for a shift to count
_EXPLAINED = 0.4  # share of what is missing in correlation that another framing must bring to count
_GAIN = 0.01  # and the least that it must bring
_ALIKE = 0.6  # correlation of the best framing below which the sets share no layout
_LAYOUT = 0.15  # deviation / mean of an edge map above which a set has a layout at all
_MOVED, _SCALED = 0.04, 0.08  # of the longer side, and of the size: less is not worth a warning
_VARIETY = 0.6  # ratio of varieties below which one set is much poorer than the other
_SMOOTH = 0.03  # of the width: edge maps are compared at this fineness


@dataclass(frozen=True)
class Finding:
    """One thing that was compared."""

    name: str
    severity: Severity
    sentence: str
    """What it means and, if it matters, the way out."""

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


class Framing(NamedTuple):
    """Where the content of the real images sits, compared with the synthetic ones."""

    scale: float
    """How many times larger."""
    down: float
    """px."""
    right: float
    """px."""
    correlation: float
    """Of the edge maps, after that change."""
    gain: float
    """Of the correlation by that change."""

    @property
    def counts(self) -> bool:
        """Whether that change explains most of the difference."""
        missing = 1 - (self.correlation - self.gain)
        return self.gain > max(_GAIN, _EXPLAINED * missing)


def compare_framing(synthetic: NDArray[np.float32], real: NDArray[np.float32]) -> list[Finding]:
    """Compares samples of both sets, brought to one size.

    Args:
        synthetic: (N, H, W, C) in [-1, 1].
        real: (M, H, W, C), the same H, W and C.

    Returns:
        One finding for each thing compared, warnings first.
    """
    found = [*_framing(synthetic, real), _intensity(synthetic, real), *_variety(synthetic, real)]
    return sorted(found, key=lambda finding: ("warning", "note", "ok").index(finding.severity))


def edge_map(images: NDArray[np.float32]) -> NDArray[np.float64]:
    """Where edges are on average, (H, W): every image counts alike, whatever its contrast."""
    grey = images.mean(axis=-1, dtype=np.float64)
    smooth = gaussian_filter(grey, (0, 1.0, 1.0))
    down, right = np.gradient(smooth, axis=(1, 2))
    strength = np.hypot(down, right)
    strength /= strength.mean(axis=(1, 2), keepdims=True) + 1e-6
    return np.asarray(gaussian_filter(strength.mean(axis=0), max(1.0, _SMOOTH * images.shape[2])))


def find_framing(synthetic: NDArray[np.float32], real: NDArray[np.float32]) -> Framing:
    """The scale and shift that bring the edge map of the synthetic images nearest to that of the real ones."""
    x, y = edge_map(synthetic), edge_map(real)
    same = _correlation(x, y)
    best = Framing(1.0, 0.0, 0.0, same, 0.0)
    most_down, most_right = (int(_REACH * side) for side in x.shape)
    for scale in _SCALES:
        correlations = _correlations_of_shifts(*_scaled(x, scale), y)
        down, right = np.unravel_index(correlations.argmax(), correlations.shape)
        if (correlation := float(correlations[down, right])) > best.correlation:
            best = Framing(
                float(scale), float(down - most_down), float(right - most_right), correlation, correlation - same
            )
    return best


def _framing(synthetic: NDArray[np.float32], real: NDArray[np.float32]) -> Iterator[Finding]:
    framing = find_framing(synthetic, real)
    side = max(synthetic.shape[1:3])
    if not all(edges.std() > _LAYOUT * edges.mean() for edges in map(edge_map, (synthetic, real))):
        yield Finding(
            "layout",
            "note",
            "The images have no common layout, so place and scale of the content cannot be compared: look at the "
            "picture.",
        )
        return
    if framing.correlation < _ALIKE:
        yield Finding(
            "layout",
            "warning",
            f"Edges lie elsewhere in the real images than in the synthetic ones (their maps correlate by "
            f"{framing.correlation:.2f} at best), and by no simple shift or scale: look at the picture, and render "
            "what the photographs show.",
        )
        return
    off = max(abs(framing.scale - 1), abs(1 / framing.scale - 1))
    if framing.counts and off > _SCALED:
        larger = "larger" if framing.scale > 1 else "smaller"
        times = max(framing.scale, 1 / framing.scale)
        yield Finding(
            "scale",
            "warning",
            f"Content is {times:.2f} times {larger} in the real images than in the synthetic ones: the refiner will "
            "be tempted to resize it, and labels drift. Crop or render the synthetic images to the same scale.",
        )
    else:
        yield Finding("scale", "ok", "Content has the same scale in both sets.")
    if framing.counts and np.hypot(framing.down, framing.right) > _MOVED * side:
        words = [
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
            f"Content sits {' and '.join(words)} in the real images: the refiner will be tempted to move it, and "
            "labels drift. Crop or render the synthetic images alike.",
        )
    else:
        yield Finding("place", "ok", "Content sits in the same place in both sets.")


def _intensity(synthetic: NDArray[np.float32], real: NDArray[np.float32]) -> Finding:
    bright, other = (images.mean(axis=0, dtype=np.float64).mean(axis=-1) for images in (synthetic, real))
    if _correlation(bright, other) < -0.5:
        return Finding(
            "intensity",
            "warning",
            "Where the synthetic images are bright the real ones are dark: one set seems inverted. Invert it, or "
            "check --synthetic-range and --real-range.",
        )
    x, y = (255 * (float(images.mean()) + 1) / 2 for images in (synthetic, real))
    a, b = (255 * float(images.std()) / 2 for images in (synthetic, real))
    severity: Severity = "note" if abs(x - y) > 60 or max(a, b) > 3 * min(a, b) else "ok"
    return Finding(
        "intensity",
        severity,
        f"Mean grey level {x:.0f} synthetic, {y:.0f} real; deviation {a:.0f} and {b:.0f} (of 255)."
        + (" That is far apart: check that both ranges are right." if severity == "note" else ""),
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
                else "refined images will all look like these few."
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
    """Mean deviation of pixels between images of equal brightness and contrast."""
    grey = gaussian_filter(images.mean(axis=-1, dtype=np.float64), (0, 1.0, 1.0))
    grey = grey - grey.mean(axis=(1, 2), keepdims=True)
    return float((grey / (grey.std(axis=(1, 2), keepdims=True) + 1e-6)).std(axis=0).mean())


def _copies(images: NDArray[np.float32]) -> float:
    """Share of images that equal an earlier one."""
    # Equal, not nearly: small content on a plain ground, and 12 bits stored in 16, differ by little in the mean.
    return 1 - len({image.tobytes() for image in images}) / len(images)


def _scaled(x: NDArray[np.float64], scale: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The map enlarged about its middle, and 1 where it came from inside."""
    middle = (np.array(x.shape) - 1) / 2
    options: dict[str, Any] = {"matrix": np.eye(2) / scale, "offset": middle - middle / scale, "order": 1}
    return (
        np.asarray(affine_transform(x, mode="nearest", **options)),
        np.asarray(affine_transform(np.ones_like(x), mode="constant", **options)) > 0.99,
    )


def _correlations_of_shifts(
    x: NDArray[np.float64], inside: NDArray[np.bool_], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The correlation of `y` with `x` shifted by whole pixels, over the part of `inside` that both show.

    Masked normalised cross-correlation by Fourier transforms (Padfield, CVPR 2010): OpenCV's matchTemplate masks the
    template alone and compares no parts that overlap an edge.

    Returns:
        (2 D + 1, 2 R + 1) for shifts of -D to D rows down and -R to R columns right, D and R the reach; -1 where both
        show too little in common.
    """
    size = tuple(2 * side for side in x.shape)  # so that no shift wraps around
    x, y = x - x.mean(), y - y.mean()  # sums of squares of what is far from 0 would lose digits
    masked = [np.conj(rfft2(array, size)) for array in (inside.astype(np.float64), x * inside, x**2 * inside)]
    whole = [rfft2(array, size) for array in (np.ones_like(y), y, y**2)]
    reach = [np.arange(-int(_REACH * side), int(_REACH * side) + 1) for side in x.shape]

    def over_shifts(one: int, other: int) -> NDArray[np.float64]:
        products: NDArray[np.float64] = irfft2(masked[one] * whole[other], size)
        return products[np.ix_(*reach)]

    count = np.rint(over_shifts(0, 0))
    enough = count >= _SHOWN_BY_BOTH * x.size
    count = np.maximum(count, 1)
    sum_x, sum_y = over_shifts(1, 0), over_shifts(0, 1)
    covariance = over_shifts(1, 1) - sum_x * sum_y / count
    variances = (over_shifts(2, 0) - sum_x**2 / count) * (over_shifts(0, 2) - sum_y**2 / count)
    return np.where(enough, covariance / np.sqrt(np.maximum(variances, 1e-18)), -1.0)


def _correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Of two maps; 0 if one is the same everywhere."""
    a, b = x - x.mean(), y - y.mean()
    size = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / size) if size > 0 else 0.0
