"""Random numbers for images. The numbers of image i depend on (seed, domain, i) only."""

import numpy as np

from simgan.eyes.labels import DOMAINS, Domain, Floats

GEOMETRY_DRAWS = 80
APPEARANCE_DRAWS = 64


class Draws:
    """Returns random numbers for N images from a table: each call uses the next column, or columns, of the table.

    Args:
        uniforms: float32 (N, K) in [0, 1).
    """

    def __init__(self, uniforms: Floats) -> None:
        self._columns = np.ascontiguousarray(uniforms.T)
        self._next = 0

    def uniform(self, low: float, high: float) -> Floats:
        """Numbers of shape (N,), uniform over [low, high)."""
        column: Floats = self._columns[self._next]
        self._next += 1
        return low + (high - low) * column

    def bell(self, mean: float, deviation: float) -> Floats:
        """Numbers of shape (N,) of about normal distribution, within 3 standard deviations of the mean.

        They are sums of three uniform numbers (Irwin-Hall), since anatomy has no outliers.
        """
        three = self.uniform(0.0, 1.0) + self.uniform(0.0, 1.0) + self.uniform(0.0, 1.0)
        return mean + 2.0 * deviation * (three - 1.5)

    def index(self, count: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Whole numbers of shape (N,) in 0 .. count - 1."""
        return np.minimum(self.uniform(0.0, count), count - 1).astype(np.intp)


class Streams:
    """The random generators of images start .. start + count - 1, one for each image.

    Numbers are drawn in a fixed order: geometry, appearance, then sensor noise. So a change in how appearance is drawn
    never changes the geometry of a seed.
    """

    def __init__(self, seed: int, domain: Domain, start: int, count: int) -> None:
        key = DOMAINS.index(domain)
        self._generators = [np.random.default_rng((seed, key, start + row)) for row in range(count)]
        total = GEOMETRY_DRAWS + APPEARANCE_DRAWS
        uniforms = np.stack([generator.random(total, dtype=np.float32) for generator in self._generators])
        self.geometry = Draws(uniforms[:, :GEOMETRY_DRAWS])
        self.appearance = Draws(uniforms[:, GEOMETRY_DRAWS:])

    def normal(self, height: int, width: int) -> Floats:
        """Standard normal noise, float32 (N, H, W)."""
        noise = np.empty((len(self._generators), height, width), np.float32)
        for row, generator in zip(noise, self._generators, strict=True):
            generator.standard_normal(out=row, dtype=np.float32)
        return noise


def per_image(values: Floats) -> Floats:
    """(N,) -> (N, 1, 1), which broadcasts with fields of shape (N, H, W)."""
    return values[:, None, None]
