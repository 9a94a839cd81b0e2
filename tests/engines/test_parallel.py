from __future__ import annotations

import signal
import threading
import time

import pytest
import torch

from simgan.engines.parallel import at_once

PATIENCE = 60  # s


@pytest.fixture
def threads():
    """Sets the number of PyTorch's threads; the number before is set again after the test."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def threads_of_a_new_thread() -> int:
    """The number of PyTorch's threads in a thread that begins now."""
    found: list[int] = []
    new = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    new.start()
    new.join()
    return found[0]


def test_results_are_in_the_order_of_the_jobs(threads):
    """The first job ends last."""
    threads(2)
    second_ended = threading.Event()

    def first(cancelled):
        assert second_ended.wait(PATIENCE)
        return "first"

    def second(cancelled):
        second_ended.set()
        return "second"

    assert at_once([first, second, lambda cancelled: "third"]) == ["first", "second", "third"]


@pytest.mark.parametrize(("cores", "jobs", "each"), [(2, 2, 1), (4, 2, 2), (5, 2, 2), (2, 5, 1), (3, 1, 3)])
def test_jobs_share_the_cores(threads, cores, jobs, each):
    threads(cores)
    assert at_once([lambda cancelled: torch.get_num_threads()] * jobs) == [each] * jobs
    assert torch.get_num_threads() == cores
    assert threads_of_a_new_thread() == cores


def test_two_jobs_overlap_on_two_threads(threads):
    """Each waits for the other."""
    threads(2)
    meeting = threading.Barrier(2, timeout=PATIENCE)
    assert sorted(at_once([lambda cancelled: meeting.wait()] * 2)) == [0, 1]


def test_on_one_thread_jobs_run_one_after_another_in_the_calling_thread(threads):
    threads(1)
    assert at_once([lambda cancelled: threading.current_thread()] * 2) == [threading.current_thread()] * 2


def test_no_jobs_have_no_results():
    assert at_once([]) == []


def test_the_error_of_a_job_is_raised_and_cancels_the_others(threads):
    threads(2)
    told = []

    def fail(cancelled):
        raise ValueError("spoilt")

    def until_cancelled(cancelled):
        told.append(cancelled.wait(PATIENCE))

    def too_late(cancelled):
        time.sleep(0.05)
        assert cancelled.wait(PATIENCE)

    with pytest.raises(ValueError, match="spoilt"):
        at_once([until_cancelled, fail, *[too_late] * 5])
    assert told == [True]
    assert torch.get_num_threads() == 2
    assert threads_of_a_new_thread() == 2


def test_an_interrupt_by_the_user_cancels_all_jobs(threads):
    threads(2)
    told, meeting = [], threading.Barrier(2, timeout=PATIENCE)

    def interrupt(cancelled):
        meeting.wait()
        time.sleep(0.2)  # until the main thread waits for the jobs
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        told.append(cancelled.wait(PATIENCE))

    def until_cancelled(cancelled):
        meeting.wait()
        told.append(cancelled.wait(PATIENCE))

    with pytest.raises(KeyboardInterrupt):
        at_once([interrupt, until_cancelled])
    assert told == [True, True]
    assert torch.get_num_threads() == 2
