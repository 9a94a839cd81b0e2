"""`make soak`: everything in this folder, one after the other, and one line of figures for each."""

import subprocess
import sys
import time

TRIALS = {
    "kills": ("--kills", "100"),
    "fuzz": ("--cases", "10000"),
    "large": ("--images", "1000000"),
    "long_run": ("--minutes", "20"),
}


def main() -> int:
    """Runs every trial; 1 if one failed."""
    failed, last = [], {}
    for name, options in TRIALS.items():
        started = time.monotonic()
        print(f"{name} ...", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", f"soak.{name}", *options], stdout=subprocess.PIPE, text=True, check=False
        )
        said = done.stdout.strip().splitlines() or ["said nothing"]
        last[name] = f"{said[-1]} ({(time.monotonic() - started) / 60:.1f} minutes)"
        if done.returncode:
            failed.append(name)
            print(done.stdout)
        print(f"{name}: {last[name]}", flush=True)
    print(f"failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
