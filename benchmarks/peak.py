"""The fastest convolution of PyTorch on this machine: 3x3, 64 to 64 channels, the main layer of R.

    python -m benchmarks.peak

prints one JSON object for each precision, batch and direction.
"""

import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

_CHANNELS, _HEIGHT, _WIDTH = 64, 35, 55
_SECONDS = 0.3  # of each measurement
BATCHES = (8, 16, 32, 64, 256)
DIRECTIONS = ("forward", "data gradient", "weight gradient")
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Peak:
    """Rates in TFLOP/s."""

    precision: str
    batch: int
    direction: str
    best: float
    median: float


def training_peak(peaks: list[Peak], precision: str) -> float:
    """TFLOP/s of a training in which each of the three directions runs at the rate of its best batch."""
    best = [max(p.best for p in peaks if (p.precision, p.direction) == (precision, way)) for way in DIRECTIONS]
    return len(best) / sum(1 / rate for rate in best)


def measure_peaks() -> Iterator[Peak]:
    """Measures every precision, batch and direction on the CPU."""
    for precision in PRECISIONS:
        for batch in BATCHES:
            flops = 2 * 9 * _CHANNELS**2 * _HEIGHT * _WIDTH * batch
            for direction, convolve in zip(DIRECTIONS, _convolutions(precision, batch), strict=True):
                seconds = _times(convolve)
                rates = [flops / second / 1e12 for second in seconds]
                yield Peak(precision, batch, direction, round(max(rates), 4), round(statistics.median(rates), 4))


def _convolutions(precision: str, batch: int) -> list[Callable[[], object]]:
    """The three directions, in the order of `DIRECTIONS`."""
    import torch

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(shape).to(getattr(torch, precision)).contiguous(memory_format=torch.channels_last)

    image_shape = (batch, _CHANNELS, _HEIGHT, _WIDTH)
    x, gradient, kernel = random(*image_shape), random(*image_shape), random(_CHANNELS, _CHANNELS, 3, 3)

    def backward(*wanted: bool) -> object:
        stride = padding = dilation = [1, 1]
        return torch.ops.aten.convolution_backward(
            gradient, x, kernel, None, stride, padding, dilation, False, [0, 0], 1, [*wanted, False]
        )

    return [
        lambda: torch.nn.functional.conv2d(x, kernel, padding=1),
        lambda: backward(True, False),
        lambda: backward(False, True),
    ]


def _times(convolve: Callable[[], object]) -> list[float]:
    """Seconds of each call, at least three, after one that is not timed."""
    convolve()
    seconds: list[float] = []
    while len(seconds) < 3 or sum(seconds) < _SECONDS:
        start = time.perf_counter()
        convolve()
        seconds.append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    for peak in measure_peaks():
        print(json.dumps(asdict(peak)), flush=True)
