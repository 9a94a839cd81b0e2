from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np

import simgan

README = Path(__file__).parents[1] / "README.md"


def python_blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def keras_block() -> str:
    return next(block for block in python_blocks() if "refiner_model(img_width=55" in block)


def test_keras_block_runs_as_it_stands_and_saves_three_models(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-c", keras_block()],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "disc_model.h5",
        "refiner_model.h5",
        "simgan_model.h5",
    ]
    refiner, disc, joint = (
        keras.models.load_model(tmp_path / f"{name}_model.h5") for name in ("refiner", "disc", "simgan")
    )
    assert (refiner.count_params(), disc.count_params()) == (296_129, 75_906)
    x = np.random.default_rng(0).uniform(-1, 1, (2, 35, 55, 1)).astype(np.float32)
    refined, logits = joint.predict_on_batch(x)
    assert refined.shape == (2, 35, 55, 1)
    assert logits.shape == (2, 126, 2)
    np.testing.assert_allclose(refined, refiner.predict_on_batch(x), atol=1e-5)
    np.testing.assert_allclose(logits, disc.predict_on_batch(refined), atol=1e-5)
    assert keras.losses.get(refiner.loss) is simgan.self_regularisation_loss
    assert keras.losses.get(disc.loss) is simgan.local_adversarial_loss


def test_names_in_the_python_blocks_are_public():
    imported = {
        alias.name
        for block in python_blocks()
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.ImportFrom) and node.module == "simgan"
        for alias in node.names
    }
    assert len(imported) > 5
    assert imported <= set(simgan.__all__)
