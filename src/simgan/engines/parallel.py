"""Several trainings of small networks at once, each in a thread of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from threading import Event
from typing import TypeVar

from simgan.engines.automatic import require_torch
from simgan.engines.machine import on_gpu

Result = TypeVar("Result")


def at_once(jobs: Sequence[Callable[[Event], Result]]) -> list[Result]:
    """Runs the jobs and returns their results in order.

    On a CPU each job computes on one core, or on its share of the cores if there are fewer jobs than cores: a small
    network uses one core better than several. On a GPU the jobs run one after another.

    Args:
        jobs: functions of an event. The event is set when another job failed or the user interrupted the program; the
            results are not wanted then, and a job should end soon, in whatever way.

    Raises:
        The error of a job, if one fails; the jobs that have not begun never do, or find the event set.
    """
    require_torch()
    import torch

    cores, cancelled = torch.get_num_threads(), Event()
    workers = min(cores, len(jobs))
    if workers < 2 or on_gpu():
        return [job(cancelled) for job in jobs]

    def limit_threads() -> None:
        torch.set_num_threads(cores // workers)

    pool = ThreadPoolExecutor(workers, initializer=limit_threads)
    try:
        running = [pool.submit(job, cancelled) for job in jobs]
        ended, _ = wait(running, return_when=FIRST_EXCEPTION)
        for job in ended:
            job.result()  # raises the error of a job that failed
        return [job.result() for job in running]
    finally:
        cancelled.set()
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(cores)  # the number that a thread sets holds for all threads that begin later
