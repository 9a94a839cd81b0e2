"""Refines images with a trained R: arrays in memory, and whole data sets with their labels."""
