"""Types of options that the command line, settings and images share. No import here is slow, so --help is fast."""

from typing import Literal

Layout = Literal["nhwc", "nchw"]
"""Position of the channels in an array of 4 axes: nhwc (channels last) or nchw (channels first)."""
OnBadImage = Literal["stop", "skip"]
"""Whether an image that cannot be used stops the command or is skipped."""
MatchMethod = Literal["histogram", "colour", "fda-0.01", "fda-0.05", "fda-0.09", "pca", "mixed"]
"""How images are matched to photographs; the number of fda is the share of the frequencies that are swapped."""
Channels = Literal[1, 3] | None
"""Channels to convert pictures to: 1 (grey), 3 (RGB) or None (no conversion)."""
