from __future__ import annotations

import io
from dataclasses import replace

import h5py
import numpy as np
import pytest
from rich.console import Console

from simgan import demo
from simgan.errors import RunError
from simgan.settings.presets import PRESETS


@pytest.fixture
def small(monkeypatch, tiny_config) -> demo.DemoSize:
    """The demo with few images and few steps."""
    tiny = tiny_config(refiner_pretrain_steps=1, discriminator_pretrain_steps=1, steps=1)
    monkeypatch.setitem(PRESETS, "default", replace(PRESETS["default"], config=tiny))
    scoring = replace(demo.SHORT.scoring, steps=2, two_sample_steps=2, seeds=1)
    return demo.DemoSize(12, 8, 6, scoring)


def test_demo_renders_trains_refines_scores_and_draws(small, tmp_path):
    shown = io.StringIO()
    demo.run_demo(tmp_path / "demo", 3, Console(file=shown, width=200), small)
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
    assert "refines each image by a random strength from 0.5 to 1 as 'simgan refine' does" in shown.getvalue()
    assert "demo: renders 26 eyes, trains R for 1 adversarial steps" in shown.getvalue()


def test_short_demo_is_the_full_one_with_less_of_everything():
    short, full = demo.SHORT, demo.FULL
    for name in ("synthetic", "real", "test"):
        assert getattr(short, name) < getattr(full, name)
    for name in ("steps", "two_sample_steps", "seeds", "images"):
        assert getattr(short.scoring, name) < getattr(full.scoring, name)
    assert full.settings == {}
    assert (full.scoring.label, full.scoring.points) == (short.scoring.label, short.scoring.points)


def test_existing_folder_is_refused_and_untouched(tmp_path, only_line):
    (tmp_path / "demo").mkdir()
    with pytest.raises(RunError) as caught:
        demo.run_demo(tmp_path / "demo", 0, Console(quiet=True))
    assert str(tmp_path / "demo") in only_line(str(caught.value))
    assert list((tmp_path / "demo").iterdir()) == []
