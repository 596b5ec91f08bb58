"""Look the pinned packages up among the published vulnerabilities, with pip-audit.

Exit code 1 with their list if there are some. Where the tool is not installed, or its
database knows nothing of the packages (no network), it says that it was skipped.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

_CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"
_OPTIONS = ["--no-deps", "--disable-pip", "--progress-spinner=off", "--timeout=10"]


def main() -> int:
    """Audit, and print what was found or why nothing was looked for."""
    tool = shutil.which("pip-audit")
    if tool is None:
        return _skipped("pip-audit is not installed")
    command = [tool, "--requirement", str(_CONSTRAINTS), "--format=json", *_OPTIONS]
    try:
        run = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=120
        )
        packages = json.loads(run.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        return _skipped("its database did not answer within two minutes")
    except ValueError:  # no report: it ended in an error, such as no network
        last = (run.stderr.strip() or "no message").splitlines()[-1]
        return _skipped(f"pip-audit gave no report ({last})")
    audited = [package for package in packages if "vulns" in package]
    if not audited:
        return _skipped("its database cannot be reached, or has none of the packages")
    holes = [(package, hole) for package in audited for hole in package["vulns"]]
    for package, hole in holes:
        fixed = ", ".join(hole["fix_versions"]) or "no version yet"
        name = f"{package['name']} {package['version']}"
        sys.stdout.write(f"{name}: {hole['id']}, fixed in {fixed}\n")
    summary = f"{len(audited)} of {len(packages)} packages, {len(holes)}"
    sys.stdout.write(f"audit of packages: {summary} known vulnerabilities\n")
    return int(bool(holes))


def _skipped(why: str) -> int:
    sys.stdout.write(f"audit of packages: skipped, {why}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
