from __future__ import annotations

import io
from dataclasses import replace
from functools import partial

import h5py
import numpy as np
import pytest
from rich.console import Console

from simgan import demo
from simgan.errors import RunError
from simgan.evaluation import train_estimator, train_localiser
from simgan.presets import PRESETS


@pytest.fixture
def small(monkeypatch, tiny_config):
    """The demo with few images and few steps."""
    for name, count in {"_SYNTHETIC": 12, "_REAL": 8, "_TEST": 6, "_DRIFT_SAMPLE": 5}.items():
        monkeypatch.setattr(demo, name, count)
    tiny = tiny_config(refiner_pretrain_steps=1, discriminator_pretrain_steps=1, steps=1)
    monkeypatch.setitem(PRESETS, "demo", replace(PRESETS["demo"], config=tiny))
    monkeypatch.setattr(demo, "train_estimator", partial(train_estimator, steps=2, batch_size=4))
    monkeypatch.setattr(demo, "train_localiser", partial(train_localiser, steps=1))


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
    assert report.index("degrees") < report.index("iris centre") < report.index("<img")
    text = shown.getvalue()
    for part in ("gaze error on camera images", "label drift: ", "px at the 95th percentile", "report.html"):
        assert part in text


def test_existing_folder_is_refused_and_untouched(tmp_path, only_line):
    (tmp_path / "demo").mkdir()
    with pytest.raises(RunError) as caught:
        demo.run_demo(tmp_path / "demo", 0, Console(quiet=True))
    assert str(tmp_path / "demo") in only_line(str(caught.value))
    assert list((tmp_path / "demo").iterdir()) == []
