from __future__ import annotations

import os
import subprocess
import sys

import pytest

SHOW = """
print(*(keras.saving.get_registered_object(f"simgan>{name}") is not None
        for name in ("local_adversarial_loss", "self_regularisation_loss")))
"""


@pytest.mark.parametrize(
    "imports",
    [
        "import simgan, importlib.util; importlib.util.find_spec('keras'); import keras",
        "import keras; import simgan",
    ],
    ids=["before Keras, with a look for it between", "after Keras"],
)
def test_import_is_enough_for_keras_to_know_the_losses(imports):
    environment = os.environ | {"KERAS_BACKEND": "torch"}
    done = subprocess.run(
        [sys.executable, "-c", f"{imports}\n{SHOW}"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert done.stdout.split() == ["True", "True"]
