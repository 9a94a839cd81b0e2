"""A user's model file describes a network, and does nothing else: Keras's published ways around that are refused."""

from __future__ import annotations

import io
import json
import zipfile

import h5py
import keras
import numpy as np
import pytest

from simgan.errors import ConfigError
from simgan.tasks.user_model import read_user_model


@pytest.fixture
def sound(tmp_path):
    """A model with a branch, a sum, a regulariser and a nested model."""
    images = keras.Input((8, 9, 1))
    inner = keras.Sequential([keras.Input((8, 9, 3)), keras.layers.Conv2D(3, 3, padding="same", activation="relu")])
    features = keras.layers.Conv2D(3, 3, padding="same", kernel_regularizer="l2")(images)
    features = keras.layers.ReLU()(inner(features) + features)
    model = keras.Model(images, keras.layers.Dense(2)(keras.layers.Flatten()(features)))
    model.save(tmp_path / "sound.keras")
    return model, tmp_path / "sound.keras"


def test_a_sound_model_comes_back(sound):
    model, path = sound
    x = np.random.default_rng(0).normal(size=(2, 8, 9, 1)).astype(np.float32)
    np.testing.assert_allclose(
        read_user_model(path, "estimator").predict_on_batch(x), model.predict_on_batch(x), atol=1e-6
    )


