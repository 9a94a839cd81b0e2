"""`make audit`: are there known holes in the pinned versions? Says so if nobody could be asked.

Exit code 1 if there are, 0 if there are none or no advisory source could be reached.
"""

import json
import subprocess
import sys
from pathlib import Path

PINNED = ("requirements.lock", "requirements-browser.txt")
SOURCES = ("osv", "pypi")
_TIMEOUT = 300  # seconds


def main() -> int:
    """Asks one source after the other until one answers."""
    for source in SOURCES:
        command = [str(Path(sys.executable).parent / "pip-audit"), "--disable-pip", "--no-deps", "--format", "json"]
        command += ["--progress-spinner", "off", "--vulnerability-service", source]
        for name in PINNED:
            command += ["--requirement", name]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT)
            packages = json.loads(done.stdout)["dependencies"]
        except (ValueError, KeyError, subprocess.TimeoutExpired):
            continue  # it prints no JSON where it reaches nobody
        audited = [package for package in packages if "skip_reason" not in package]
        if not audited:
            continue
        found = [(p["name"], p["version"], hole["id"]) for p in audited for hole in p["vulns"]]
        for name, version, hole in found:
            print(f"{name} {version}: {hole}")
        print(f"{len(audited)} of {len(packages)} pinned packages looked up in {source}: {len(found)} known holes")
        return 1 if found else 0
    print(f"no advisory source could be reached ({', '.join(SOURCES)}): nothing was audited")
    return 0


if __name__ == "__main__":
    sys.exit(main())
