"""A SLURM cluster of one node on this host, for as long as a test takes.

Everything lies in one folder: key, configuration, state and logs. The daemons run in
the foreground as children of the test, and end with it.
"""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
CLIENTS = ("sbatch", "squeue", "scancel", "scontrol", "sinfo", "srun", "setpriv")
PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
PATIENCE_S = 60

CONFIG = """\
ClusterName=dfprobe
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=10
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MinJobAge=3600
KillWait=5
ReturnToService=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory_mb} Gres=gpu:1
PartitionName=work Nodes={host} Default=YES MaxTime=1-0 PriorityTier=1
PartitionName=urgent Nodes={host} MaxTime=1-0 PriorityTier=2
"""


def missing_programs() -> list[str]:
    """Return the programs a cluster needs that are not installed."""
    return [name for name in DAEMONS + CLIENTS if shutil.which(name, path=PATH) is None]


@dataclass(frozen=True)
class Cluster:
    """A running cluster.

    Attributes
    ----------
    folder : Path
        What it keeps, its logs included.
    env : dict of str to str
        The environment in which SLURM's programs find it.
    """

    folder: Path
    env: dict[str, str]

    def run(self, *command: str) -> str:
        """Return what one of SLURM's programs prints."""
        done = subprocess.run(
            command, env=self.env, capture_output=True, text=True, timeout=PATIENCE_S
        )
        assert done.returncode == 0, f"{command}: {done.stderr}{self.logs()}"
        return done.stdout.strip()

    def jobs(self) -> list[dict[str, str]]:
        """Return all jobs, the ended ones too, each by `scontrol`'s names."""
        lines = self.run("scontrol", "--oneliner", "show", "job").splitlines()
        return [
            dict(part.split("=", 1) for part in line.split() if "=" in part)
            for line in lines
            if line.startswith("JobId=")  # otherwise it says that there are none
        ]

    def logs(self) -> str:
        """Return the ends of the daemons' logs."""
        texts = [""]
        for path in sorted(self.folder.glob("*.log")):
            texts += [f"--- {path.name}", *path.read_text().splitlines()[-20:]]
        return "\n".join(texts)


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """Start a cluster in an empty folder; on leaving, stop all that runs on it.

    Raises
    ------
    AssertionError
        When the node is not ready within a minute, with the daemons' logs.
    """
    cluster = Cluster(folder, os.environ | {"PATH": PATH})
    cluster.env["SLURM_CONF"] = str(folder / "slurm.conf")
    cluster.env["PATH"] = os.pathsep.join([str(folder / "bin"), PATH])
    _write_files(folder)
    with ExitStack() as stack:
        stack.callback(signal.signal, signal.SIGTERM, signal.getsignal(signal.SIGTERM))
        # A test that is told to end leaves by an exception, so that it cleans up.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        stack.callback(_stop_leftovers, cluster.env["SLURM_CONF"])
        for command in _daemon_commands(folder):
            stack.enter_context(_daemon(command, cluster))
        _wait_for_node(cluster)
        stack.callback(_cancel_all, cluster)
        yield cluster


def _write_files(folder: Path) -> None:
    for name in ("state", "spool", "bin"):
        (folder / name).mkdir()
    # The plugin clears SLURM_* before it calls srun, which could not find the cluster.
    srun = folder / "bin/srun"
    config = shlex.quote(str(folder / "slurm.conf"))
    real = shutil.which("srun", path=PATH)
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={config} exec {real} "$@"\n')
    srun.chmod(0o755)
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(128))
    ports = _free_ports(2)
    text = CONFIG.format(
        host=socket.gethostname().split(".")[0],
        controller_port=ports[0],
        node_port=ports[1],
        folder=folder,
        cores=os.cpu_count(),
        memory_mb=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
    )
    (folder / "slurm.conf").write_text(text)
    # A GPU in name alone: it is counted and handed out like a real one.
    (folder / "gres.conf").write_text("Name=gpu File=/dev/null\n")


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _daemon_commands(folder: Path) -> list[list[str]]:
    munge_files = [
        f"--{option}={folder}/munge.{ending}"
        for option, ending in (
            ("key-file", "key"),
            ("socket", "socket"),
            ("pid-file", "pid"),
            ("seed-file", "seed"),
        )
    ]
    # --force: the folder of the tests is closed to other users.
    return [
        ["munged", "--foreground", "--force", *munge_files],
        ["slurmctld", "-D"],
        ["slurmd", "-D"],
    ]


@contextmanager
def _daemon(command: list[str], cluster: Cluster) -> Iterator[None]:
    """Run a daemon that also ends when the test is killed."""
    with (cluster.folder / f"{command[0]}.log").open("w") as log:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *command],
            env=cluster.env,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for_node(cluster: Cluster) -> None:
    command = ["sinfo", "--noheader", "--format=%T", "--partition=work"]
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        done = subprocess.run(
            command, env=cluster.env, capture_output=True, text=True, timeout=PATIENCE_S
        )
        if done.stdout.strip() == "idle":
            return
        time.sleep(0.2)
    raise AssertionError(f"the node did not become idle: {done}{cluster.logs()}")


def _cancel_all(cluster: Cluster) -> None:
    """End all jobs: their processes outlive the daemons."""
    cluster.run("scancel", "--state=PENDING", "--user=root")
    cluster.run("scancel", "--user=root")
    until = time.monotonic() + PATIENCE_S
    while cluster.run("squeue", "--noheader") and time.monotonic() < until:
        time.sleep(0.2)


def _stop_leftovers(config: str) -> None:
    """Kill what is left of the cluster, known by its configuration."""
    for pid in processes_of(config):
        os.kill(pid, signal.SIGKILL)


def processes_of(config: str) -> list[int]:
    """Return the processes that run with a SLURM configuration."""
    mark = f"SLURM_CONF={config}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:  # it has ended, or is another user's
            continue
    return found
