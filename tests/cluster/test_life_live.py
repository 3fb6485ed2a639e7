"""How a control plane starts, stops, and gets over a crash."""

import stat
from pathlib import Path

import httpx2
import psutil
import pytest
from lightkube import ApiError, Client, KubeConfig
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Node
from rich.console import Console

from localcloud import cluster
from localcloud.arm.store import Store
from localcloud.toolchain import Toolchain
from tests.cluster.live import Live, eventually, fill

pytestmark = pytest.mark.e2e
CONSOLE = Console(stderr=True)


def pids(state: Path) -> dict[str, int]:
    return {process.name: process.pid for process in cluster.status(state).processes}


def alive(found: dict[str, int]) -> set[str]:
    return {name for name, pid in found.items() if psutil.pid_exists(pid) and _runs(pid)}


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def connect(state: Path) -> Client:
    return Client(KubeConfig.from_file(state / "kubeconfig"), trust_env=False)


def test_two_at_once_then_a_crash_then_a_new_start(toolchain: Toolchain, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    try:
        for state in (one, other):
            with Store(state / "arm.db") as store:
                fill(store)
            cluster.start(state, toolchain, console=CONSOLE)
        assert cluster.status(one).endpoint != cluster.status(other).endpoint
        for state in (one, other):
            eventually("two nodes", lambda state=state: len(list(connect(state).list(Node))) == 2)

        connect(one).create(ConfigMap(metadata=ObjectMeta(name="kept", namespace="default")))
        before, kubeconfig = pids(one), (one / "kubeconfig").read_bytes()
        psutil.Process(before["supervisor"]).kill()
        eventually("its children end with it", lambda: not alive(before), within_s=10)
        assert not cluster.status(one).running
        assert cluster.status(other).running

        cluster.start(one, toolchain, console=CONSOLE)
        assert connect(one).get(ConfigMap, "kept", namespace="default").metadata
        assert (one / "kubeconfig").read_bytes() == kubeconfig
        with pytest.raises(ApiError, match="not found"):
            connect(other).get(ConfigMap, "kept", namespace="default")
    finally:
        left = {**{f"one {name}": pid for name, pid in pids(one).items()}, **pids(other)}
        cluster.stop(one)
        cluster.stop(other)
    assert alive(left) == set()
    assert not cluster.status(one).running


def test_starting_what_runs_changes_nothing(live: Live, toolchain: Toolchain) -> None:
    before = pids(live.state)
    cluster.start(live.state, toolchain, console=CONSOLE)
    assert before.items() <= pids(live.state).items()


def test_the_operator_is_started_again(live: Live) -> None:
    first = eventually("the operator", lambda: pids(live.state).get("kuberay-operator"))
    psutil.Process(first).kill()
    # Until the supervisor has seen its end, the state still names the one that is gone.
    eventually("another operator", lambda: pids(live.state).get("kuberay-operator") not in (None, first))


def test_the_api_server_is_verified_and_wants_the_token(live: Live) -> None:
    config = KubeConfig.from_file(live.state / "kubeconfig").get()
    assert config
    with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx2.get(f"{config.cluster.server}/api", trust_env=False)
    assert config.cluster.insecure is not True
    refused = httpx2.get(f"{config.cluster.server}/api/v1/nodes", verify=False, trust_env=False)
    assert refused.status_code == 403  # anonymous


def test_nobody_else_may_read_credentials(live: Live) -> None:
    files = [live.state / "kubeconfig", *(live.state / "cluster" / "pki").iterdir()]
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    assert stat.S_IMODE((live.state / "cluster").stat().st_mode) == 0o700


def test_everything_listens_on_loopback_only(live: Live) -> None:
    listening = {
        connection.laddr.ip
        for pid in pids(live.state).values()
        for connection in psutil.Process(pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_no_token_is_in_a_log(live: Live) -> None:
    token = KubeConfig.from_file(live.state / "kubeconfig").get().user.token  # type: ignore[union-attr]
    assert token
    assert all(
        token not in log.read_text(errors="replace") for log in (live.state / "cluster" / "logs").iterdir()
    )
