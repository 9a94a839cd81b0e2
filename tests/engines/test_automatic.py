from __future__ import annotations

import pytest
import torch

from simgan.engines import automatic, cost_model, machine
from simgan.engines.automatic import dtype_policy, open_engine, resolve, resolve_precision
from simgan.errors import EngineError
from simgan.settings.config import RefinerConfig, TrainConfig
from simgan.settings.presets import PRESETS

EYES = (35, 55)
SMALL = TrainConfig(precision="float32", micro_batch=4, compile="off")


def test_engine_is_that_of_pytorch_with_the_micro_batch_asked_for():
    sizes = []
    engine = open_engine(micro_batch=3, compiled=False)
    engine.infer(lambda images: sizes.append(len(images)) or images, engine.zeros((7, 1)))
    assert sizes == [3, 3, 1]


def test_another_backend_is_refused_in_one_line(monkeypatch, only_line):
    monkeypatch.setattr(automatic.keras.backend, "backend", lambda: "jax")
    with pytest.raises(EngineError) as caught:
        open_engine(micro_batch=1, compiled=False)
    message = only_line(str(caught.value))
    assert "jax" in message
    assert "KERAS_BACKEND=torch" in message


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
    monkeypatch.setattr(cost_model, "main_memory", lambda: 64e9)
    assert resolve(TrainConfig(precision=precision, refiner=refiner), size, 1).micro_batch == expected


def test_on_tile_units_nothing_is_compiled_unless_asked_for(cpu):
    cpu("2048K", 2, bfloat16=True, tiles=True)
    assert resolve(PRESETS["reference"].config, EYES, 1).compile == "off"
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


@pytest.mark.parametrize(
    ("vectors", "tiles", "vendor", "expected"),
    [
        (True, True, "GenuineIntel", "bfloat16"),
        (True, False, "AuthenticAMD", "bfloat16"),
        (True, False, "GenuineIntel", "float32"),
        (False, False, "AuthenticAMD", "float32"),
        (True, False, None, "float32"),
    ],
)
def test_bfloat16_on_a_processor_that_is_faster_with_it(vectors, tiles, vendor, expected, monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "on_gpu", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: vectors, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles, raising=False)
    monkeypatch.setattr(machine, "_CPU_INFO", tmp_path / "cpuinfo")
    if vendor is not None:
        (tmp_path / "cpuinfo").write_text(f"processor : 0\nvendor_id : {vendor}\nmodel : 1\n")
    assert resolve_precision("auto") == expected


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
        ("reference", "on"),  # 9.4e15 operations
        ("wide", "on"),  # 1.4e14
        ("default", "off"),  # 3.4e13
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
