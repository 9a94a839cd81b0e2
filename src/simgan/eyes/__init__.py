"""Labelled eye images drawn by geometry: a small stand-in for UnityEyes that needs NumPy alone."""

from simgan.eyes.labels import Domain, Eyes
from simgan.eyes.render import render_eyes
from simgan.eyes.write import write_eyes

__all__ = ["Domain", "Eyes", "render_eyes", "write_eyes"]
