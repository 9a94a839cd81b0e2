"""The textbook SimGAN loop in plain Keras on TensorFlow: what simgan is measured against.

It stands alone, knows nothing of simgan and runs in an environment of its own (textbook-requirements.txt). It computes
what the preset `reference` computes, as a Keras book writes it: `compile`, `train_on_batch` and `predict_on_batch` on
whole batches, in float32, all images in memory. Nothing in it is slow on purpose.

    python benchmarks/textbook.py time --synthetic synthetic.npy --real real.npy
    python benchmarks/textbook.py cost 35x55:16 64x64:16
    python benchmarks/textbook.py losses weights.npz

Each prints one JSON object a line.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers, ops
from keras.optimizers import SGD

LEARNING_RATE = 0.001
HISTORY_SIZE = 51_200  # images
REFINER_UPDATES, DISCRIMINATOR_UPDATES = 2, 1  # k_g, k_d
REAL, REFINED = 0, 1  # columns of the patch logits
# Keras would compile with XLA, which takes nearly twice as long for these convolutions on a CPU.
XLA = False

Images = np.ndarray  # (B, H, W, 1), float32 in [-1, 1]


def build_refiner(height: int, width: int) -> keras.Model:
    """R of the paper (3.1): (B, H, W, 1) -> (B, H, W, 1)."""
    images = keras.Input((height, width, 1))
    features = layers.Conv2D(64, 3, padding="same", activation="relu")(images)  # (B, H, W, 64)
    for _ in range(4):
        residual = layers.Conv2D(64, 3, padding="same", activation="relu")(features)
        residual = layers.Conv2D(64, 3, padding="same")(residual)
        features = layers.ReLU()(layers.Add()([features, residual]))
    return keras.Model(images, layers.Conv2D(1, 1, activation="tanh")(features))  # (B, H, W, 1)


def build_discriminator(height: int, width: int) -> keras.Model:
    """D of the paper (3.1): (B, H, W, 1) -> (B, patches, 2) logits of real and refined."""
    images = keras.Input((height, width, 1))
    features = layers.Conv2D(96, 3, strides=2, padding="same", activation="relu")(images)  # (B, H / 2, W / 2, 96)
    features = layers.Conv2D(64, 3, strides=2, padding="same", activation="relu")(features)  # (B, H / 4, W / 4, 64)
    features = layers.MaxPooling2D(3, strides=1, padding="same")(features)
    features = layers.Conv2D(32, 3, padding="same", activation="relu")(features)  # (B, H / 4, W / 4, 32)
    features = layers.Conv2D(32, 1, activation="relu")(features)
    logits = layers.Conv2D(2, 1)(features)  # (B, H / 4, W / 4, 2)
    return keras.Model(images, layers.Reshape((-1, 2))(logits))  # (B, patches, 2)


def self_regularisation(synthetic: Any, refined: Any) -> Any:
    """|x~ - x| of each pixel; Keras takes the mean."""
    return ops.abs(refined - synthetic)


def adversarial(labels: Any, logits: Any) -> Any:
    """Softmax cross-entropy of each patch; Keras takes the mean."""
    return ops.categorical_crossentropy(labels, logits, from_logits=True)


class Networks:
    """R and D, compiled, and R followed by a frozen D once both are pre-trained."""

    def __init__(self, height: int, width: int) -> None:
        keras.utils.set_random_seed(0)
        self.refiner = build_refiner(height, width)
        self.refiner.compile(SGD(LEARNING_RATE), self_regularisation, jit_compile=XLA)
        self.discriminator = build_discriminator(height, width)
        self.discriminator.compile(SGD(LEARNING_RATE), adversarial, jit_compile=XLA)

    def labels(self, batch_size: int, column: int) -> np.ndarray:
        """One-hot labels of one class for every patch: (B, patches, 2)."""
        labels = np.zeros((batch_size, *self.discriminator.output_shape[1:]), np.float32)
        labels[..., column] = 1.0
        return labels

    def joined(self) -> keras.Model:
        """synthetic -> [refined, patch logits], which trains R alone.

        D's own `train_on_batch` must have run before: Keras fixes what a model trains at its first step.
        """
        self.discriminator.trainable = False
        refined = self.refiner.output
        joint = keras.Model(self.refiner.input, [refined, self.discriminator(refined)])
        joint.compile(SGD(LEARNING_RATE), [self_regularisation, adversarial], jit_compile=XLA)
        return joint


class History:
    """Buffer of refined images (paper, 2.3)."""

    def __init__(self, height: int, width: int) -> None:
        self.images = np.zeros((HISTORY_SIZE, height, width, 1), np.float32)
        self.count = 0
        self.random = np.random.default_rng(0)

    def sample(self, count: int) -> Images:
        """Up to `count` images."""
        return self.images[self.random.choice(self.count, min(count, self.count), replace=False)]

    def add(self, refined: Images) -> None:
        """Appends while there is room, then overwrites at random places."""
        free = min(len(refined), HISTORY_SIZE - self.count)
        places = self.random.choice(self.count, len(refined) - free, replace=False)
        self.images[np.concatenate([np.arange(self.count, self.count + free), places])] = refined
        self.count += free


def batches(images: Images, batch_size: int, seed: int) -> Iterator[Images]:
    """Endless shuffled batches."""
    random = np.random.default_rng(seed)
    while True:
        order = random.permutation(len(images))
        for start in range(0, len(images) - batch_size + 1, batch_size):
            yield images[order[start : start + batch_size]]


class Loop:
    """The three phases; each method is one step."""

    def __init__(self, synthetic: Images, real: Images, batch_size: int) -> None:
        height, width = synthetic.shape[1:3]
        self.networks = Networks(height, width)
        self.history = History(height, width)
        self.synthetic, self.real = batches(synthetic, batch_size, 0), batches(real, batch_size, 1)
        self.is_real = self.networks.labels(batch_size, REAL)
        self.is_refined = self.networks.labels(batch_size, REFINED)
        self.joint: keras.Model | None = None

    def pretrain_refiner(self) -> None:
        x = next(self.synthetic)
        self.networks.refiner.train_on_batch(x, x)

    def train_discriminator(self) -> None:
        x, y = next(self.synthetic), next(self.real)
        refined = self.networks.refiner.predict_on_batch(x)
        half = len(refined) // 2
        old = self.history.sample(half)
        self.history.add(refined[:half])
        mixed = np.concatenate([refined[: len(refined) - len(old)], old])
        self.networks.discriminator.train_on_batch(mixed, self.is_refined)
        self.networks.discriminator.train_on_batch(y, self.is_real)

    def train_adversarially(self) -> None:
        if self.joint is None:
            self.joint = self.networks.joined()
        for _ in range(REFINER_UPDATES):
            x = next(self.synthetic)
            self.joint.train_on_batch(x, [x, self.is_real])
        for _ in range(DISCRIMINATOR_UPDATES):
            self.train_discriminator()


def time_phases(synthetic: Images, real: Images, batch_size: int, steps: list[int]) -> None:
    """Prints the seconds of every step of each phase; the first, which builds the graphs, is not timed."""
    loop = Loop(synthetic, real, batch_size)
    phases = {
        "refiner_pretrain": loop.pretrain_refiner,
        "discriminator_pretrain": loop.train_discriminator,
        "adversarial": loop.train_adversarially,
    }
    for (phase, step), count in zip(phases.items(), steps, strict=True):
        for seconds in timed(step, count):
            show(phase=phase, seconds=seconds)


def time_refiner(points: list[str], steps: int) -> None:
    """Prints the seconds of an update of R at each HxW:batch."""
    for point in points:
        size, batch_size = point.split(":")
        height, width = map(int, size.split("x"))
        images = np.random.default_rng(0).uniform(-1, 1, (int(batch_size), height, width, 1)).astype(np.float32)
        refiner = Networks(height, width).refiner
        for seconds in timed(lambda refiner=refiner, x=images: refiner.train_on_batch(x, x), steps):
            show(point=point, seconds=seconds)


def timed(step: Callable[[], object], count: int) -> Iterator[float]:
    """Seconds of `count` steps, after one that is not timed."""
    if count:
        step()
    for _ in range(count):
        start = time.perf_counter()
        step()
        yield time.perf_counter() - start


def show_losses(path: str) -> None:
    """Prints every loss for the weights and images in a file, and whether an update changes the right network."""
    given = np.load(path)
    x, y = given["synthetic"], given["real"]
    networks = Networks(*x.shape[1:3])
    refiner, discriminator = networks.refiner, networks.discriminator
    weights_of_d = [given[f"discriminator_{place}"] for place in range(len(discriminator.weights))]
    is_real, is_refined = networks.labels(len(x), REAL), networks.labels(len(x), REFINED)

    def moves_d(update: Callable[[], object]) -> bool:
        discriminator.set_weights(weights_of_d)
        update()
        pairs = zip(discriminator.get_weights(), weights_of_d, strict=True)
        return any(not np.array_equal(now, then) for now, then in pairs)

    refiner.set_weights([given[f"refiner_{place}"] for place in range(len(refiner.weights))])
    d_learns = moves_d(lambda: discriminator.train_on_batch(y, is_real))
    joint = networks.joined()
    discriminator.set_weights(weights_of_d)
    refined = refiner.predict_on_batch(x)
    total, l_reg, l_real = losses(joint, x, [x, is_real])
    show(
        refiner_pretrain=losses(refiner, x, x)[0],
        refiner_total=total,
        refiner_adversarial=l_real,
        refiner_self_regularisation=l_reg,
        discriminator_total=losses(discriminator, refined, is_refined)[0] + losses(discriminator, y, is_real)[0],
        joint_leaves_d_alone=not moves_d(lambda: joint.train_on_batch(x, [x, is_real])),
        d_learns=d_learns and moves_d(lambda: discriminator.train_on_batch(y, is_real)),
    )


def losses(model: keras.Model, images: Images, targets: Any) -> list[float]:
    """The total, and the loss of each output where there are several."""
    model.reset_metrics()  # else Keras averages over all batches so far
    return [float(loss) for loss in np.atleast_1d(model.test_on_batch(images, targets))]


def load(path: str) -> Images:
    """(N, H, W) uint8 in a .npy file -> (N, H, W, 1) in [-1, 1]."""
    return np.load(path)[..., np.newaxis].astype(np.float32) / 127.5 - 1.0


def show(**values: Any) -> None:
    """One JSON object on one line."""
    print(json.dumps(values), flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Times the textbook SimGAN loop.")
    commands = parser.add_subparsers(dest="command", required=True)
    timing = commands.add_parser("time", help="seconds of each step of the three phases")
    timing.add_argument("--synthetic", required=True, help=".npy, (N, H, W) uint8")
    timing.add_argument("--real", required=True, help="the same")
    timing.add_argument("--batch", type=int, default=512)
    timing.add_argument("--steps", type=int, nargs=3, default=[1, 1, 1], help="timed steps of each phase")
    cost = commands.add_parser("cost", help="seconds of an update of R at each size and batch")
    cost.add_argument("points", nargs="+", metavar="HxW:BATCH")
    cost.add_argument("--steps", type=int, default=1)
    commands.add_parser("losses", help="losses for given weights").add_argument("weights", help=".npz")
    given = parser.parse_args()
    if given.command == "time":
        time_phases(load(given.synthetic), load(given.real), given.batch, given.steps)
    elif given.command == "cost":
        time_refiner(given.points, given.steps)
    else:
        show_losses(given.weights)


if __name__ == "__main__":
    main()
