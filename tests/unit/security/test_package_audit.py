"""The look-up of vulnerable packages, with a stand-in for pip-audit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / ".ci/audit_packages.py"
HOLE = {"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": [], "description": ""}


@pytest.fixture
def audit(tmp_path, monkeypatch):
    """Give a function that runs the script with a pip-audit that prints something."""

    def run(report: str | None, code: int = 0) -> tuple[int, str]:
        if report is not None:
            tool = tmp_path / "pip-audit"
            (tmp_path / "report").write_text(report)
            tool.write_text(
                f"#!/bin/sh\n/bin/cat {tmp_path}/report\necho no route >&2\nexit {code}"
            )
            tool.chmod(0o755)
        finished = subprocess.run(
            [sys.executable, str(SCRIPT)],
            env=os.environ | {"PATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        return finished.returncode, finished.stdout

    return run


def report(*packages: dict) -> str:
    return json.dumps({"dependencies": list(packages), "fixes": []})


def test_without_the_tool_it_is_skipped(audit):
    assert audit(None) == (
        0,
        "audit of packages: skipped, pip-audit is not installed\n",
    )


def test_without_a_network_it_is_skipped(audit):
    code, out = audit("", 1)
    assert (code, "skipped" in out, "no route" in out) == (0, True, True)


def test_a_database_that_knows_none_of_the_packages_is_no_success(audit):
    code, out = audit(report({"name": "a", "skip_reason": "not found"}))
    assert (code, "skipped" in out) == (0, True)


def test_packages_without_holes(audit):
    skipped = {"name": "b", "skip_reason": "not found"}
    code, out = audit(report({"name": "a", "version": "1", "vulns": []}, skipped))
    assert (code, out) == (
        0,
        "audit of packages: 1 of 2 packages, 0 known vulnerabilities\n",
    )


def test_a_hole_is_named_and_fails(audit):
    code, out = audit(report({"name": "a", "version": "1", "vulns": [HOLE]}), 1)
    assert code == 1
    assert "a 1: PYSEC-1, fixed in 1.1\n" in out
