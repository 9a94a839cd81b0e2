from __future__ import annotations

import math
import os

import pytest

from simgan.engines import machine
from simgan.engines.machine import cpp_compiler, device_memory, has_cpp_compiler


@pytest.mark.parametrize(
    ("platform", "cxx", "expected"),
    [
        ("linux", None, ["g++"]),
        ("linux", "", ["g++"]),
        ("darwin", None, ["clang++"]),
        ("linux", "/opt/own", ["/opt/own"]),
        ("linux", "ccache g++", ["ccache", "g++"]),
        ("darwin", "'/opt/a compiler/c++' -v", ["/opt/a compiler/c++", "-v"]),
    ],
)
def test_compiler_is_that_of_the_environment_or_the_usual_one(platform, cxx, expected, monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    if cxx is not None:
        monkeypatch.setenv("CXX", cxx)
    monkeypatch.setattr(machine.sys, "platform", platform)
    assert cpp_compiler() == expected
    monkeypatch.setattr(machine.shutil, "which", {expected[0]: "/somewhere"}.get)
    assert has_cpp_compiler()
    monkeypatch.setattr(machine.shutil, "which", {}.get)
    assert not has_cpp_compiler()


def test_memory_is_that_of_the_gpu_or_of_the_machine(cpu, gpu, monkeypatch):
    gpu(80e9)
    assert device_memory() == 80e9
    cpu("2048K", 2)
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1000}.__getitem__)
    assert device_memory() == 4_096_000
    monkeypatch.setattr(os, "sysconf_names", {})
    assert device_memory() == math.inf
