from __future__ import annotations

import math
import os
from types import SimpleNamespace

import pytest
import torch

from simgan import amx, device
from simgan.config import RefinerConfig, TrainConfig
from simgan.device import (
    device_memory,
    dtype_policy,
    open_engine,
    refiner_flops,
    resolve,
    resolve_precision,
    training_flops,
)
from simgan.errors import EngineError
from simgan.presets import PRESETS

EYES = (35, 55)
SMALL = TrainConfig(precision="float32", micro_batch=4, compile="off")


@pytest.fixture
def cpu(monkeypatch):
    """Makes the machine a CPU with so much L2 cache a core, as its system words it, and so many threads."""

    def make(
        cache: str | None,
        threads: int,
        *,
        bfloat16: bool = False,
        tiles: bool = False,
        compiler: str | None = "/usr/bin/g++",
    ):
        class Path:
            def __init__(self, path):
                assert path == "/sys/devices/system/cpu/cpu0/cache/index2/size"

            def read_text(self, encoding):
                if cache is None:
                    raise FileNotFoundError
                return cache

        monkeypatch.setattr(device, "Path", Path)
        monkeypatch.setattr(device, "_on_gpu", lambda: False)
        monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bfloat16, raising=False)
        monkeypatch.setattr(device.shutil, "which", lambda name: compiler)
        monkeypatch.setattr(amx.refiner, "library", lambda name: object() if tiles else None)

    return make


@pytest.fixture
def gpu(monkeypatch):
    """Makes the machine one with a GPU of so many bytes."""

    def make(memory: float, *, bfloat16: bool = True):
        monkeypatch.setattr(device, "_on_gpu", lambda: True)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda: SimpleNamespace(total_memory=memory))
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bfloat16)
        monkeypatch.setattr(device.shutil, "which", lambda name: None)

    return make


# --- The engine -------------------------------------------------------------------------------------------------


def test_engine_is_that_of_pytorch_with_the_micro_batch_asked_for():
    sizes = []
    engine = open_engine(micro_batch=3, compiled=False)
    engine.infer(lambda images: sizes.append(len(images)) or images, engine.zeros((7, 1)))
    assert sizes == [3, 3, 1]


def test_another_backend_is_refused_in_one_line(monkeypatch, only_line):
    monkeypatch.setattr(device.keras.backend, "backend", lambda: "jax")
    with pytest.raises(EngineError) as caught:
        open_engine(micro_batch=1, compiled=False)
    message = only_line(str(caught.value))
    assert "jax" in message
    assert "KERAS_BACKEND=torch" in message


# --- What `auto` means ------------------------------------------------------------------------------------------


def test_what_is_said_stays_whatever_the_machine(cpu, gpu):
    cpu("2048K", 2, bfloat16=True)
    assert resolve(SMALL, EYES, 1) == SMALL
    gpu(80e9)
    said = TrainConfig(precision="bfloat16", micro_batch=7, compile="on")
    assert resolve(said, EYES, 1) == said


def test_everything_else_stays_and_nothing_auto_is_left(cpu):
    cpu("2048K", 2)
    config = PRESETS["paper-hand"].config
    resolved = resolve(config, (224, 224), 1)
    made_out = {"precision", "micro_batch", "compile"}
    assert resolved.model_dump(exclude=made_out) == config.model_dump(exclude=made_out)
    assert "auto" not in resolved.model_dump(include=made_out).values()
    assert resolve(resolved, (224, 224), 1) == resolved


# A layer of the default R on a 35x55 image takes 35 * 55 * 64 * 4 = 492,800 bytes, in bfloat16 half of it.
@pytest.mark.parametrize(
    ("cache", "threads", "precision", "size", "expected"),
    [
        ("2048K", 2, "bfloat16", EYES, 16),  # 1.75 * 4 MiB / 246,400 = 29.8
        ("2048K", 2, "float32", EYES, 32),  # 7 * 4 MiB / 492,800 = 59.6
        ("1280K", 2, "float32", EYES, 32),  # 37.2
        ("1024K", 1, "float32", EYES, 8),  # 14.9
        (None, 1, "float32", EYES, 8),  # untold: 1 MiB
        ("a lot", 1, "float32", EYES, 8),
        ("1280K", 2, "float32", (224, 224), 1),  # 1.4
        ("512K", 1, "bfloat16", (224, 224), 1),  # 0.14: one image at the least
        ("2048K", 2000, "float32", EYES, 512),  # the whole batch at the most
    ],
)
def test_micro_batch_fits_the_cache_of_a_cpu(cache, threads, precision, size, expected, cpu):
    cpu(cache, threads)
    assert resolve(TrainConfig(precision=precision), size, 1).micro_batch == expected


