"""Trains R and D: Algorithm 1, its updates, the state that they change, checkpoints and records."""
