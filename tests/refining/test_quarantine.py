from __future__ import annotations

import csv
from importlib import import_module

import numpy as np
import pytest

from simgan.images import open_images
from simgan.refining.quarantine import Quarantine


@pytest.mark.parametrize(("leaves_out", "kept"), [(True, "left out"), (False, "as it was, unrefined")])
def test_what_moved_further_is_listed_in_the_order_of_the_set(leaves_out, kept, tmp_path, monkeypatch):
    moved = [np.array([1.0, 1.001]), np.array([7.0, 0.2])]
    module = import_module("simgan.framing.displacement")
    monkeypatch.setattr(module, "displacement", lambda synthetic, refined: moved.pop(0))
    np.save(tmp_path / "in.npy", np.zeros((9, 2, 2), np.uint8))
    two = np.zeros((2, 2, 2, 1), np.uint8)
    with open_images(tmp_path / "in.npy") as source, Quarantine(source, source, tmp_path / "o.npy", 1.0) as quarantine:
        quarantine.begin(take_over=False)
        assert quarantine.stay([6, 8], two, two).tolist() == [True, False]
        assert quarantine.stay([3, 4], two, two).tolist() == [False, True]
        quarantine.write_list(quarantine.found(), leaves_out=leaves_out)
        names = [source.names[3], source.names[8]]
    with (tmp_path / "o.npy.quarantine.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    reason = "content moved by more than 1 px"
    assert rows[1:] == [[names[0], "7.000", reason, kept], [names[1], "1.001", reason, kept]]
