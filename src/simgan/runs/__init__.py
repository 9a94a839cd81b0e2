"""Opening a run folder: its settings, networks and checkpoints. `simgan.training` writes it."""
