"""R followed by D, as one model with both outputs."""

import keras


def simgan_model(refiner: keras.Model, discriminator: keras.Model) -> keras.Model:
    """Joins R and D; the joint model shares their weights.

    Args:
        refiner: (B, H, W, C) -> (B, H, W, C).
        discriminator: (B, H, W, C) -> (B, patches, 2), for the same H, W and C.

    Returns:
        A model synthetic (B, H, W, C) -> [refined (B, H, W, C), patch logits (B, patches, 2)].
    """
    synthetic = keras.Input(discriminator.input_shape[1:], name="synthetic")
    refined = refiner(synthetic)
    return keras.Model(synthetic, [refined, discriminator(refined)], name="simgan")
