"""Types of options that the command line, settings and images share. No import here is slow, so --help is fast."""

from typing import Literal

Layout = Literal["nhwc", "nchw"]
"""Position of the channels in an array of 4 axes: nhwc (channels last) or nchw (channels first)."""
OnBadImage = Literal["stop", "skip"]
"""Whether an image that cannot be used stops the command or is skipped."""
Channels = Literal[1, 3] | None
"""Channels to convert pictures to: 1 (grey), 3 (RGB) or None (no conversion)."""
