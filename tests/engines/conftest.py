"""A machine of another kind, as the code sees it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from simgan.engines import cost_model, machine
from simgan.engines.torch import amx


class L2Cache:
    """The file in which Linux tells the size of the L2 cache: `text`, or missing."""

    def __init__(self, text: str | None) -> None:
        self._text = text

    def read_text(self, encoding: str) -> str:
        if self._text is None:
            raise FileNotFoundError
        return self._text


@pytest.fixture
def cpu(monkeypatch):
    """Makes the machine a CPU with so much L2 cache a core, as its system words it, and so many threads."""

    def make(
        cache: str | None,
        threads: int,
        *,
        bfloat16: bool = False,
        amd: bool = False,
        tiles: bool = False,
        compiler: str | None = "/usr/bin/g++",
    ):
        monkeypatch.setattr(machine, "_L2_CACHE", L2Cache(cache))
        for module in (machine, cost_model):
            monkeypatch.setattr(module, "on_gpu", lambda: False)
        monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bfloat16, raising=False)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: bfloat16 and not amd, raising=False)
        monkeypatch.setattr(machine, "_is_amd", lambda: amd)
        monkeypatch.setattr(machine.shutil, "which", lambda name: compiler)
        monkeypatch.setattr(amx.refiner, "library", lambda name: object() if tiles else None)

    return make


@pytest.fixture
def gpu(monkeypatch):
    """Makes the machine one with a GPU of so many bytes."""

    def make(memory: float, *, bfloat16: bool = True):
        for module in (machine, cost_model):
            monkeypatch.setattr(module, "on_gpu", lambda: True)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda: SimpleNamespace(total_memory=memory))
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bfloat16)
        monkeypatch.setattr(machine.shutil, "which", lambda name: None)

    return make
