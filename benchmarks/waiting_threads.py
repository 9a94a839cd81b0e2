"""Measures adversarial steps per second of the preset `default`, with OpenMP threads that sleep or spin when waiting.

    python -m benchmarks.waiting_threads [--pairs 3] [--busy 1]

Both kinds of threads are measured in turn, each in a process of its own, beside `--busy` processes that only compute.
"""

import argparse
import os
import subprocess
import sys
import time

POLICIES = {"passive": "sleep", "active": "spin"}
_SECONDS = 8.0
_WARM_UPS = 5


def main() -> None:
    """Prints one line for each measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--busy", type=int, default=1, help="other processes that keep a core busy")
    chosen = parser.parse_args()
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(chosen.busy)]
    try:
        for _ in range(chosen.pairs):
            for policy, word in POLICIES.items():
                print(f"threads that {word}: {measured(policy):.2f} steps/s", flush=True)
    finally:
        for process in busy:
            process.kill()


def measured(policy: str) -> float:
    """Steps a second in a process of its own, where OpenMP reads `policy` when it is loaded."""
    code = "from benchmarks.waiting_threads import steps_per_second; print(steps_per_second())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"OMP_WAIT_POLICY": policy},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(done.stdout)


def steps_per_second() -> float:
    """Steps of Algorithm 1 per second with the preset `default` on random images of 35x55."""
    import numpy as np

    from simgan import PRESETS
    from simgan.engines.automatic import open_engine, resolve
    from simgan.settings.config import make_config
    from simgan.training.state import new_state
    from simgan.training.steps import Steps

    config = resolve(make_config({"compile": "off"}, PRESETS["default"].config), (35, 55), 1)
    engine = open_engine(micro_batch=int(config.micro_batch), compiled=False)
    state = new_state(engine, config, (35, 55), 1)
    steps = Steps(engine, state, config)
    random = np.random.default_rng(0)
    x, y = (
        engine.to_device(random.uniform(-1, 1, (config.batch_size, 35, 55, 1)).astype(np.float32)) for _ in range(2)
    )
    count, started = -_WARM_UPS, time.perf_counter()
    while count < 0 or time.perf_counter() - started < _SECONDS:
        for _ in range(config.refiner_updates):
            steps.update_refiner(x, config.self_regularisation)
        _, refined = steps.update_discriminator(x, y)
        state.history.add(refined)
        count += 1
        if count == 0:
            started = time.perf_counter()
    return count / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
