"""The command lines of a control plane's programs."""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from localcloud.cluster.layout import Layout, Ports, Programs, write_private
from localcloud.cluster.pki import Pki, kubeconfig

_SERVICES = "10.0.0.0/16"
_PODS = "198.18.0.0/15"
"""Addresses that simulated pods show. The range is kept for benchmarks (RFC 2544): nothing answers there."""


class Command(BaseModel):
    """How a program is started."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    program: Path
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = {}
    grace_s: float = 10
    """How long it may take to end before it is killed."""


class Commands:
    """Commands for given programs, files and ports. Every server listens on 127.0.0.1 or not at all."""

    def __init__(self, layout: Layout, pki: Pki, ports: Ports, programs: Programs) -> None:
        """Keep what the command lines are made of."""
        self._layout, self._pki, self._ports, self._programs = layout, pki, ports, programs
        self.endpoint = f"https://127.0.0.1:{ports.api}"

    def etcd(self) -> Command:
        """The store. Not synced to disk at every write: what it holds can be made again."""
        client, peer = (f"https://127.0.0.1:{port}" for port in (self._ports.etcd, self._ports.etcd_peer))
        pair = {"cert-file": self._pki.certificate("etcd"), "key-file": self._pki.key("etcd")}
        authority = {"trusted-ca-file": self._pki.authority, "client-cert-auth": "true"}
        flags = {
            "name": "localcloud",
            "data-dir": self._layout.data,
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"localcloud={peer}",
            **pair,
            **authority,
            **{f"peer-{flag}": value for flag, value in {**pair, **authority}.items()},
            "unsafe-no-fsync": "true",
            "log-level": "warn",
        }
        return self._command("etcd", self._programs.etcd, flags)

    def apiserver(self) -> Command:
        """The API server, which people know by a token and programs by their certificates."""
        flags = {
            "bind-address": "127.0.0.1",
            "external-hostname": "127.0.0.1",
            "secure-port": self._ports.api,
            "tls-cert-file": self._pki.certificate("apiserver"),
            "tls-private-key-file": self._pki.key("apiserver"),
            "client-ca-file": self._pki.authority,
            "token-auth-file": self._pki.tokens,
            "authorization-mode": "RBAC",
            "allow-privileged": "true",
            "etcd-servers": f"https://127.0.0.1:{self._ports.etcd}",
            "etcd-cafile": self._pki.authority,
            "etcd-certfile": self._pki.certificate("etcd-client"),
            "etcd-keyfile": self._pki.key("etcd-client"),
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-key-file": self._pki.service_account_key,
            "service-account-signing-key-file": self._pki.service_account_key,
            "service-cluster-ip-range": _SERVICES,
            # A loopback address may not stand in the endpoints of a service.
            "endpoint-reconciler-type": "none",
            "egress-selector-config-file": self._egress,
            "profiling": "false",
        }
        # It would wait a minute for open watches, ours among them. It keeps nothing that could be lost.
        return self._command("kube-apiserver", self._programs.apiserver, flags).model_copy(
            update={"grace_s": 2}
        )

    def controller_manager(self) -> Command:
        """The controllers, each with its own service account."""
        flags = {
            "kubeconfig": self._kubeconfig("controller-manager"),
            "root-ca-file": self._pki.authority,
            "service-account-private-key-file": self._pki.service_account_key,
            "use-service-account-credentials": "true",
            "leader-elect": "false",
            "secure-port": 0,
        }
        return self._command("kube-controller-manager", self._programs.controller_manager, flags)

    def scheduler(self) -> Command:
        """The scheduler, with its defaults."""
        flags = {"kubeconfig": self._kubeconfig("scheduler"), "leader-elect": "false", "secure-port": 0}
        return self._command("kube-scheduler", self._programs.scheduler, flags)

    def kwok(self) -> Command:
        """The kubelet of every node: it makes pods run that do nothing."""
        flags = {
            "kubeconfig": self._kubeconfig("kwok"),
            "config": self._programs.kwok_stages,
            "manage-all-nodes": "true",
            "node-lease-duration-seconds": 40,
            "cidr": _PODS,
            "node-ip": "198.18.0.1",
        }
        # Otherwise it also reads the configuration in its user's home.
        environment = {"KWOK_WORKDIR": str(self._layout.root / "kwok")}
        return self._command("kwok", self._programs.kwok, flags, environment)

    def operator(self) -> Command:
        """KubeRay's operator, which reaches the heads through the API server and serves nothing itself."""
        flags = {
            "kubeconfig": self._kubeconfig("kuberay-operator"),
            "enable-leader-election": "false",
            "use-kubernetes-proxy": "true",
            "metrics-addr": "0",
            "health-probe-bind-address": "0",
        }
        environment = {"ENABLE_WEBHOOKS": "false"}
        return self._command("kuberay-operator", self._programs.operator, flags, environment)

    def administrator(self) -> str:
        """Kubeconfig for people and other programs."""
        return kubeconfig(self.endpoint, self._pki.authority, token=self._pki.token())

    def supervisor(self) -> str:
        """Kubeconfig of the supervisor itself."""
        return self._client("supervisor")

    def write_configuration(self) -> None:
        """Write what the programs read: a kubeconfig each, and where the API server finds pods."""
        write_private(self._egress, json.dumps(_egress(self._layout.root / "no-pods.sock")))
        for client in ("controller-manager", "scheduler", "kwok", "kuberay-operator"):
            write_private(self._kubeconfig(client), self._client(client))

    @property
    def _egress(self) -> Path:
        return self._layout.root / "egress.json"

    def _client(self, name: str) -> str:
        pair = (self._pki.certificate(name), self._pki.key(name))
        return kubeconfig(self.endpoint, self._pki.authority, client=pair)

    def _kubeconfig(self, client: str) -> Path:
        return self._layout.pki / f"{client}.kubeconfig"

    @staticmethod
    def _command(
        name: str, program: Path, flags: Mapping[str, object], environment: Mapping[str, str] | None = None
    ) -> Command:
        arguments = tuple(f"--{flag}={value}" for flag, value in flags.items())
        return Command(name=name, program=program, arguments=arguments, environment=environment or {})


def _egress(nowhere: Path) -> dict[str, object]:
    """What the API server would send to a pod or node goes to a socket that nobody serves.

    They are simulated. So a call fails at once, and no packet leaves for an address that may be somebody's.
    """
    connection = {"proxyProtocol": "HTTPConnect", "transport": {"uds": {"udsName": str(nowhere)}}}
    return {
        "apiVersion": "apiserver.k8s.io/v1beta1",
        "kind": "EgressSelectorConfiguration",
        "egressSelections": [{"name": "cluster", "connection": connection}],
    }
