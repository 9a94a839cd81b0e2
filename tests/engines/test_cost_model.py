from __future__ import annotations

from simgan.engines import machine
from simgan.engines.cost_model import refiner_flops, training_flops, worth_compiling
from simgan.settings.config import RefinerConfig, TrainConfig

EYES = (35, 55)


def test_operations_of_r_by_hand():
    """C3-64 of 1 channel, eight C3-64 of 64, C1-1 of 64; two operations for each weight and pixel."""
    weights = 9 * 64 + 8 * 9 * 64 * 64 + 64
    assert weights == 295_552
    assert refiner_flops(RefinerConfig(), EYES, 1) == 2 * weights * 35 * 55 == 1_137_875_200
    # C7-8 of 3 channels, two C7-8 of 8, C1-3 of 8
    hand = RefinerConfig(filters=8, kernel_size=7, blocks=1)
    assert refiner_flops(hand, (2, 3), 3) == 2 * (49 * 24 + 2 * 49 * 64 + 24) * 6


def test_operations_of_a_training_by_hand():
    """1000 + 2000 * 2 updates of R, three passes each; 200 + 2000 / 2 batches refined for D."""
    expected = (3 * 5000 + 1200) * 512 * 1_137_875_200
    assert training_flops(TrainConfig(), EYES, 1) == expected
    nothing = TrainConfig(refiner_pretrain_steps=0, discriminator_pretrain_steps=0, steps=0)
    assert training_flops(nothing, EYES, 1) == 0


def test_missing_compiler_is_said_once_with_the_way_out(cpu, caplog):
    machine.warn_of_slow_networks.cache_clear()
    cpu("2048K", 2, compiler=None)
    assert not worth_compiling(10**13)  # too little: nobody would miss a compiler
    assert caplog.records == []
    assert not worth_compiling(10**15)
    assert not worth_compiling(10**15)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "apt install g++" in record.getMessage()
    assert "CXX" in record.getMessage()
