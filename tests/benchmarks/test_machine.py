import pytest

from benchmarks.machine import Machine, this_machine


def make_machine(*features: str) -> Machine:
    return Machine("A processor", 2, features, 23.6, "Linux, Python 3.11")


def test_in_words():
    assert make_machine("amx_bf16", "avx512f").describe() == (
        "A processor, 2 cores (AMX bfloat16, AVX-512), 24 GiB of memory. Linux, Python 3.11."
    )


def test_says_that_it_has_no_amx():
    assert "(AVX2; no AMX)" in make_machine("avx2").describe()


@pytest.mark.parametrize(("features", "has"), [(("amx_bf16",), True), (("avx512_bf16", "avx512f"), False)])
def test_amx_is_not_the_bfloat16_of_avx_512(features, has):
    assert make_machine(*features).has_amx is has


def test_this_machine_has_cores_and_memory():
    machine = this_machine()
    assert machine.cores >= 1
    assert 0.1 < machine.memory < 1e5
    assert "torch 2." in machine.versions
