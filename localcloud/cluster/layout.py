"""Where a control plane keeps its files, and what it is made of."""

import socket
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from localcloud.arm.control_planes import EXISTING, existing_homes, home
from localcloud.toolchain.tool import Tool


class Toolchain(Protocol):
    """What makes the programs, as far as it matters here."""

    def path(self, tool: Tool) -> Path:
        """Where a tool lies."""
        ...


class Programs(BaseModel):
    """The programs of a control plane, by path, and kwok's configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    etcd: Path
    apiserver: Path
    controller_manager: Path
    scheduler: Path
    kwok: Path
    kwok_stages: Path
    """Stages that tell kwok how nodes and pods come up and go."""
    operator: Path
    """KubeRay's operator."""

    @classmethod
    def of(cls, toolchain: Toolchain) -> "Programs":
        """The programs of a toolchain."""
        return cls(
            etcd=toolchain.path(Tool.ETCD),
            apiserver=toolchain.path(Tool.KUBE_APISERVER),
            controller_manager=toolchain.path(Tool.KUBE_CONTROLLER_MANAGER),
            scheduler=toolchain.path(Tool.KUBE_SCHEDULER),
            kwok=toolchain.path(Tool.KWOK),
            kwok_stages=toolchain.path(Tool.KWOK_STAGES),
            operator=toolchain.path(Tool.KUBERAY_OPERATOR),
        )


class Settings(BaseModel):
    """What a supervisor is started with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    programs: Programs
    clock_speed: float
    """How many times faster the node autoscaler's clock runs than the real one."""


class Ports(BaseModel):
    """Loopback ports of a control plane."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    etcd: int
    etcd_peer: int
    api: int


class Layout:
    """Files of one control plane under its state folder, which holds credentials and is its owner's alone."""

    def __init__(self, state: Path, existing: str | None = None) -> None:
        """Name the files; nothing is made.

        `existing` names the folder of a cluster that was there before the stack whose state this is; the ARM
        stand-in is the same for both.
        """
        self.state, self.existing = state.resolve(), existing
        self.home = self.state / EXISTING / existing if existing else self.state
        self.kubeconfig = self.home / "kubeconfig"
        """For people and programs: one token, one verified authority, stable over restarts."""
        self.manifests = self.home / "manifests"
        """What an existing cluster has in it already, YAML files that are applied in the order of names."""
        self.store = self.state / "arm.db"
        """State of the ARM stand-in."""
        self.root = self.home / "cluster"
        self.pki = self.root / "pki"
        self.logs = self.root / "logs"
        self.data = self.root / "etcd"
        self.settings = self.root / "settings.json"
        self.ports = self.root / "ports.json"
        self.run = self.root / "run.json"
        self.lock = self.root / "lock"
        self.furnished = self.root / "furnished"
        """Digest of the manifests that were applied last."""

    @classmethod
    def existing_in(cls, state: Path) -> list["Layout"]:
        """The control planes of the clusters that were there before the stack."""
        return [cls(state, home.name) for home in existing_homes(state)]

    @property
    def options(self) -> list[str]:
        """Options that make this layout again in another process."""
        return ["--state", str(self.state), *(["--existing", self.existing] if self.existing else [])]

    def stands_for(self, cluster_id: str) -> bool:
        """Whether this is the control plane of an AKS cluster, given by its ARM id."""
        return home(self.state, cluster_id) == self.home

    def prepare(self) -> None:
        """Make the folders, readable by their owner alone."""
        for folder in (self.root, self.pki, self.logs, self.data):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.chmod(0o700)

    def turn_logs(self) -> None:
        """Keep the logs of the last run as `….previous.log`; every run begins with empty ones."""
        for log in self.logs.glob("*.log"):
            if not log.stem.endswith(".previous"):
                log.replace(log.with_suffix(".previous.log"))

    def log(self, process: str) -> Path:
        """The log of one process."""
        return self.logs / f"{process}.log"


def write_private(path: Path, content: str | bytes) -> None:
    """Replace a file that its owner alone may read, in one step."""
    made = path.with_name(f".{path.name}.new")
    made.touch(mode=0o600)
    made.chmod(0o600)
    made.write_bytes(content.encode() if isinstance(content, str) else content)
    made.replace(path)


def choose_ports(layout: Layout, *, afresh: bool = False) -> Ports:
    """The ports of the last run where they are free, otherwise new ones.

    They stay the same over restarts, so that whoever keeps the kubeconfig, Pulumi's state for one, need not
    notice. Between this choice and the programs' own binding another program may take a port; see `afresh`.
    """
    if layout.ports.exists() and not afresh:
        known = Ports.model_validate_json(layout.ports.read_text())
        if all(_is_free(port) for port in (known.etcd, known.etcd_peer, known.api)):
            return known
    sockets = [socket.socket() for _ in range(3)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        etcd, etcd_peer, api = (int(one.getsockname()[1]) for one in sockets)
    finally:
        for one in sockets:
            one.close()
    chosen = Ports(etcd=etcd, etcd_peer=etcd_peer, api=api)
    write_private(layout.ports, chosen.model_dump_json())
    return chosen


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
