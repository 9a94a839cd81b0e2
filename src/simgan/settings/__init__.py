"""Every setting of a training, and ready-made ones."""
