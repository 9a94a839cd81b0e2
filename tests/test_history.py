from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from simgan.errors import ConfigError
from simgan.history import HistoryBuffer


def marked(*marks: int) -> np.ndarray:
    """An image 1x2x1 for each mark, which it shows in every pixel."""
    return np.broadcast_to(np.array(marks, np.float32)[:, None, None, None], (len(marks), 1, 2, 1)).copy()


def marks_of(images: np.ndarray) -> list[int]:
    assert (images[:, 0, 0, 0] == images[:, 0, 1, 0]).all()
    return [int(mark) for mark in images[:, 0, 0, 0]]


def held(buffer: HistoryBuffer) -> set[int]:
    return set(marks_of(buffer.sample(buffer.capacity)))


def buffer_of(capacity: int, seed: int = 0) -> HistoryBuffer:
    return HistoryBuffer(capacity, (1, 2, 1), seed=seed)


@st.composite
def fillings(draw):
    """A capacity, and how many images are added each time."""
    capacity = draw(st.integers(1, 12))
    return capacity, draw(st.lists(st.integers(0, capacity), max_size=12))


@given(fillings(), st.integers(0, 2**32 - 1))
def test_fills_and_then_replaces_as_many_as_are_added(filling, seed):
    capacity, counts = filling
    buffer, added = buffer_of(capacity, seed), 0
    for count in counts:
        before = held(buffer)
        new = set(range(added + 1, added + count + 1))
        buffer.add(marked(*new))
        added += count
        after = held(buffer)
        assert len(buffer) == len(after) == min(added, capacity) <= buffer.capacity == capacity
        assert new <= after <= before | new
        assert len(before - after) == max(0, len(before) + count - capacity)


@given(fillings(), st.integers(0, 20), st.integers(0, 2**32 - 1))
def test_draws_are_distinct_and_of_what_was_added(filling, count, seed):
    capacity, counts = filling
    buffer, added = buffer_of(capacity, seed), 0
    for more in counts:
        buffer.add(marked(*range(added + 1, added + more + 1)))
        added += more
    drawn = marks_of(buffer.sample(count))
    assert len(drawn) == len(set(drawn)) == min(count, added, capacity)
    assert set(drawn) <= set(range(1, added + 1))


@given(fillings(), st.integers(0, 12), st.integers(0, 2**32 - 1))
def test_history_on_a_device_draws_and_replaces_as_the_one_on_the_host(filling, drawn, seed):
    capacity, counts = filling
    host = buffer_of(capacity, seed)
    device = HistoryBuffer(capacity, (1, 2, 1), seed=seed, zeros=torch.zeros, to_device=torch.from_numpy)
    mark = 0
    for count in counts:
        images = marked(*range(mark + 1, mark + count + 1))
        mark += count
        host.add(images)
        device.add(torch.from_numpy(images))
        on_device = device.sample(drawn)
        assert isinstance(on_device, torch.Tensor)
        assert on_device.dtype == torch.float32
        assert on_device.tolist() == host.sample(drawn).tolist()
        assert (len(device), device.capacity) == (len(host), capacity)


def test_history_on_a_device_holds_copies_and_gives_copies():
    buffer = HistoryBuffer(2, (1, 2, 1), zeros=torch.zeros, to_device=torch.from_numpy)
    images = torch.from_numpy(marked(1, 2))
    buffer.add(images)
    images[:] = 9
    buffer.sample(2)[:] = 9
    assert sorted(marks_of(buffer.sample(2).numpy())) == [1, 2]


def story(seed: int) -> list[list[int]]:
    buffer, drawn = buffer_of(20, seed), []
    for start in range(0, 80, 8):
        buffer.add(marked(*range(start, start + 8)))
        drawn.append(marks_of(buffer.sample(5)))
    return drawn


def test_everything_random_follows_from_the_seed():
    assert story(3) == story(3)
    assert story(3) != story(4)


def test_every_place_is_replaced_alike():
    replaced = Counter()
    for seed in range(400):
        buffer = buffer_of(4, seed)
        buffer.add(marked(1, 2, 3, 4))
        buffer.add(marked(5))
        replaced.update({1, 2, 3, 4} - held(buffer))
    assert replaced.total() == 400
    assert all(60 < replaced[mark] < 140 for mark in (1, 2, 3, 4))  # 100 expected, standard deviation 8.7


