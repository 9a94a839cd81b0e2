import pytest

from benchmarks.machine import Machine
from benchmarks.measure import Pair, Results
from benchmarks.targets import AMX, Target, targets

PLAIN = Machine("A processor", 2, ("avx512f",), 24.0, "Linux")
FAST = Machine("A processor", 2, ("amx_bf16", "avx512f"), 24.0, "Linux")


@pytest.mark.parametrize(
    ("seen", "machine", "verdict"),
    [
        (1.3, FAST, "met"),
        (1.1, FAST, "missed"),
        (1.1, PLAIN, "not this machine (no AMX)"),
        (1.3, PLAIN, "met"),
    ],
)
def test_a_target_for_amx(seen, machine, verdict):
    assert Target("training R", seen, "TFLOP/s", 1.2, on=AMX).verdict(machine) == verdict


@pytest.mark.parametrize(("seen", "verdict"), [(0.29, "met"), (0.3, "met"), (0.31, "missed")])
def test_a_target_for_any_machine_where_less_is_better(seen, verdict):
    target = Target("simgan --help", seen, "s", 0.3, at_least=False)
    assert target.verdict(PLAIN) == verdict
    assert target.aim() == "<= 0.3 s"


def test_only_what_was_measured_has_a_target():
    assert targets(Results(), 512, 35, 55) == []
    found = targets(Results(commands={"simgan --help": [0.1, 0.5, 0.2]}), 512, 35, 55)
    assert [(target.what, target.seen) for target in found] == [("simgan --help", 0.2)]


def test_rates_follow_from_the_pairs():
    ours = {"refiner_pretrain": [2.0], "discriminator_pretrain": [1.0], "adversarial": [4.0]}
    theirs = {"refiner_pretrain": [3.0], "discriminator_pretrain": [1.0], "adversarial": [30.0]}
    ratio, rate = targets(Results(pairs=[Pair(theirs, ours, {})]), 512, 35, 55)
    assert ratio.seen == 7.5
    assert rate.seen == pytest.approx(512 * 3_411_408_000 / 2.0 / 1e12)
