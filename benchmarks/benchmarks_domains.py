"""The domains of `make benchmarks`: their data, the settings of their trainings, and how they are scored."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.benchmarks_digits import Digits, blend, first, halves, mnist, packaged_photographs, usps
from benchmarks.lenet import lenet
from benchmarks.proof_data import SIGNS, Arrays, camera, signs, write_domain
from simgan.demo import SHORT
from simgan.tasks.networks import Network, small_network

NEED_USPS = ("mnist-usps", "usps-mnist")
"""Domains that need a file which is not part of this project."""


@dataclass(frozen=True)
class Domain:
    """Synthetic and real images, and how a refiner is trained on them and scored."""

    description: str
    """One sentence, without the full stop."""
    make: Callable[[Path | None, int | None], Arrays]
    """Makes the data, given the path of the USPS file and the largest number of images of a set: `synthetic` with
    its labels, `real` without, and `real_labels` and `test`, which are used for scores alone."""
    label: str
    """Name of the label that estimators learn."""
    estimator_steps: int
    """Training steps of each estimator (ours)."""
    network: Network = small_network
    """Builds the estimator."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Settings of the training that differ from the preset `default`: those that a user would add to the command
    line."""
    points: str | None = None
    """Label of points whose drift is measured."""
    published: dict[str, str] = field(default_factory=dict)
    """Published figures, % right, by the name of the set that they are comparable with."""


def make_data(name: str, folder: Path, usps_file: Path | None, images: int | None) -> None:
    """Writes synthetic.npz, real.npz, real_labels.npz and test.npz of a domain into `folder`, unless they are there.

    `images`: the largest number of images of a set; None: all.
    """
    write_domain(lambda: DOMAINS[name].make(usps_file, images), folder)


def _to_usps(usps_file: Path | None, images: int | None) -> Arrays:
    (synthetic, _), (real, test) = mnist(), usps(usps_file)
    return _digits(*(first(digits, images) for digits in (synthetic, real, test)))


def _to_mnist(usps_file: Path | None, images: int | None) -> Arrays:
    (synthetic, _), (real, test) = usps(usps_file), mnist()
    return _digits(*(first(digits, images) for digits in (synthetic, real, test)))


def _to_mnist_m(_: Path | None, images: int | None) -> Arrays:
    synthetic, test = (first(digits, images) for digits in mnist())
    for_training, for_test = halves(packaged_photographs())
    order = np.random.default_rng(0).permutation(len(synthetic.images))  # equal rows of both sets are unrelated
    real = Digits(blend(synthetic.images[order], for_training, seed=1), synthetic.classes[order])
    return _digits(
        Digits(np.repeat(synthetic.images, 3, axis=-1), synthetic.classes),
        real,
        Digits(blend(test.images, for_test, seed=2), test.classes),
    )


def _camera(_: Path | None, images: int | None) -> Arrays:
    return camera(_at_most(images, (SHORT.synthetic, SHORT.real, SHORT.test)))


def _signs(_: Path | None, images: int | None) -> Arrays:
    return signs(_at_most(images, SIGNS))


def _at_most(images: int | None, counts: tuple[int, int, int]) -> tuple[int, int, int]:
    synthetic, real, test = (count if images is None else min(count, images) for count in counts)
    return synthetic, real, test


def _digits(synthetic: Digits, real: Digits, test: Digits) -> Arrays:
    return {
        "synthetic": {"image": synthetic.images, "digit": synthetic.classes},
        "real": {"image": real.images},
        "real_labels": {"digit": real.classes},
        "test": {"image": test.images, "digit": test.classes},
    }


_WRITING: dict[str, Any] = {"flip": False}  # a mirrored digit is no digit
_handwritten = partial(Domain, label="digit", estimator_steps=2000, network=lenet, settings=_WRITING)
DOMAINS = {
    "mnist-usps": _handwritten(
        "MNIST's 60,000 training images towards USPS's 7,291, bilinearly enlarged from 16x16 to 28x28; tested on "
        "USPS's 2,007 test images",
        _to_usps,
        published={
            "synthetic": "82.2 (source only, CyCADA)",
            "refined whole": "95.6 (pixel level only, CyCADA)",
            "real labels": "96.3 (target only, CyCADA)",
        },
    ),
    "usps-mnist": _handwritten(
        "USPS's 7,291 training images, bilinearly enlarged from 16x16 to 28x28, towards MNIST's 60,000; tested on "
        "MNIST's 10,000 test images",
        _to_mnist,
        published={
            "synthetic": "69.6 (source only, CyCADA)",
            "refined whole": "96.4 (pixel level only, CyCADA)",
            "real labels": "99.2 (target only, CyCADA)",
        },
    ),
    "mnist-mnistm": _handwritten(
        "MNIST's 60,000 training images as RGB towards the same digits, in another order, blended with the left "
        "halves of seven colour photographs by |digit - crop| (MNIST-M); tested on MNIST's 10,000 test images, "
        "blended with the right halves. The photographs are those in the wheels of scikit-image and scikit-learn, "
        "not those of BSDS500, with which the published figures were measured",
        _to_mnist_m,
        published={"synthetic": "52 to 57 (source only)", "refined whole": "98.2 (PixelDA)"},
    ),
    "camera": Domain(
        f"{SHORT.synthetic:,} rendered eyes towards {SHORT.real:,} eyes seen by the simulated camera, as in the demo; "
        f"tested on the gaze of {SHORT.test} other camera images",
        _camera,
        label="gaze",
        estimator_steps=1000,
        points="iris_centre",
    ),
    "signs": Domain(
        "{:,} digits on coloured signs towards {:,} such signs seen by a simulated camera; tested on {:,} "
        "other camera images".format(*SIGNS),
        _signs,
        label="digit",
        estimator_steps=1000,
        settings=_WRITING,
    ),
}
