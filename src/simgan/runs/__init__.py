"""A run folder as it is opened again: its settings, networks, checkpoints."""
