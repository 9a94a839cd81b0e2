import re

from benchmarks.machine import Machine
from benchmarks.measure import PHASES, Pair, Results
from benchmarks.peak import DIRECTIONS, Peak
from benchmarks.table import markdown

MACHINE = Machine("A processor", 2, ("avx512f",), 24.0, "Linux")


def make_pair(theirs: float, ours: float) -> Pair:
    return Pair({phase: [theirs] for phase in PHASES}, {phase: [ours] for phase in PHASES}, {})


def show(results: Results) -> str:
    return markdown(results, MACHINE, "# Performance", 512, 35, 55)


def test_says_where_there_is_no_gpu():
    assert show(Results()).endswith("No GPU here: not measured.\n")


def test_a_gpu_has_its_rate():
    # 1000 * 1.7466 + 200 * 0.3510 + 2000 * 3.8847 TFLOP in 100 s
    text = show(Results(gpu={"gpu": "H100", "seconds": 100.0, "memory": 3.14}))
    assert "on one H100: 100.0 s, 95.9 TFLOP/s, 3.1 GiB" in text


def test_pairs_have_ratios_and_their_median():
    text = show(Results(pairs=[make_pair(6.0, 2.0), make_pair(10.0, 2.0), make_pair(8.0, 2.0)]))
    assert "| R alone | 8 s (6 to 10) | 2 s (2 to 2) | 3.00, 5.00, 4.00 | 4.00 |" in text


def test_rate_stands_beside_the_peak():
    peaks = [Peak("float32", 8, direction, best=2.0, median=1.0) for direction in DIRECTIONS]
    peaks += [Peak("bfloat16", 8, direction, best=4.0, median=1.0) for direction in DIRECTIONS]
    text = show(Results(pairs=[make_pair(20.0, 10.0)], peaks=peaks))
    # R: 1.7466 TFLOP in 10 s, of 2 TFLOP/s.
    assert re.search(r"R trains at 0\.175 TFLOP/s, .*: 9% of the peak .* in float32 \(2 TFLOP/s\)", text)


def test_cost_is_an_image():
    text = show(Results(cost={"textbook": {"64x64:16": [3.2]}, "simgan": {"64x64:16": [1.6, 0.8, 1.7]}}))
    assert "| 64x64 | 16 | 200 ms | 100 ms | 2.00 |" in text