@pytest.mark.parametrize(
    ("threads", "precision", "refiner", "size", "expected"),
    [
        (2, "bfloat16", RefinerConfig(), EYES, 32),  # 3.5 * 4 MiB / 246,400 = 59.6
        (2, "bfloat16", RefinerConfig(filters=32), EYES, 64),
        (2, "bfloat16", RefinerConfig(filters=48), EYES, 32),  # not on tiles: 1.75 * 4 MiB / 184,800 = 39.7
        (2, "bfloat16", RefinerConfig(), (224, 224), 2),  # 2.3
        (2, "bfloat16", RefinerConfig(), (700, 700), 2),  # one for each thread
        (5, "bfloat16", RefinerConfig(), (700, 700), 8),
        (5, "bfloat16", RefinerConfig(), (1000, 1000), 1),  # too large for tile units
        (5, "bfloat16", RefinerConfig(blocks=40), (700, 700), 1),  # 64e9 / 8 / (62.7e6 * 81) = 1.6: short of memory
    ],
)
def test_micro_batch_on_tile_units(threads, precision, refiner, size, expected, cpu, monkeypatch):
    cpu("2048K", threads, bfloat16=True, tiles=True)
    monkeypatch.setattr(device, "main_memory", lambda: 64e9)
    assert resolve(TrainConfig(precision=precision, refiner=refiner), size, 1).micro_batch == expected


def test_on_tile_units_nothing_is_compiled_unless_asked_for(cpu):
    cpu("2048K", 2, bfloat16=True, tiles=True)
    assert resolve(PRESETS["default"].config, EYES, 1).compile == "off"
    assert resolve(TrainConfig(compile="on"), EYES, 1).compile == "on"
    assert resolve(TrainConfig(precision="float32"), EYES, 1).compile == "on"


def test_micro_batch_is_at_most_the_batch_even_where_that_is_no_power_of_two(cpu):
    cpu("2048K", 2000)
    assert resolve(TrainConfig(batch_size=12), EYES, 1).micro_batch == 12


@pytest.mark.parametrize(
    ("memory", "precision", "expected"),
    [
        (80e9, "float32", 1024),  # 12e9 / (492,800 bytes * 18 arrays) = 1352
        (80e9, "bfloat16", 2048),  # 2705
        (8.5e9, "float32", 128),  # 143
    ],
)
def test_micro_batch_fits_the_memory_of_a_gpu(memory, precision, expected, gpu):
    gpu(memory)
    config = TrainConfig(batch_size=4096, precision=precision)
    assert resolve(config, EYES, 1).micro_batch == expected


@pytest.mark.parametrize(("native", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_bfloat16_where_the_processor_multiplies_it(native, expected, cpu, gpu):
    cpu("2048K", 2, bfloat16=native)
    assert resolve(TrainConfig(), EYES, 1).precision == resolve_precision("auto") == expected
    gpu(80e9, bfloat16=native)
    assert resolve(TrainConfig(), EYES, 1).precision == resolve_precision("auto") == expected


def test_pytorch_that_does_not_tell_computes_in_float32(cpu, monkeypatch):
    cpu("2048K", 2)
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    assert resolve_precision("auto") == "float32"


def test_precision_names_the_dtype_policy(cpu):
    assert dtype_policy("float32") == "float32"
    assert dtype_policy("bfloat16") == "mixed_bfloat16"
    cpu("2048K", 2, bfloat16=True)
    assert dtype_policy("auto") == "mixed_bfloat16"


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("default", "on"),  # 9.4e15 operations
        ("eyes", "on"),  # 1.4e14
        ("demo", "off"),  # 3.4e13
    ],
)
def test_compiled_where_the_training_is_long_enough(preset, expected, cpu, gpu):
    config = PRESETS[preset].config
    cpu("2048K", 2)
    assert resolve(config, EYES, 1).compile == expected
    cpu("2048K", 2, compiler=None)
    assert resolve(config, EYES, 1).compile == "off"
    gpu(80e9)  # PyTorch brings the compiler
    assert resolve(config, EYES, 1).compile == expected


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [("linux", {}, "g++"), ("darwin", {}, "clang++"), ("linux", {"CXX": "/opt/own"}, "/opt/own")],
)
def test_compiler_is_the_one_that_pytorch_would_take(platform, environment, expected, cpu, monkeypatch):
    cpu("2048K", 2)
    monkeypatch.delenv("CXX", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(device.sys, "platform", platform)
    monkeypatch.setattr(device.shutil, "which", lambda name: name if name == expected else None)
    assert resolve(TrainConfig(), EYES, 1).compile == "on"


# --- Sizes ------------------------------------------------------------------------------------------------------


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


def test_memory_is_that_of_the_gpu_or_of_the_machine(cpu, gpu, monkeypatch):
    gpu(80e9)
    assert device_memory() == 80e9
    cpu("2048K", 2)
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1000}.__getitem__)
    assert device_memory() == 4_096_000
    monkeypatch.setattr(os, "sysconf_names", {})
    assert device_memory() == math.inf
