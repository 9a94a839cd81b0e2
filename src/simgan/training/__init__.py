"""Trains R and D: Algorithm 1, the updates of R and D, the state that they change, checkpoints and records."""
