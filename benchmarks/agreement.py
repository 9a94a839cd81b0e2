"""Whether the textbook loop computes what simgan computes: the same weights must give the same losses."""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.process import records
from simgan import discriminator_model, local_adversarial_loss, refiner_model, self_regularisation_loss
from simgan.models.losses import PatchClass, patch_labels

_TOLERANCE = 1e-4
_CHECKS = ("joint_leaves_d_alone", "d_learns")


def largest_difference(textbook: Path, folder: Path, height: int, width: int) -> float:
    """Largest difference of any loss between the textbook and simgan, on noise, with random weights.

    Args:
        textbook: the Python of the textbook's environment.
        folder: where the file of weights and images is written.

    Raises:
        RuntimeError: the difference is above 1e-4, or an update of the textbook moves the wrong network.
    """
    refiner, discriminator = refiner_model(width, height, 1), discriminator_model(width, height, 1)
    random = np.random.default_rng(0)
    synthetic, real = (random.uniform(-1, 1, (8, height, width, 1)).astype(np.float32) for _ in range(2))
    arrays = {"synthetic": synthetic, "real": real}
    for name, model in (("refiner", refiner), ("discriminator", discriminator)):
        arrays |= {f"{name}_{place}": array for place, array in enumerate(model.get_weights())}
    np.savez(folder / "weights.npz", **arrays)
    (theirs,) = records([textbook, "benchmarks/textbook.py", "losses", folder / "weights.npz"])
    ours = _losses(refiner, discriminator, synthetic, real)
    difference = max(abs(theirs[name] - value) for name, value in ours.items())
    if difference > _TOLERANCE or not all(theirs[name] for name in _CHECKS):
        raise RuntimeError(f"the textbook loop computes something else: {theirs}, simgan: {ours}")
    return difference


def _losses(refiner: Any, discriminator: Any, synthetic: np.ndarray, real: np.ndarray) -> dict[str, float]:
    refined = refiner.predict_on_batch(synthetic)
    on_refined, on_real = discriminator.predict_on_batch(refined), discriminator.predict_on_batch(real)

    def patches(logits: np.ndarray, patch_class: PatchClass) -> float:
        return float(np.mean(_numpy(local_adversarial_loss(patch_labels(patch_class, logits), logits))))

    l_reg = float(np.mean(_numpy(self_regularisation_loss(synthetic, refined))))
    l_real = patches(on_refined, PatchClass.REAL)
    return {
        "refiner_pretrain": l_reg,
        "refiner_total": l_real + l_reg,
        "refiner_adversarial": l_real,
        "refiner_self_regularisation": l_reg,
        "discriminator_total": patches(on_refined, PatchClass.REFINED) + patches(on_real, PatchClass.REAL),
    }


def _numpy(tensor: Any) -> np.ndarray:
    from keras import ops

    return ops.convert_to_numpy(tensor)
