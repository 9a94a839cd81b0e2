from __future__ import annotations

import pytest

from simgan.images.names import IndexNames, PackedNames


def packed(*names):
    made = PackedNames()
    for name in names:
        made.append(name)
    return made


def test_indices_sort_as_numbers():
    names = IndexNames(11)
    assert list(names) == ["00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10"]
    assert IndexNames(10)[9] == "9"


def test_packed_names_come_back():
    names = packed(b"b", b"", b"\xc3\xa4", b"\xff")
    assert list(names) == ["b", "", "\u00e4", "\udcff"]
    assert [names.encoded(index) for index in range(4)] == [b"b", b"", b"\xc3\xa4", b"\xff"]


@pytest.mark.parametrize("names", [IndexNames(3), packed(b"0", b"1", b"2")])
def test_a_sequence_as_any_other(names):
    assert len(names) == 3
    assert (names[0], names[2], names[-1]) == ("0", "2", "2")
    assert names[1:] == ("1", "2")
    assert names[::-2] == ("2", "0")
    assert "1" in names
    assert names.index("2") == 2
    for beyond in (3, -4):
        with pytest.raises(IndexError):
            names[beyond]


def test_equal_if_the_names_are():
    assert packed(b"0", b"1") == packed(b"0", b"1")
    assert packed(b"0", b"1") == IndexNames(2) == ["0", "1"]
    assert packed(b"ab", b"c") != packed(b"a", b"bc")
    assert IndexNames(2) != IndexNames(3)
    assert IndexNames(2) != ["0", "2"]
    assert IndexNames(2) != 2
