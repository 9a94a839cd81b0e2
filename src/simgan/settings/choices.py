"""Choices that the command line, settings and images share. Imports nothing, so that --help answers at once."""

from typing import Literal

Layout = Literal["nhwc", "nchw"]
"""Where an array of four axes has its channels: last or first."""
OnBadImage = Literal["stop", "skip"]
"""What becomes of images that cannot be used."""
Channels = Literal[1, 3] | None
"""What pictures are converted to: grey, RGB, or nothing."""
