from __future__ import annotations

import pytest

from simgan.turing.gate import is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "", "localhost.example", "127.0.0.1.example"])
def test_not_loopback(host):
    assert not is_loopback(host)
