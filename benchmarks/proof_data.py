"""The data sets of `make proof`, made once: synthetic, real and labelled real test images for each domain."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmarks.proof_signs import draw_signs
from simgan.eyes import Eyes, render_eyes

_TEST_SERIES = 1_000_003  # test eyes are rendered from another seed
_FONTS, _SIDE = 24, 32
SIGNS = (6000, 4000, 2000)
"""Synthetic, real and test images of the domain signs."""

Arrays = dict[str, dict[str, NDArray[Any]]]
"""Files of a domain by name (synthetic, real, test and others), and the arrays in each."""


def make_domain(domain: str, folder: Path) -> None:
    """Writes synthetic.npz, real.npz and test.npz of a domain, unless they are there."""
    write_domain(_MAKERS[domain], folder)


def write_domain(make: Callable[[], Arrays], folder: Path) -> None:
    """Writes an .npz file for each entry of what `make` returns, unless they are there. All of them or none."""
    if not (folder / "test.npz").exists():
        partial = folder.with_name(f".{folder.name}.partial")
        for old in (partial, folder):
            shutil.rmtree(old, ignore_errors=True)
        partial.mkdir(parents=True)
        for name, arrays in make().items():
            np.savez(partial / f"{name}.npz", **arrays)
        partial.replace(folder)


def camera(
    counts: tuple[int, int, int] = (8000, 4000, 2000),
    change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] = lambda images: images,
) -> Arrays:
    """Renders `counts` synthetic, real and test eyes; `change` is applied to the camera's images.

    `real_labels` are the labels of the real images, with which no refiner is trained.
    """
    synthetic = render_eyes(counts[0], seed=0)
    real = render_eyes(counts[1], seed=0, domain="camera")
    test = render_eyes(counts[2], seed=_TEST_SERIES, domain="camera")

    def labels(eyes: Eyes) -> dict[str, Any]:
        return {"gaze": eyes.gaze, "iris_centre": eyes.iris_centre}

    return {
        "synthetic": {"image": synthetic.images} | labels(synthetic),
        "real": {"image": change(real.images)},
        "real_labels": labels(real),
        "test": {"image": change(test.images)} | labels(test),
    }


def _nearer() -> Arrays:
    return camera(change=lambda images: np.stack([_enlarged(image[..., 0], 1.2) for image in images])[..., None])


def _enlarged(image: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    height, width = image.shape
    left, top = (width - width / factor) / 2, (height - height / factor) / 2
    box = (left, top, width - left, height - top)
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC, box=box))


def _digits() -> Arrays:
    from sklearn.datasets import load_digits

    written = load_digits()
    images = np.stack(
        [
            np.asarray(Image.fromarray(digit).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC))
            for digit in (written.images / 16 * 255).astype(np.uint8)
        ]
    )[..., None]
    order = np.random.default_rng(0).permutation(len(images))
    images, classes = images[order], written.target[order]
    printed, labels = _printed(3000)
    return {
        "synthetic": {"image": printed, "digit": labels},
        "real": {"image": images[:900]},
        "test": {"image": images[900:], "digit": classes[900:]},
    }


def _printed(count: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Digits in the fonts that Matplotlib ships, rotated by up to 12 degrees, as tall as the handwritten ones."""
    import matplotlib

    random = np.random.default_rng(1)
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    fonts = [font for font in sorted(folder.glob("*.ttf")) if font.name.startswith(("DejaVu", "STIXGeneral"))]
    fonts = [font for font in fonts if "Display" not in font.name][:_FONTS]
    images, labels = [], []
    while len(images) < count:
        digit, font = int(random.integers(10)), fonts[int(random.integers(len(fonts)))]
        canvas = Image.new("L", (96, 96))
        ImageDraw.Draw(canvas).text((30, 20), str(digit), fill=255, font=ImageFont.truetype(str(font), 40))
        canvas = canvas.rotate(float(random.uniform(-12, 12)), Image.Resampling.BICUBIC)
        canvas = canvas.crop(canvas.getbbox())
        high = min(_SIDE, int(31 * random.uniform(0.92, 1.05)))
        wide = int(np.clip(canvas.width * high / canvas.height, 3, 30))
        image = Image.new("L", (_SIDE, _SIDE))
        image.paste(canvas.resize((wide, high), Image.Resampling.BICUBIC), ((_SIDE - wide) // 2, (_SIDE - high) // 2))
        images.append(np.asarray(image)[..., None])
        labels.append(digit)
    return np.stack(images), np.array(labels)


def signs(counts: tuple[int, int, int] = SIGNS) -> Arrays:
    """Clean signs, photographed signs, and photographed signs for tests; `real_labels` as in `camera`."""
    (synthetic, classes), (real, of_real), (test, wanted) = (
        draw_signs(count, seed, photographed=photographed)
        for count, seed, photographed in zip(counts, (0, 1, _TEST_SERIES), (False, True, True), strict=True)
    )
    return {
        "synthetic": {"image": synthetic, "digit": classes},
        "real": {"image": real},
        "real_labels": {"digit": of_real},
        "test": {"image": test, "digit": wanted},
    }


_MAKERS: dict[str, Callable[[], Arrays]] = {
    "camera": camera,
    "nearer": _nearer,
    "digits": _digits,
    "signs": signs,
}
