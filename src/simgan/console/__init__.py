"""Output on a terminal: lines of text and progress bars."""
