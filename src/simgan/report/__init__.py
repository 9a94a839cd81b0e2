"""report.html of a run: one self-contained page."""

from simgan.report.page import write_report
from simgan.report.verdict import in_words

__all__ = ["in_words", "write_report"]
