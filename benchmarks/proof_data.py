"""The data sets of `make proof`, made once: synthetic, real and labelled real test images for each domain."""

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


def make_domain(domain: str, folder: Path) -> None:
    """Writes synthetic.npz, real.npz and test.npz of a domain, unless they are there."""
    if not (folder / "test.npz").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name, arrays in _MAKERS[domain]().items():
            np.savez(folder / f"{name}.npz", **arrays)


def _camera(change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] = lambda images: images) -> dict[str, Any]:
    synthetic = render_eyes(8000, seed=0)
    real = render_eyes(4000, seed=0, domain="camera")
    test = render_eyes(2000, seed=_TEST_SERIES, domain="camera")

    def labels(eyes: Eyes) -> dict[str, Any]:
        return {"gaze": eyes.gaze, "iris_centre": eyes.iris_centre}

    return {
        "synthetic": {"image": synthetic.images} | labels(synthetic),
        "real": {"image": change(real.images)},
        "test": {"image": change(test.images)} | labels(test),
    }


def _nearer() -> dict[str, Any]:
    return _camera(lambda images: np.stack([_enlarged(image[..., 0], 1.2) for image in images])[..., None])


def _enlarged(image: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    height, width = image.shape
    left, top = (width - width / factor) / 2, (height - height / factor) / 2
    box = (left, top, width - left, height - top)
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC, box=box))


def _digits() -> dict[str, Any]:
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
        sheet = Image.new("L", (96, 96))
        ImageDraw.Draw(sheet).text((30, 20), str(digit), fill=255, font=ImageFont.truetype(str(font), 40))
        sheet = sheet.rotate(float(random.uniform(-12, 12)), Image.Resampling.BICUBIC)
        sheet = sheet.crop(sheet.getbbox())
        high = min(_SIDE, int(31 * random.uniform(0.92, 1.05)))
        wide = int(np.clip(sheet.width * high / sheet.height, 3, 30))
        image = Image.new("L", (_SIDE, _SIDE))
        image.paste(sheet.resize((wide, high), Image.Resampling.BICUBIC), ((_SIDE - wide) // 2, (_SIDE - high) // 2))
        images.append(np.asarray(image)[..., None])
        labels.append(digit)
    return np.stack(images), np.array(labels)


def _signs() -> dict[str, Any]:
    (synthetic, classes), (real, _), (test, wanted) = (
        draw_signs(count, seed, photographed=photographed)
        for count, seed, photographed in ((6000, 0, False), (4000, 1, True), (2000, _TEST_SERIES, True))
    )
    return {
        "synthetic": {"image": synthetic, "digit": classes},
        "real": {"image": real},
        "test": {"image": test, "digit": wanted},
    }


_MAKERS: dict[str, Callable[[], dict[str, Any]]] = {
    "camera": _camera,
    "nearer": _nearer,
    "digits": _digits,
    "signs": _signs,
}
