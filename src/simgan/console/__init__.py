"""What is said and shown on a terminal: lines, progress bars."""
