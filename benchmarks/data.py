"""The data of all measurements: rendered eyes, and noise where only the size matters."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from simgan import open_images
from simgan.eyes import write_eyes

HEIGHT, WIDTH = 35, 55


@dataclass(frozen=True)
class Data:
    """The same synthetic images as HDF5, .npy and a folder of PNG; real ones as HDF5 and .npy."""

    synthetic: Path
    synthetic_npy: Path
    png: Path
    real: Path
    real_npy: Path
    count: int


def make_data(folder: Path, count: int) -> Data:
    """Renders `count` grey eyes of each domain into an existing folder."""
    data = Data(
        *(folder / name for name in ("synthetic.h5", "synthetic.npy", "png", "real.h5", "real.npy")), count=count
    )
    write_eyes(data.synthetic, count, height=HEIGHT, width=WIDTH)
    write_eyes(data.real, count, height=HEIGHT, width=WIDTH, domain="camera")
    data.png.mkdir()
    for source, copy in ((data.synthetic, data.synthetic_npy), (data.real, data.real_npy)):
        with open_images(source) as images:
            pixels = np.stack([images[index][..., 0] for index in range(count)])
        np.save(copy, pixels)
        if source is data.synthetic:
            for index, image in enumerate(pixels):
                Image.fromarray(image).save(data.png / f"{index:06d}.png")
    return data


def make_noise(path: Path, count: int, height: int, width: int) -> Path:
    """`count` grey images of noise in a new .npy file."""
    np.save(path, np.random.default_rng(0).integers(0, 256, (count, height, width), np.uint8))
    return path
