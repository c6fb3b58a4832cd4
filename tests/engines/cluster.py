"""A Ray cluster of three nodes on this machine, and the means to kill parts of it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

ROOT = Path(__file__).resolve().parents[2]
NODES = 3
STORE_BYTES = 100_000_000
PATIENCE_S = 120.0


@dataclass
class Cluster:
    """Nodes by the process that keeps each of them; the first is the head."""

    address: str
    folder: Path
    nodes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *options: str) -> None:
        """One more node, with one core."""
        command = [
            sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--node-ip-address=127.0.0.1",
            "--num-cpus=1", f"--object-store-memory={STORE_BYTES}", "--disable-usage-stats", *options,
        ]  # fmt: skip
        log = (self.folder / f"node{len(self.nodes)}.txt").open("wb")
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "RASTERET_PROGRESS": "off"}
        with log:
            self.nodes.append(
                subprocess.Popen(
                    command, stdout=log, stderr=log, env=environment, cwd=self.folder, start_new_session=True
                )
            )

    def workers(self, title: str) -> list[int]:
        """Processes of workers that are at a task whose name begins with ``title``."""
        ours = {pid for node in self.nodes for pid in descendants(node.pid)}
        return [pid for pid, command in processes() if command.startswith(f"ray::{title}") and pid in ours]

    def kill_node(self, number: int) -> None:
        """SIGKILL for all processes of a node, as if the machine were gone."""
        keeper = self.nodes[number]
        for pid in [*descendants(keeper.pid), keeper.pid]:
            kill(pid)
        keeper.wait()

    def stop(self) -> None:
        """At once: an orderly end takes a node 20 s, and nothing of it is kept."""
        for number, node in enumerate(self.nodes):
            if node.poll() is None:
                self.kill_node(number)


def kill(pid: int) -> None:
    """Unless it has ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def processes() -> list[tuple[int, str]]:
    """Every process of this machine with its command."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:  # it has ended
            continue
        found.append((int(path.parent.name), command))
    return found


def parent(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return 0
    return int(status.rpartition(")")[2].split()[1])


def descendants(pid: int) -> list[int]:
    """Children, and theirs, deepest first."""
    children = [other for other, _ in processes() if parent(other) == pid]
    return [one for child in children for one in (*descendants(child), child)]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Three nodes on loopback, and this process connected to them."""
    import ray

    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # paths of sockets have to be short
    port = free_port()
    cluster = Cluster(f"127.0.0.1:{port}", folder)
    try:
        cluster.start("--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}")
        connect(cluster)
        for _ in range(NODES - 1):  # one after the other: two at once may take the same ports
            cluster.start(f"--address={cluster.address}")
            wait_for_nodes(cluster)
        yield cluster
        ray.shutdown()
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def connect(cluster: Cluster) -> None:
    """Connect this process, once the head is there."""
    import ray

    until = monotonic() + PATIENCE_S
    while True:
        try:
            ray.init(address=cluster.address, _node_ip_address="127.0.0.1", log_to_driver=False)
            break
        except (ConnectionError, RuntimeError, ValueError):
            if monotonic() > until:
                raise
            sleep(0.3)


def wait_for_nodes(cluster: Cluster) -> None:
    """Until every node is counted on."""
    until = monotonic() + PATIENCE_S
    while alive() < len(cluster.nodes):
        log = (cluster.folder / f"node{len(cluster.nodes) - 1}.txt").read_text("utf-8", "replace")
        assert cluster.nodes[-1].poll() is None, log
        assert monotonic() < until, log
        sleep(0.2)


def alive() -> int:
    """Nodes that the cluster counts on."""
    import ray

    return sum(node["Alive"] for node in ray.nodes())
