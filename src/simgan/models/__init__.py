"""The three networks of SimGAN: refiner R, discriminator D, and the joint model, R followed by D."""

from simgan.models.combined import simgan_model
from simgan.models.discriminator import discriminator_model
from simgan.models.refiner import any_size, refiner_model

__all__ = ["any_size", "discriminator_model", "refiner_model", "simgan_model"]
