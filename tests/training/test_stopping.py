from __future__ import annotations

import os
import signal
import threading

import pytest

from simgan.training.stopping import StopRequest


@pytest.mark.parametrize(
    ("number", "error", "code"), [(signal.SIGINT, KeyboardInterrupt, None), (signal.SIGTERM, SystemExit, 143)]
)
def test_first_signal_is_noted_and_obeyed_later(number, error, code):
    with StopRequest() as stop:
        assert not stop
        os.kill(os.getpid(), number)
        assert stop
        with pytest.raises(error) as caught:
            stop.obey()
    assert getattr(caught.value, "code", None) == code


def test_second_signal_does_at_once_what_it_did_before():
    with StopRequest() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_handlers_are_handed_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with StopRequest():
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] != before
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_in_another_thread_nothing_changes():
    before, seen = signal.getsignal(signal.SIGINT), []

    def enter():
        with StopRequest() as stop:
            seen.append((signal.getsignal(signal.SIGINT), bool(stop)))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [(before, False)]
