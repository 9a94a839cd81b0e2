"""The visual Turing test: can people tell refined images from real ones (Shrivastava et al. 2017, section 3.1)?"""

from simgan.turing.answers import read_turing
from simgan.turing.result import TuringResult

__all__ = ["TuringResult", "read_turing"]
