"""`make audit`: are there known vulnerabilities in the pinned versions? Says so if no advisory source answers.

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
            continue  # pip-audit prints no JSON if it cannot reach the source
        audited = [package for package in packages if "skip_reason" not in package]
        if not audited:
            continue
        found = [(p["name"], p["version"], vulnerability["id"]) for p in audited for vulnerability in p["vulns"]]
        for name, version, vulnerability in found:
            print(f"{name} {version}: {vulnerability}")
        known = f"{len(found)} known vulnerabilities"
        print(f"{len(audited)} of {len(packages)} pinned packages looked up in {source}: {known}")
        return 1 if found else 0
    print(f"no advisory source could be reached ({', '.join(SOURCES)}): nothing was audited")
    return 0


if __name__ == "__main__":
    sys.exit(main())
