from dataclasses import replace

from PIL import Image

from benchmarks.measure import QUICK, Results
from benchmarks.plot import draw_cost


def test_draws_a_picture(tmp_path):
    plan = replace(QUICK, sizes=("35x55", "64x64"), size_batch=4, batches=(4, 16))
    seconds = {point: [0.5] for point in ("35x55:4", "64x64:4", "35x55:16")}
    draw_cost(Results(cost={"textbook": seconds, "simgan": seconds}), plan, tmp_path / "cost.png")
    with Image.open(tmp_path / "cost.png") as picture:
        assert len(picture.convert("L").getcolors()) > 10  # lines and words, not one colour
