"""The drift that is measured where nothing moved, and where images were moved by a known distance.

    python -m benchmarks.drift_floor [--steps 800] [--seeds 3]

The same eyes are rendered clean and as the camera shows them. The iris is at the same place in both, so any drift that
is measured is an error of the measurement, and a perfect refiner would show the same drift. Then the camera's pictures
are shifted, to check that movement is measured too.
"""

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import shift

from simgan.evaluation import drift_of_points
from simgan.eyes import render_eyes
from simgan.framing.displacement import displacement
from simgan.images import PixelRange

_COUNT = 4096
_MOVES = (0.0, 0.5, 1.0, 2.0)  # px to the right


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="The drift that is measured where nothing moved.")
    parser.add_argument("--steps", type=int, default=800, help="training steps of the localiser; 800 as in make proof")
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    clean, camera = (render_eyes(_COUNT, domain=domain, series="synthetic") for domain in ("synthetic", "camera"))
    points = clean.iris_centre[:, None].astype(np.float64)
    x, shown = (PixelRange.of(np.dtype("uint8")).to_model(eyes.images) for eyes in (clean, camera))
    for move in _MOVES:
        moved = _moved(shown, move)
        flow = displacement(x[::8], moved[::8])
        print(f"moved by {move} px: optical flow reads {flow.mean():.2f} px", flush=True)
        for seed in range(given.seeds):
            read = drift_of_points(x, moved, points, steps=given.steps, seed=seed)
            print(f"  localiser, seed {seed}: {read.drift}; its own error {read.own_error:.2f} px", flush=True)


def _moved(images: NDArray[np.float32], distance: float) -> NDArray[np.float32]:
    return shift(images, (0, 0, distance, 0), order=3, mode="nearest") if distance else images


if __name__ == "__main__":
    main()
