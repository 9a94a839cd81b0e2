"""Saved models load in older releases of Keras 3: checked by the arguments they know, and by loading them there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import simgan

RELEASES = ("3.5.0", "3.10.0")  # as in the Makefile, which installs them
INSTALLED = Path(__file__).parents[2] / ".venv-old-keras"
NAMES = ("refiner_model", "disc_model", "simgan_model")
LAYER = {"name", "trainable", "dtype"}
# The arguments of each class in Keras 3.5.0, by inspect.signature. InputLayer ignores `ragged` there (**kwargs).
KNOWN = {
    "Rescaling": LAYER | {"scale", "offset"},
    "InputLayer": LAYER | {"batch_shape", "sparse", "optional", "ragged"},
    "Conv2D": LAYER
    | {"filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", "groups", "activation"}
    | {"use_bias", "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer"}
    | {"activity_regularizer", "kernel_constraint", "bias_constraint"},
    "Permute": LAYER | {"dims"},
    "Add": LAYER,
    "ReLU": LAYER | {"max_value", "negative_slope", "threshold"},
    "MaxPooling2D": LAYER | {"pool_size", "strides", "padding", "data_format"},
    "GlobalAveragePooling2D": LAYER | {"data_format", "keepdims"},
    "Reshape": LAYER | {"target_shape"},
    "RandomUniform": {"minval", "maxval", "seed"},
    "Zeros": set(),
    "DTypePolicy": {"name"},
    "Functional": {"name", "trainable", "layers", "input_layers", "output_layers"},
    "__keras_tensor__": {"shape", "dtype", "keras_history"},
}
# Only Keras: whoever gets the files needs no simgan.
READ = """
import sys
keras_folder, release, *folders = sys.argv[1:]
sys.path.insert(0, keras_folder)
import keras, numpy
assert keras.__version__ == release, keras.__file__
images = numpy.load("images.npy")
for folder in folders:
    outputs = {}
    for name in ("refiner_model", "disc_model", "simgan_model"):
        for suffix in ("h5", "keras"):
            given = keras.models.load_model(f"{folder}/{name}.{suffix}").predict_on_batch(images)
            for place, array in enumerate(given if isinstance(given, list) else [given]):
                outputs[f"{name}.{suffix}.{place}"] = array
    numpy.savez(f"{folder}/outputs.npz", **outputs)
"""
BUILT = {
    "default": ({}, {}),
    "residual": ({"output": "residual"}, {}),
    "hand": ({"kernel_size": 7}, {"variant": "hand"}),
    "global": ({}, {"patches": "global"}),
    "channels first": ({"data_format": "channels_first"}, {"data_format": "channels_first"}),
    "bfloat16": ({"dtype": "mixed_bfloat16"}, {"dtype": "mixed_bfloat16"}),
}


def save(folder, refiner_settings, discriminator_settings):
    """Saves the three models as the README does."""
    refiner = simgan.refiner_model(55, 35, filters=4, blocks=1, **refiner_settings)
    discriminator = simgan.discriminator_model(55, 35, **discriminator_settings)
    models = (refiner, discriminator, simgan.simgan_model(refiner, discriminator))
    for name, model in zip(NAMES, models, strict=True):
        model.save(folder / f"{name}.h5")
        model.save(folder / f"{name}.keras")
    return refiner, discriminator


def saved_config(path):
    """What a file says of the layers of a model."""
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json"))
    with h5py.File(path) as file:
        return json.loads(file.attrs["model_config"])


def unknown_arguments(node, found):
    """Adds to `found` each class and argument that Keras 3.5.0 does not know."""
    if isinstance(node, dict) and isinstance(node.get("config"), dict):
        name = node["class_name"]
        known = KNOWN.get(name)
        found |= {name} if known is None else {f"{name}({key}=)" for key in node["config"].keys() - known}
    for inside in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        unknown_arguments(inside, found)
    return found


@pytest.mark.parametrize("settings", BUILT.values(), ids=BUILT)
def test_saved_layers_have_only_arguments_that_keras_3_5_knows(settings, tmp_path):
    save(tmp_path, *settings)
    for name in NAMES:
        for suffix in (".h5", ".keras"):
            assert unknown_arguments(saved_config(tmp_path / f"{name}{suffix}"), set()) == set()


def test_models_of_a_run_have_only_arguments_that_keras_3_5_knows(finished_run):
    for name in NAMES:
        for suffix in (".h5", ".keras"):
            assert unknown_arguments(saved_config(finished_run.path / f"{name}{suffix}"), set()) == set()


@pytest.mark.parametrize("release", RELEASES)
def test_saved_models_give_the_same_outputs_in_an_older_keras(release, tmp_path):
    """One process reads the models of all settings: it takes seconds to start."""
    installed = INSTALLED / release
    if not installed.is_dir():
        pytest.skip(f"Keras {release} is not installed; type: make .venv-old-keras/installed")
    models = {}
    for built in ("default", "channels first"):
        (tmp_path / built).mkdir()
        models[built] = save(tmp_path / built, *BUILT[built])[:2]
    x = np.random.default_rng(0).uniform(-1, 1, (2, 35, 55, 1)).astype(np.float32)
    np.save(tmp_path / "images.npy", x)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(
        [sys.executable, "-c", READ, installed, release, *models],
        cwd=tmp_path,
        env={**environment, "KERAS_BACKEND": "torch"},
        check=True,
        timeout=300,
    )
    for built, (refiner, discriminator) in models.items():
        refined, logits = refiner.predict_on_batch(x), discriminator.predict_on_batch(x)
        with np.load(tmp_path / built / "outputs.npz") as outputs:
            assert len(outputs.files) == 8
            for suffix in ("h5", "keras"):
                for name, expected in (
                    (f"refiner_model.{suffix}.0", refined),
                    (f"disc_model.{suffix}.0", logits),
                    (f"simgan_model.{suffix}.0", refined),
                    (f"simgan_model.{suffix}.1", discriminator.predict_on_batch(refined)),
                ):
                    np.testing.assert_allclose(outputs[name], expected, atol=1e-5, err_msg=f"{built}, {name}")
