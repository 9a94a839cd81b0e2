"""report.html of a run: one self-contained page."""

from simgan.report.page import write_report
from simgan.report.verdict import MEASURED_WHOLE, REFINED_IN_WORDS, downstream_in_words

__all__ = ["MEASURED_WHOLE", "REFINED_IN_WORDS", "downstream_in_words", "write_report"]
