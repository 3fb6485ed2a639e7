"""What Envoy Gateway makes of our manifests, and a real Envoy that runs it on loopback.

Of what the translation gives, nothing is changed but where things are: the proxy's own ports, the addresses
of the services and of Entra's keys, the authority that Entra's certificate is checked by, and that the
configuration comes from files and not from the controller. What others put into the cluster (services, a
certificate, keys of tenants) the tests put there.
"""

import base64
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import yaml

from components.gateway_manifests import CERTIFICATE, KEYS
from components.gateway_names import (
    NAMESPACE,
    PROXY_HTTPS_PORT,
    PROXY_METRICS_PORT,
    PROXY_READINESS_PORT,
)
from localcloud.cluster.commands import Command
from localcloud.cluster.processes import Child

LOOPBACK = "127.0.0.1"
ADMIN_PORT = 19000
"""Port of loopback on which a proxy has its own figures, for the listener that tells of them."""
KINDS = {
    "ListenersConfigDump": ("dynamicListeners", "lds"),
    "ClustersConfigDump": ("dynamicActiveClusters", "cds"),
    "RoutesConfigDump": ("dynamicRouteConfigs", "rds"),
    "EndpointsConfigDump": ("dynamicEndpointConfigs", "eds"),
}
"""By the kind of a dump: its list, and the service that would send it."""
AS_GIVEN = ("layeredRuntime", "overloadManager", "statsConfig", "deferredStatOptions")
"""What of a bootstrap says nothing of places."""
Manifest = dict[str, Any]