def test_every_image_is_drawn_alike():
    buffer = buffer_of(4)
    buffer.add(marked(1, 2, 3, 4))
    drawn = Counter(mark for _ in range(400) for mark in marks_of(buffer.sample(1)))
    assert all(60 < drawn[mark] < 140 for mark in (1, 2, 3, 4))


def test_empty_buffer_gives_no_image():
    assert buffer_of(3).sample(2).shape == (0, 1, 2, 1)


def test_holds_copies_and_gives_copies():
    buffer, images = buffer_of(2), marked(1, 2)
    buffer.add(images)
    images[:] = 9
    buffer.sample(2)[:] = 9
    assert held(buffer) == {1, 2}


def test_images_keep_their_values_and_shape():
    images = np.random.default_rng(0).normal(size=(3, 4, 5, 2)).astype(np.float32)
    buffer = HistoryBuffer(3, (4, 5, 2))
    buffer.add(images)
    drawn = buffer.sample(3)
    assert drawn.dtype == np.float32
    order = np.argsort(drawn[:, 0, 0, 0])
    np.testing.assert_array_equal(drawn[order], images[np.argsort(images[:, 0, 0, 0])])


def test_capacity_must_not_be_negative(only_line):
    with pytest.raises(ConfigError) as caught:
        buffer_of(-1)
    assert "capacity" in only_line(str(caught.value))


def test_more_than_fits_into_memory_is_one_line(only_line):
    with pytest.raises(ConfigError) as caught:
        HistoryBuffer(10**12, (35, 55, 1))
    assert "capacity" in only_line(str(caught.value))


@pytest.mark.parametrize("shape", [(1, 2, 2, 1), (1, 1, 2), (4, 1, 2, 1)], ids=["size", "axes", "too many"])
def test_images_that_do_not_fit_change_nothing(shape, only_line):
    buffer = buffer_of(3)
    buffer.add(marked(1))
    with pytest.raises(ConfigError) as caught:
        buffer.add(np.zeros(shape, np.float32))
    assert "expected at most 3 images of (1, 2, 1)" in only_line(str(caught.value))
    assert held(buffer) == {1}


def test_a_buffer_of_no_capacity_holds_and_gives_nothing():
    buffer = buffer_of(0)
    buffer.add(np.ones((3, 1, 2, 1), np.float32))
    assert len(buffer) == 0
    assert buffer.sample(5).shape == (0, 1, 2, 1)


@pytest.mark.parametrize("filled", [0, 3, 8])
def test_a_buffer_goes_on_from_its_state(filled):
    first = buffer_of(8, seed=1)
    first.add(marked(*range(filled)))
    saved = first.state_dict()
    assert saved["images"].shape == (filled, 1, 2, 1)
    second = buffer_of(8, seed=2)
    second.add(marked(90, 91, 92, 93))
    second.load_state_dict(saved)
    assert len(second) == filled
    for mark in range(100, 112, 3):
        for buffer in (first, second):
            buffer.add(marked(mark, mark + 1, mark + 2))
        assert marks_of(first.sample(4)) == marks_of(second.sample(4))


@pytest.mark.parametrize("shape", [(2, 2, 2, 1), (4, 1, 2, 1)], ids=["size", "too many"])
def test_a_state_of_another_buffer_is_refused(shape):
    buffer = buffer_of(3)
    buffer.add(marked(1))
    state = {**buffer_of(3).state_dict(), "images": np.zeros(shape, np.float32)}
    with pytest.raises(ValueError, match="at most 3 images"):
        buffer.load_state_dict(state)
    assert held(buffer) == {1}


def test_a_buffer_may_take_four_fifths_of_the_memory_and_no_more(monkeypatch, only_line):
    """Images of 2 values, 8 bytes each: of 1,000 bytes 800 are 100 images."""
    monkeypatch.setattr("simgan.history.device_memory", lambda: 1000)
    assert buffer_of(100).capacity == 100
    with pytest.raises(ConfigError) as caught:
        buffer_of(101)
    assert only_line(str(caught.value)).endswith("choose a smaller history_size.")
