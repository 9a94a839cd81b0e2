"""Gives synthetic images statistics of photographs, in seconds. A refiner is worth training only if it does better.

Each file has one method, a function that changes one image; match.py applies the methods to whole sets.
"""

from simgan.matching.colour import transfer_colour
from simgan.matching.distribution import adapt_distribution
from simgan.matching.fourier import swap_low_frequencies
from simgan.matching.framing import FramingMatch, choose_framing, differing_framing, match_framing
from simgan.matching.histogram import match_histogram
from simgan.matching.match import METHODS, match_data_set, match_image, match_images
from simgan.matching.matched_images import in_model_range, matched, photographs_to_match

__all__ = [
    "METHODS",
    "FramingMatch",
    "adapt_distribution",
    "choose_framing",
    "differing_framing",
    "in_model_range",
    "match_data_set",
    "match_framing",
    "match_histogram",
    "match_image",
    "match_images",
    "matched",
    "photographs_to_match",
    "swap_low_frequencies",
    "transfer_colour",
]
