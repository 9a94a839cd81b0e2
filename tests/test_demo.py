from __future__ import annotations

import io
from dataclasses import replace

import h5py
import numpy as np
import pytest
from rich.console import Console

import simgan.evaluation.evaluate
from simgan import demo
from simgan.errors import RunError
from simgan.settings.presets import PRESETS


@pytest.fixture
def small(monkeypatch, tiny_config):
    """The demo with few images and few steps."""
    for name, count in {"_SYNTHETIC": 12, "_REAL": 8, "_TEST": 6}.items():
        monkeypatch.setattr(demo, name, count)
    tiny = tiny_config(refiner_pretrain_steps=1, discriminator_pretrain_steps=1, steps=1)
    monkeypatch.setitem(PRESETS, "demo", replace(PRESETS["demo"], config=tiny))
    monkeypatch.setattr(demo, "_SCORING", replace(demo._SCORING, steps=2, seeds=1))
    original = simgan.evaluation.evaluate.distances
    monkeypatch.setattr(
        simgan.evaluation.evaluate, "distances", lambda *sets, **options: original(*sets, steps=2, **options)
    )


@pytest.mark.usefixtures("small")
def test_demo_renders_trains_refines_scores_and_draws(tmp_path):
    shown = io.StringIO()
    demo.run_demo(tmp_path / "demo", 3, Console(file=shown, width=200))
    made = {path.name for path in (tmp_path / "demo").iterdir()}
    assert {"synthetic.h5", "camera.h5", "refined.h5", "run"} <= made
    with (
        h5py.File(tmp_path / "demo/synthetic.h5") as synthetic,
        h5py.File(tmp_path / "demo/refined.h5") as refined,
    ):
        different = []

        def compare(name: str, item: object) -> None:
            if isinstance(item, h5py.Dataset) and not np.array_equal(item[()], refined[name][()]):
                different.append(name)

        synthetic.visititems(compare)
    assert different  # the images
    assert all(name.startswith("image") for name in different)
    report = (tmp_path / "demo/run/report.html").read_text("utf-8")
    assert report.index("gaze on real images") < report.index("localiser of iris_centre") < report.index("<img")
    assert "report.html" in shown.getvalue()


def test_existing_folder_is_refused_and_untouched(tmp_path, only_line):
    (tmp_path / "demo").mkdir()
    with pytest.raises(RunError) as caught:
        demo.run_demo(tmp_path / "demo", 0, Console(quiet=True))
    assert str(tmp_path / "demo") in only_line(str(caught.value))
    assert list((tmp_path / "demo").iterdir()) == []
