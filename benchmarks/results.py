"""Runs the benchmarks and keeps their tables in RESULTS.md.

Without a name all are run, which takes hours; with names only these, and the sections
of the others stay as they are. Each section says its command, machine and day.
"""

import argparse
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "RESULTS.md"
COMMANDS = {  # name of the section: file and arguments
    "crops": ["crops.py"],
    "crop_threads": ["crop_threads.py"],
    "store": ["store.py"],
    "extraction_speed": ["extraction_speed.py", "--size", "small", "--sources", "10"],
    "extraction_published": ["extraction_speed.py"],
    "half_precision": [
        *("half_precision.py", "--families", "avhubert", "wav2vec2", "clip"),
    ],
    "probe_speed": ["probe_speed.py"],
    "streaming_speed": ["streaming_speed.py", "--gigabytes", "8"],
    "manifest_size": ["manifest_size.py"],
    "long_clip": ["long_clip.py"],
    "run_stages": ["run_stages.py", "--figure", "benchmarks/run_stages.png"],
    "dry_runs": ["dry_runs.py"],
    "planning": ["planning.py"],
    "scale": ["scale.py", "--results", "results"],
    "aggregate_scale": ["aggregate_scale.py"],
}
_HEAD = """\
# Results of the benchmarks

Made by `make bench`; [README.md](README.md) says what each measures. Ratios compare
both sides in one run, in turn. Seconds are those of the machine that is named.
"""


def machine() -> str:
    """Processor, cores and load, in words."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if "model name" in line]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.0f} at the start"


def run(name: str) -> str:
    """Run a benchmark; its section."""
    file, *arguments = COMMANDS[name]
    shown = " ".join(["python", f"benchmarks/{file}", *arguments])
    about = f"`{shown}`, {datetime.now(UTC).date()}, {machine()}:"
    print(shown, file=sys.stderr, flush=True)
    command = [sys.executable, str(FOLDER / file), *arguments]
    output = subprocess.check_output(command, text=True, cwd=FOLDER.parent).strip()
    table = output if output.startswith("|") else f"```\n{output}\n```"
    return f"{about}\n\n{table}\n"


def sections(text: str) -> dict[str, str]:
    """Sections of the file by their names."""
    parts = (part.split("\n\n", 1) for part in text.split("\n## ")[1:])
    return {name: body.strip() + "\n" for name, body in parts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*COMMANDS, []], default=[])
    chosen = parser.parse_args().names or list(COMMANDS)
    kept = sections(RESULTS.read_text()) if RESULTS.is_file() else {}
    for name in chosen:
        kept[name] = run(name)
        ordered = [f"\n## {key}\n\n{kept[key]}" for key in COMMANDS if key in kept]
        RESULTS.write_text(_HEAD + "".join(ordered), encoding="utf-8")


if __name__ == "__main__":
    main()
