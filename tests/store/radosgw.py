"""Ceph's S3 on this machine: one monitor, one store in memory and a gateway, while a test needs them.

It verifies signatures, presigned URLs, bucket policies and who pays as S3 does; Debian's packages are
``radosgw``, ``ceph-mon`` and ``ceph-osd``. Setting up takes about ten seconds.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.store.endpoints import free_port, running

PROGRAMS = ("radosgw", "radosgw-admin", "ceph-mon", "ceph-osd", "ceph-authtool", "monmaptool", "ceph")
POOLS_OF_ONE = """
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{mon2},v1:127.0.0.1:{mon}]
public_addr = 127.0.0.1
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
auth_allow_insecure_global_id_reclaim = false
keyring = {folder}/admin.keyring
admin_socket = {folder}/$name.$pid.asok
run_dir = {folder}
log_file = {folder}/$name.log
log_to_stderr = false
mon_cluster_log_file = {folder}/cluster.log
crash_dir = {folder}
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
osd_objectstore = memstore
memstore_device_bytes = 268435456
[mon.a]
mon_data = {folder}/mon
keyring = {folder}/mon.keyring
[osd.0]
osd_data = {folder}/osd
keyring = {folder}/osd/keyring
[client.rgw]
keyring = {folder}/rgw.keyring
rgw_frontends = beast endpoint=127.0.0.1:{gateway}
rgw_thread_pool_size = 32
rgw_enable_usage_log = false
rgw_run_sync_thread = false
rgw_enable_gc_threads = false
rgw_enable_lc_threads = false
rgw_enable_quota_threads = false
"""


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account of the gateway."""

    key: str
    secret: str


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """A gateway that runs, with two accounts."""

    origin: str
    owner: Account
    guest: Account


@contextmanager
def gateway(folder: Path) -> Iterator[Gateway]:
    """Set up the cluster in ``folder``, whose path has to be short (sockets), and stop it afterwards."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not on PATH: {', '.join(missing)}; S3 is tested without Ceph's radosgw")
    mon2, mon, port = (free_port() for _ in range(3))
    fsid = str(uuid.uuid4())
    config = folder / "ceph.conf"
    config.write_text(POOLS_OF_ONE.format(fsid=fsid, mon2=mon2, mon=mon, gateway=port, folder=folder))
    _make_keys(folder)
    (folder / "mon").mkdir()
    addresses = f"[v2:127.0.0.1:{mon2},v1:127.0.0.1:{mon}]"
    _run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", addresses, folder / "map")
    _run("ceph-mon", "-c", config, "--mkfs", "-i", "a", "--monmap", folder / "map",
         "--keyring", folder / "mon.keyring")  # fmt: skip

    def ceph(*words: object) -> None:
        _run("ceph", "-c", config, "--connect-timeout", "20", *words)

    with ExitStack() as servers:
        start = servers.enter_context
        start(running(["ceph-mon", "-c", str(config), "-i", "a", "-f"], mon2, log=folder / "mon.out"))
        osd = uuid.uuid4()
        ceph("osd", "new", osd)
        ceph("auth", "add", "osd.0", "osd", "allow *", "mon", "allow rwx", "-i", folder / "osd" / "keyring")
        _run("ceph-osd", "-c", config, "-i", "0", "--mkfs", "--osd-uuid", osd)
        # It takes the next four free ports; the gateway waits for it.
        start(running(["ceph-osd", "-c", str(config), "-i", "0", "-f"], mon2, log=folder / "osd.out"))
        ceph("auth", "add", "client.rgw", "mon", "allow *", "osd", "allow rwx", "-i", folder / "rgw.keyring")
        start(running(["radosgw", "-c", str(config), "-n", "client.rgw", "-f"], port, log=folder / "rgw.out"))
        yield Gateway(
            origin=f"http://127.0.0.1:{port}", owner=_user(config, "owner"), guest=_user(config, "guest")
        )


def _make_keys(folder: Path) -> None:
    def make(file: Path, name: str, *caps: str) -> None:
        _run("ceph-authtool", "--create-keyring", file, "--gen-key", "-n", name, *caps)

    every = [word for cap in ("mon", "osd", "mds", "mgr") for word in ("--cap", cap, "allow *")]
    make(folder / "admin.keyring", "client.admin", *every)
    make(folder / "mon.keyring", "mon.", "--cap", "mon", "allow *")
    make(folder / "rgw.keyring", "client.rgw")
    (folder / "osd").mkdir(exist_ok=True)
    make(folder / "osd" / "keyring", "osd.0")
    _run("ceph-authtool", folder / "mon.keyring", "--import-keyring", folder / "admin.keyring")


def _user(config: Path, name: str) -> Account:
    made = _run("radosgw-admin", "-c", config, "-n", "client.rgw", "user", "create",
                f"--uid={name}", f"--display-name={name}")  # fmt: skip
    [keys] = json.loads(made)["keys"]
    return Account(key=keys["access_key"], secret=keys["secret_key"])


def _run(*command: object) -> str:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=60,
        stdin=subprocess.DEVNULL, env={**os.environ, "CEPH_ARGS": ""},
    )  # fmt: skip
    assert done.returncode == 0, f"{command[:4]}: {done.stderr[-800:]}"
    return done.stdout
