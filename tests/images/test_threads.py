from __future__ import annotations

import threading
from contextlib import closing

import pytest

from simgan.images import threads as module
from simgan.images.threads import ahead, in_threads


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


@pytest.fixture(params=[1, 4])
def cores(request, monkeypatch):
    monkeypatch.setattr(module.os, "cpu_count", lambda: request.param)


@pytest.mark.parametrize("nbytes", [1000, 10**6])
@pytest.mark.parametrize("count", [0, 1, 100])
def test_in_threads_keeps_the_order(cores, count, nbytes):
    assert in_threads(lambda item: 2 * item, range(count), nbytes) == [2 * item for item in range(count)]


def test_in_threads_raises_the_first_error(cores):
    def divide(item):
        return 1 / 0 if item == 20 else [][item] if item > 20 else item

    with pytest.raises(ZeroDivisionError):
        in_threads(divide, range(100), 10**6)


def test_only_large_items_are_worth_threads(monkeypatch):
    monkeypatch.setattr(module.os, "cpu_count", lambda: 2)
    here = threading.get_ident()
    assert set(in_threads(lambda _: threading.get_ident(), range(9), 1000)) == {here}
    assert here not in in_threads(lambda _: threading.get_ident(), range(9), 10**6)


def test_what_hardly_holds_the_lock_is_worth_threads_whatever_its_size(monkeypatch):
    """Three threads that wait for each other: with fewer, the barrier breaks after its timeout."""
    monkeypatch.setattr(module.os, "cpu_count", lambda: 8)
    barrier = threading.Barrier(3, timeout=20)
    assert in_threads(lambda item: (barrier.wait(), item)[1], range(3), most_threads=3) == [0, 1, 2]
    here = threading.get_ident()
    assert len(set(in_threads(lambda _: threading.get_ident(), range(50), most_threads=2))) <= 2
    assert set(in_threads(lambda _: threading.get_ident(), range(9), most_threads=1)) == {here}


def test_ahead_keeps_the_order_and_its_distance():
    drawn = []

    def items():
        for item in range(10):
            drawn.append(item)
            yield item

    for place, result in enumerate(ahead(lambda item: item * item, items(), depth=3)):
        assert result == place * place
        assert len(drawn) <= place + 4
    assert len(drawn) == 10


def test_ahead_computes_in_another_thread_and_draws_in_this():
    here = threading.get_ident()
    drawn_in = (threading.get_ident() for _ in range(3))
    assert all(drawn == here != ran for drawn, ran in ahead(lambda drawn: (drawn, threading.get_ident()), drawn_in))


def test_ahead_raises_an_error_in_its_place():
    results = ahead(lambda item: 1 / item, [1, 2, 0, 4])
    assert [next(results), next(results)] == [1, 0.5]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_ahead_stops_when_its_items_fail():
    def items():
        yield 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(ahead(str, items()))


def test_closing_drops_what_waits():
    started, let_go, done = threading.Event(), threading.Event(), []

    def work(item):
        if item == 1:
            started.set()
            let_go.wait(10)
        done.append(item)

    with closing(ahead(work, range(100), depth=5)) as results:
        next(results)
        started.wait(10)
        threading.Timer(0.05, let_go.set).start()
    assert done == [0, 1]