def rewrite(path, change, compress=zipfile.ZIP_STORED):
    """The members of the file, by name, as `change` leaves them."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", compress) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def edit_config(change):
    def edit(members):
        config = json.loads(members["config.json"])
        change(config)
        members["config.json"] = json.dumps(config).encode()

    return edit


def first_layer(config, name="Conv2D"):
    return next(layer for layer in config["config"]["layers"] if layer["class_name"] == name)


def replace_layer(layer):
    return edit_config(lambda config: first_layer(config).update(layer))


CANARY = "import pathlib; pathlib.Path('CANARY').write_text('ran')"


def edit_weights(change):
    def edit(members):
        content = io.BytesIO(members["model.weights.h5"])
        with h5py.File(content, "r+") as file:
            change(file)
        members["model.weights.h5"] = content.getvalue()

    return edit


def first_array(file):
    found = []
    file.visititems(lambda name, node: found.append(name) if isinstance(node, h5py.Dataset) else None)
    return found[0]


def external_link(file):
    name = first_array(file)
    del file[name]
    file[name] = h5py.ExternalLink("/etc/passwd", "/data")


def soft_link(file):
    file["layers/again"] = h5py.SoftLink("/layers")


def external_storage(file):
    name = first_array(file)
    shape = file[name].shape
    del file[name]
    file.create_dataset(name, shape, "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


def virtual(file):
    name = first_array(file)
    shape = file[name].shape
    del file[name]
    layout = h5py.VirtualLayout(shape, "f4")
    file.create_virtual_dataset(name, layout)


def huge_array(file):
    name = first_array(file)
    del file[name]
    file.create_dataset(name, (2**20, 2**20), "f4", chunks=(1, 1024))


def objects(file):
    name = first_array(file)
    del file[name]
    file[name] = np.array(["text"], dtype=h5py.string_dtype())


UNSAFE = "enable_unsafe_deserialization"
HOSTILE = {
    "Lambda with code": replace_layer(
        {
            "class_name": "Lambda",
            "config": {"function": {"class_name": "__lambda__", "config": {"code": "4wEAAAA="}}, "output_shape": [1]},
        }
    ),
    "Lambda by a function's name (CVE-2025-1550)": replace_layer(
        {
            "class_name": "Lambda",
            "config": {
                "function": {
                    "module": "os",
                    "class_name": "function",
                    "config": "system",
                    "registered_name": "system",
                },
                "arguments": {"command": "touch CANARY"},
            },
        }
    ),
    "a class of another module": replace_layer({"module": "subprocess", "class_name": "Popen"}),
    "a function in place of a layer": replace_layer(
        {"module": "builtins", "class_name": "exec", "config": {"source": CANARY}}
    ),
    "get_file (CVE-2025-8747)": replace_layer({"module": "keras.utils", "class_name": "get_file"}),
    "unsafe deserialisation switched on by the file (CVE-2025-9906)": replace_layer(
        {"module": "keras.config", "class_name": UNSAFE, "registered_name": UNSAFE}
    ),
    "a module by its path": replace_layer({"module": "keras.src.utils.python_utils", "class_name": "func_load"}),
    "an activation that is an object": edit_config(
        lambda config: first_layer(config)["config"].update(
            activation={"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "eval"}
        )
    ),
    "a function among the initialisers": edit_config(
        lambda config: first_layer(config)["config"].update(
            kernel_initializer={"module": "keras.initializers", "class_name": "deserialize", "config": "x"}
        )
    ),
    "a registered name of another class": replace_layer({"registered_name": "evil>Layer"}),
    "a vocabulary read from a file (CVE-2025-12058)": replace_layer(
        {"class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}}
    ),
    "a saved model of TensorFlow": replace_layer({"class_name": "TFSMLayer", "config": {"filepath": "/tmp/evil"}}),
    "a module of PyTorch": replace_layer({"class_name": "TorchModuleWrapper", "config": {"module": "gASVCg=="}}),
    "no module at all": edit_config(lambda config: first_layer(config).pop("module")),
    "units beyond memory": edit_config(lambda config: first_layer(config, "Dense")["config"].update(units=2**40)),
    "deep nesting": lambda members: members.update({"config.json": b"[" * 100_000}),
    "no JSON": lambda members: members.update({"config.json": b"\xff\x00"}),
    "a member outside (CVE-2025-12060)": lambda members: members.update({"../CANARY": b"ran"}),
    "assets": lambda members: members.update({"assets/vocabulary.txt": b"x"}),
    "no weights": lambda members: members.pop("model.weights.h5"),
    "weights that are no HDF5": lambda members: members.update({"model.weights.h5": b"x" * 100}),
    "an external link": edit_weights(external_link),
    "a soft link": edit_weights(soft_link),
    "external storage": edit_weights(external_storage),
    "virtual data": edit_weights(virtual),
    "a huge array": edit_weights(huge_array),
    "objects": edit_weights(objects),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_what_is_more_than_a_network_is_refused_and_does_nothing(change, sound, tmp_path, monkeypatch, only_line):
    monkeypatch.chdir(tmp_path)
    _, path = sound
    rewrite(path, change)
    with pytest.raises(ConfigError) as caught:
        read_user_model(path, "estimator")
    assert str(path) in only_line(str(caught.value))
    assert not (tmp_path / "CANARY").exists()
    assert not (tmp_path.parent / "CANARY").exists()


def test_a_lambda_that_keras_itself_saved_is_refused(tmp_path):
    images = keras.Input((4, 4, 1))
    keras.Model(images, keras.layers.Lambda(lambda x: x * 2)(images)).save(tmp_path / "lambda.keras")
    with pytest.raises(ConfigError, match=r"keras\.layers\.Lambda"):
        read_user_model(tmp_path / "lambda.keras", "estimator")


@pytest.mark.filterwarnings("ignore:.*HDF5.*")
def test_h5_which_keras_reads_without_safe_mode_is_refused(sound, tmp_path):
    """CVE-2025-9905."""
    model, _ = sound
    model.save(tmp_path / "model.h5")
    with pytest.raises(ConfigError, match=r"\.keras file, received '\.h5'"):
        read_user_model(tmp_path / "model.h5", "estimator")


def test_a_zip_bomb_is_refused_before_it_is_unpacked(sound):
    _, path = sound
    rewrite(path, lambda members: members.update({"config.json": b" " * 2**26}), zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 2**20
    with pytest.raises(ConfigError, match="at most"):
        read_user_model(path, "estimator")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip"])
def test_what_is_no_zip_is_refused(content, tmp_path, only_line):
    (tmp_path / "a.keras").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_user_model(tmp_path / "a.keras", "estimator")
    assert "a.keras" in only_line(str(caught.value))