def in_the_cluster(
    services: Mapping[str, str], pair: tuple[str, str], keys: Mapping[str, str]
) -> list[Manifest]:
    """What others have put into the cluster: services with their addresses, a certificate and keys."""

    def secret(name: str, kind: str, data: Mapping[str, str]) -> Manifest:
        coded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        metadata = {"name": name, "namespace": NAMESPACE}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "data": coded}

    found = [secret(CERTIFICATE, "kubernetes.io/tls", dict(zip(("tls.crt", "tls.key"), pair, strict=True)))]
    if keys:
        found.append(secret(KEYS, "Opaque", keys))
    found += (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        for namespace in (NAMESPACE, "inference")
    )
    for name, address in services.items():
        metadata = {"name": f"{name}-serve-svc", "namespace": "inference"}
        spec = {"clusterIP": address, "ports": [{"name": "serve", "port": 8000, "targetPort": 8000}]}
        found.append({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    return found


class Translation:
    """What Envoy Gateway says to manifests, and the configuration that a proxy would have."""

    def __init__(self, egctl: Path, manifests: list[Manifest], folder: Path) -> None:
        """Ask its own command; raises CalledProcessError where it refuses a manifest."""
        file = folder / "manifests.yaml"
        file.write_text(yaml.safe_dump_all(manifests))
        asked = ("x", "translate", "--from", "gateway-api", "--to", "gateway-api,xds", "-o", "json")
        self.refused = ""
        answer = subprocess.run(
            [egctl, *asked, "-n", NAMESPACE, "-f", file], capture_output=True, text=True, check=False
        )
        if answer.returncode:
            self.refused = answer.stderr
            return
        told = json.loads(answer.stdout)
        self.xds: list[dict[str, Any]] = next(iter(told.pop("xds").values()))["configs"]
        self._told = told

    def unmet(self) -> list[str]:
        """Conditions that do not hold, of everything that has any."""
        return [
            f"{holder['kind']} {holder['metadata']['name']}: {condition['type']}: {condition['message']}"
            for holder in _objects(self._told)
            for condition in _conditions(holder.get("status", {}))
            # A condition that tells of a fault holds where there is one.
            if (condition["status"] == "True") == (condition["type"] in ("Conflicted", "Warning"))
        ]

    def accepted(self) -> set[tuple[str, str]]:
        """Kind and name of everything that a condition says is accepted."""
        return {
            (holder["kind"], holder["metadata"]["name"])
            for holder in _objects(self._told)
            for condition in _conditions(holder.get("status", {}))
            if condition["type"] == "Accepted" and condition["status"] == "True"
        }


def _objects(told: Any) -> Iterator[dict[str, Any]]:
    for part in told.values():
        for each in part if isinstance(part, list) else [part]:
            if isinstance(each, dict) and "kind" in each:
                yield each


def _conditions(status: Any) -> Iterator[dict[str, Any]]:
    if isinstance(status, list):
        for each in status:
            yield from _conditions(each)
    elif isinstance(status, dict):
        yield from status.get("conditions", ())
        for name, part in status.items():
            if name != "conditions":
                yield from _conditions(part)


def free_port() -> int:
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        return int(found.getsockname()[1])


class Envoy:
    """A real Envoy with the configuration of a translation."""

    def __init__(
        self,
        translation: Translation,
        folder: Path,
        pair: tuple[str, str],
        moved: Mapping[str, int],
        authority: Path,
    ) -> None:
        """Start it.

        `pair`: certificate and key, which a translation does not show. `moved`: the port of loopback that
        stands for an address. `authority`: what certificates of others are checked by.
        """
        self.port, self._ready, self.metrics_port = free_port(), free_port(), free_port()
        own = {
            PROXY_HTTPS_PORT: self.port,
            PROXY_READINESS_PORT: self._ready,
            PROXY_METRICS_PORT: self.metrics_port,
            ADMIN_PORT: free_port(),
        }
        place = _Place(folder, own, moved, authority)
        for kind, (listed, service) in KINDS.items():
            dumps = [dump for dump in translation.xds if dump["@type"].endswith(kind)]
            found = [next(_resources(entry)) for dump in dumps for entry in dump.get(listed, ())]
            here = [place.of(each) for each in found]
            if service == "eds":
                # A cluster reads the endpoints of one cluster.
                for each in here:
                    _write(_endpoints(folder, each["clusterName"]), [each])
            else:
                _write(folder / f"{service}.json", here)
        certificate = {"certificateChain": {"inlineString": pair[0]}, "privateKey": {"inlineString": pair[1]}}
        secret = {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
            "name": f"{NAMESPACE}/{CERTIFICATE}",
            "tlsCertificate": certificate,
        }
        _write(folder / "sds.json", [secret])
        (given,) = (dump["bootstrap"] for dump in translation.xds if "bootstrap" in dump)
        static = given["staticResources"]
        # The other clusters lead to the controller.
        static["clusters"] = [each for each in static["clusters"] if each["name"] == "prometheus_stats"]
        bootstrap = {
            "node": {"id": "proxy", "cluster": "proxies"},
            "dynamicResources": {
                f"{service}Config": _file(folder / f"{service}.json") for service in ("lds", "cds")
            },
            **{name: place.of(given[name]) for name in ("admin", "staticResources")},
            **{name: given[name] for name in AS_GIVEN},
        }
        (folder / "bootstrap.json").write_text(json.dumps(bootstrap))
        self.log = folder / "envoy.log"
        program = Path(sys.executable).with_name("envoy")
        options = ("-c", str(folder / "bootstrap.json"), "--disable-hot-restart", "--concurrency", "2")
        # Tests read the access log, which is otherwise written every 10 s.
        soon = ("--file-flush-interval-msec", "100")
        self._child = Child(Command(name="envoy", program=program, arguments=options + soon), self.log)

    def wait(self) -> None:
        """Until it says that it is ready."""
        until = time.monotonic() + 60
        while time.monotonic() < until and self._child.exit_code() is None:
            try:
                if httpx2.get(f"http://{LOOPBACK}:{self._ready}/ready").is_success:
                    return
            except httpx2.TransportError:
                time.sleep(0.1)
        raise AssertionError(self.log.read_text()[-4000:])

    def stop(self) -> None:
        self._child.stop()


def _write(file: Path, resources: list[dict[str, Any]]) -> None:
    file.write_text(json.dumps({"resources": resources}))


def _file(file: Path) -> dict[str, Any]:
    return {"pathConfigSource": {"path": str(file)}, "resourceApiVersion": "V3"}


def _endpoints(folder: Path, cluster: str) -> Path:
    return folder / f"eds-{cluster.replace('/', '-')}.json"


def _resources(entry: Any) -> Iterator[dict[str, Any]]:
    """The resource in an entry of a dump, however deep."""
    for part in entry.values():
        if isinstance(part, dict):
            if "@type" in part:
                yield part
            else:
                yield from _resources(part)


class _Place(NamedTuple):
    """Where things are in a test."""

    folder: Path
    own: Mapping[int, int]
    """Ports of the proxy."""
    moved: Mapping[str, int]
    authority: Path

    def of(self, part: Any) -> Any:
        """The same configuration with the places of this test."""
        if isinstance(part, list):
            return [self.of(each) for each in part]
        if not isinstance(part, dict):
            return part
        made = {name: self.of(each) for name, each in part.items()}
        if "rds" in made:
            made["rds"]["configSource"] = _file(self.folder / "rds.json")
        if "edsClusterConfig" in made:
            asked = made["edsClusterConfig"]
            asked["edsConfig"] = _file(_endpoints(self.folder, asked["serviceName"]))
        if "sdsConfig" in made:
            made["sdsConfig"] = _file(self.folder / "sds.json")
        if "filename" in made.get("trustedCa", {}):
            made["trustedCa"] = {"filename": str(self.authority)}
        if address := made.get("socketAddress"):
            port = self.own.get(address.get("portValue")) or self.moved.get(address.get("address"))
            if port:
                made["socketAddress"] = {"address": LOOPBACK, "portValue": port}
        return made
