"""The three models together: R then D, and what becomes of all three in files."""

from __future__ import annotations

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import simgan
from simgan.models.losses import local_adversarial_loss, self_regularisation_loss

RANDOM = np.random.default_rng(0)
# Only Keras: whoever gets the files needs no simgan.
READ = """
import os
os.environ["KERAS_BACKEND"] = "torch"
import keras, numpy, sys
for number, folder in enumerate(sys.argv[1:]):
    images, outputs = numpy.load(f"images{number}.npy"), {}
    for name in ("refiner_model", "disc_model", "simgan_model"):
        for suffix in ("h5", "keras"):
            model = keras.models.load_model(f"{folder}/{name}.{suffix}")
            given = model.predict_on_batch(images)
            for place, array in enumerate(given if isinstance(given, list) else [given]):
                outputs[f"{name}.{suffix}.{place}"] = array
    numpy.savez(f"outputs{number}.npz", **outputs)
assert "simgan" not in sys.modules
"""


def images(count: int, height: int, width: int, channels: int = 1) -> np.ndarray:
    return RANDOM.uniform(-1, 1, (count, height, width, channels)).astype(np.float32)


@pytest.fixture
def tiny():
    refiner = simgan.refiner_model(9, 8, filters=4, blocks=1)
    return refiner, simgan.discriminator_model(9, 8)


def test_joint_model_gives_the_refined_images_and_their_logits(tiny):
    refiner, discriminator = tiny
    joint = simgan.simgan_model(refiner, discriminator)
    x = images(3, 8, 9)
    refined, logits = joint.predict_on_batch(x)
    np.testing.assert_allclose(refined, refiner.predict_on_batch(x), atol=1e-6)
    np.testing.assert_allclose(logits, discriminator.predict_on_batch(refined), atol=1e-6)
    assert joint.input_shape == (None, 8, 9, 1)


def test_joint_model_shares_the_weights(tiny):
    refiner, discriminator = tiny
    joint = simgan.simgan_model(refiner, discriminator)
    assert joint.count_params() == refiner.count_params() + discriminator.count_params()
    x = images(1, 8, 9)
    refiner.set_weights([np.zeros_like(array) for array in refiner.get_weights()])
    np.testing.assert_array_equal(joint.predict_on_batch(x)[0], np.zeros_like(x))


def test_joint_model_of_a_refiner_of_any_size_has_the_size_of_the_discriminator(tiny):
    joint = simgan.simgan_model(simgan.refiner_model(None, None, filters=4, blocks=1), tiny[1])
    assert [tuple(shape) for shape in joint.output_shape] == [(None, 8, 9, 1), (None, 6, 2)]


def test_joint_model_trains_on_both_losses(tiny):
    refiner, discriminator = tiny
    joint = simgan.simgan_model(refiner, discriminator)
    joint.compile(keras.optimizers.SGD(0.1), loss=[self_regularisation_loss, local_adversarial_loss])
    x, real = images(4, 8, 9), np.tile(np.float32([1, 0]), (4, 6, 1))
    expected = np.abs(refiner.predict_on_batch(x) - x).mean()
    logits = discriminator.predict_on_batch(refiner.predict_on_batch(x)).astype(np.float64)
    expected += np.log1p(np.exp(logits[..., 1] - logits[..., 0])).mean()
    total = joint.train_on_batch(x, [x, real])[0]
    assert float(total) == pytest.approx(expected, rel=1e-4)


def test_saved_models_and_those_of_a_run_load_with_keras_alone_in_a_fresh_process(finished_run, tmp_path):
    """One process reads all of them: it takes seconds to start."""
    refiner = simgan.refiner_model(img_width=55, img_height=35, channels=1)
    discriminator = simgan.discriminator_model(img_width=55, img_height=35, channels=1)
    models = {
        "refiner_model": refiner,
        "disc_model": discriminator,
        "simgan_model": simgan.simgan_model(refiner, discriminator),
    }
    for name, model in models.items():
        model.save(tmp_path / f"{name}.h5")
        model.save(tmp_path / f"{name}.keras")
    sets = [
        (tmp_path, refiner, discriminator, images(2, 35, 55)),
        (finished_run.path, finished_run.refiner, finished_run.discriminator, images(2, 8, 8)),
    ]
    for number, (*_, x) in enumerate(sets):
        np.save(tmp_path / f"images{number}.npy", x)
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "KERAS_BACKEND")}
    command = [sys.executable, "-c", READ, *(folder for folder, *_ in sets)]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=300)
    for number, (_, r, d, x) in enumerate(sets):
        refined = r.predict_on_batch(x)
        with np.load(tmp_path / f"outputs{number}.npz") as outputs:
            assert len(outputs.files) == 8
            for suffix in ("h5", "keras"):
                for name, expected in (
                    (f"refiner_model.{suffix}.0", refined),
                    (f"disc_model.{suffix}.0", d.predict_on_batch(x)),
                    (f"simgan_model.{suffix}.0", refined),
                    (f"simgan_model.{suffix}.1", d.predict_on_batch(refined)),
                ):
                    np.testing.assert_allclose(outputs[name], expected, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_compiled_model_keeps_its_loss_in_the_file(suffix, tiny, tmp_path):
    model, x = tiny[0], images(2, 8, 9)
    model.compile("sgd", loss=self_regularisation_loss)
    expected = model.train_on_batch(x, x)
    model.save(tmp_path / f"refiner.{suffix}")
    loaded = keras.models.load_model(tmp_path / f"refiner.{suffix}")
    again = np.abs(loaded.predict_on_batch(x) - x).mean()
    assert loaded.evaluate(x, x, verbose=0) == pytest.approx(again, rel=1e-4)
    assert again < float(expected)
