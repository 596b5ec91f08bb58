"""Peak memory of the process that imports this."""

from pathlib import Path


def peak_mb() -> int:
    """Most memory that was resident so far, in MB.

    Not ``ru_maxrss``: that of a child starts with the peak of the process that made it.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024
