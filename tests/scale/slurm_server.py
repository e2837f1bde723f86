"""A SLURM of Debian's packages on loopback: one controller, one node; ended by process id."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "sinfo")
_START_SECONDS = 60.0


def why_not() -> str:
    """Why there can be no SLURM here; empty if there can."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=_PATH) is None]
    if missing:
        return f"no {', '.join(missing)}: apt-get install slurm-wlm"
    return "" if os.geteuid() == 0 else "the daemons of SLURM are started by root"


class Slurm:
    """A running cluster."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._environment = {**os.environ, "PATH": _PATH, "SLURM_CONF": str(folder / "slurm.conf")}

    def run(self, *command: str, cwd: Path | None = None) -> str:
        """Run a command of SLURM; return what it prints."""
        done = subprocess.run(
            command, env=self._environment, cwd=cwd, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]} failed: {done.stderr}{self.logs}")
        return done.stdout

    def submit(self, script: Path) -> None:
        """Submit a batch script, and wait until all of its tasks have ended."""
        self.run("sbatch", "--wait", str(script), cwd=script.parent)

    @property
    def logs(self) -> str:
        return "\n".join(
            f"== {path.name}\n{path.read_text(errors='replace')[-1500:]}"
            for path in self.folder.glob("*.log")
        )

    def start(self, stack: ExitStack, *command: str) -> None:
        """Start a daemon that stays in the foreground; it ends with the stack."""
        with (self.folder / f"{Path(command[0]).name}.log").open("ab") as log:
            daemon = subprocess.Popen(
                command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        stack.callback(_end, daemon)

    def wait_for(self, *command: str, shows: str) -> None:
        """Repeat a command until it shows a text."""
        ends = time.monotonic() + _START_SECONDS
        while True:
            done = subprocess.run(
                command, env=self._environment, capture_output=True, text=True, check=False
            )
            if shows in done.stdout:
                return
            if time.monotonic() > ends:
                raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}\n{self.logs}")
            time.sleep(0.2)


@contextmanager
def slurm() -> Iterator[Slurm]:
    """Start a cluster of one node with two CPUs, on loopback and free ports."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        cluster = Slurm(folder)
        socket_path, key = folder / "munge.socket", folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        for name in ("state", "spool"):
            (folder / name).mkdir()
        (folder / "slurm.conf").write_text(_configuration(folder, socket_path))
        folder.chmod(0o755)
        cluster.start(
            stack, "munged", "--foreground", "--force", f"--socket={socket_path}",
            f"--key-file={key}", f"--pid-file={folder}/munged.pid",
            f"--seed-file={folder}/munged.seed", f"--log-file={folder}/munged-own.log",
        )  # fmt: skip
        while not socket_path.exists():
            time.sleep(0.05)
        cluster.start(stack, "slurmctld", "-D", "-i")
        cluster.start(stack, "slurmd", "-D", "-N", "node1")
        cluster.wait_for("sinfo", "-h", "-o", "%T", shows="idle")
        yield cluster


def _configuration(folder: Path, munge: Path) -> str:
    host = socket.gethostname().partition(".")[0]
    controller, node = _free_port(), _free_port()
    user = getpass.getuser()
    return f"""ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={munge}
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,batch_sched_delay=1
MpiDefault=none
ReturnToService=2
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=1000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _end(daemon: subprocess.Popen[bytes]) -> None:
    daemon.send_signal(signal.SIGTERM)
    try:
        daemon.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(daemon.pid, signal.SIGKILL)
        daemon.wait()


_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin:/sbin:/bin"
