"""The strength s of refining an image: x + s (R(x) - x). 1 is R's image, refined whole; 0 is the synthetic image.

R gives all images the same look, and leaves traces in them from which an estimator can read the label. Random
strengths break both: estimators trained on such images erred less on real ones (docs/experiments.md, 15).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from simgan.errors import ConfigError

Limits = float | tuple[float, float]
"""The strength of all images, or the lowest and the highest strength."""
RANDOM = (0.5, 1.0)
"""Limits of the strengths by which a data set is refined, if nothing else is asked for."""


@dataclass(frozen=True)
class Strength:
    """Draws a strength from `low` to `high` for each image. It follows from `seed` and the image's place alone.

    Raises:
        ConfigError: the limits are not in order within 0 to 1, or the seed is negative.
    """

    low: float = RANDOM[0]
    high: float = RANDOM[1]
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= 1:  # NaN is not either
            raise _not_a_strength(f"{self.low:g}..{self.high:g}")
        if self.seed < 0:
            raise ConfigError(f"seed: expected 0 or more, received {self.seed}; leave it out for 0.")

    @classmethod
    def of(cls, limits: Limits, seed: int = 0) -> Self:
        """The strength within `limits`."""
        low, high = limits if isinstance(limits, tuple) else (limits, limits)
        return cls(float(low), float(high), seed)

    def draw(self, places: Sequence[int]) -> NDArray[np.float32]:
        """(N,): the strengths of the images at `places` of the whole data set."""
        drawn = (np.random.default_rng((self.seed, place)).uniform(self.low, self.high) for place in places)
        return np.fromiter(drawn, np.float32, len(places))

    def between(
        self, x: NDArray[np.float32], refined: NDArray[np.float32], places: Sequence[int]
    ) -> NDArray[np.float32]:
        """x + s (R(x) - x), (N, H, W, C), for images at `places`. Strength 1 gives `refined` itself."""
        if self.low == 1:
            return refined
        mixed: NDArray[np.float32] = x + self.draw(places)[:, None, None, None] * (refined - x)
        return mixed

    @property
    def in_words(self) -> str:
        """What is done to each image, in words that follow 'each image is', and what to type for the other way."""
        if self.low == 1:
            return "refined whole (strength 1)"
        if self.low == self.high:
            return f"refined by the strength {self.low:g}; --strength 1 refines all of them whole"
        return (
            f"refined by a random strength from {self.low:g} to {self.high:g}, which trains estimators better than "
            "whole refining; --strength 1 refines all of them whole"
        )


def parse_limits(text: str) -> tuple[float, float]:
    """The limits in a text such as '0.5..1', or '0.5' for one strength of all images.

    Raises:
        ConfigError: the text is neither.
    """
    low, dots, high = text.partition("..")
    try:
        return float(low), float(high if dots else low)
    except ValueError:
        raise _not_a_strength(repr(text)) from None


def _not_a_strength(received: str) -> ConfigError:
    return ConfigError(
        f"strength: expected a number from 0 to 1, or LOW..HIGH with 0 <= LOW <= HIGH <= 1, received {received}; give "
        "--strength 0.5..1 for random strengths, or --strength 1 to refine all images whole."
    )
