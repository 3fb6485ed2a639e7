"""The engine's side of the provider protocol, and inputs to speak of."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime import proto
from pulumi.runtime.proto import status_pb2

from localcloud.arm.provider import store_path
from localcloud.arm.store import Store
from localcloud.arm.wire import decode, encode

AKS = "azure-native:containerservice"
POOL = f"{AKS}:AgentPool"
CLUSTER = f"{AKS}:ManagedCluster"
GROUP = "azure-native:resources:ResourceGroup"

Inputs = dict[str, Any]


@dataclass(frozen=True)
class Made:
    """A resource as the engine would hold it."""

    token: str
    name: str
    id: str
    inputs: Inputs
    outputs: Inputs


class RefusedError(Exception):
    """What the provider answered an error with."""

    def __init__(self, error: grpc.RpcError) -> None:
        call: Any = error
        super().__init__(call.details())
        self.half_made: Any = None
        details = dict(call.trailing_metadata() or ()).get("grpc-status-details-bin")
        if details:
            self.half_made = proto.ErrorResourceInitFailed()
            status_pb2.Status.FromString(details).details[0].Unpack(self.half_made)


class Engine:
    """The engine's side of the protocol, in the order the engine keeps."""

    def __init__(self, stub: Any, folder: Path) -> None:
        self._stub = stub
        self.folder = folder

    def call(self, method: str, **fields: Any) -> Any:
        message = getattr(proto, f"{method}Request")(**fields)
        try:
            return getattr(self._stub, method)(message)
        except grpc.RpcError as error:
            raise RefusedError(error) from None

    def configure(self, **variables: str) -> None:
        self.call("Configure", variables={f"azure-native:config:{k}": v for k, v in variables.items()})

    def check(self, token: str, name: str, inputs: Inputs, old: Inputs | None = None, **options: Any) -> Any:
        return self.call(
            "Check",
            urn=urn(token, name),
            olds=encode(old or {}),
            news=encode(inputs),
            randomSeed=b"7",
            **options,
        )

    def checked(self, token: str, name: str, inputs: Inputs, old: Inputs | None = None) -> Inputs:
        response = self.check(token, name, inputs, old)
        assert not response.failures, [(f.property, f.reason) for f in response.failures]
        return decode(response.inputs)

    def failures(self, token: str, inputs: Inputs) -> dict[str, str]:
        return {f.property: f.reason for f in self.check(token, "x", inputs).failures}

    def preview(self, token: str, name: str, inputs: Inputs) -> Inputs:
        checked = self.checked(token, name, inputs)
        response = self.call("Create", urn=urn(token, name), properties=encode(checked), preview=True)
        return decode(response.properties)

    def create(self, token: str, name: str, inputs: Inputs) -> Made:
        checked = self.checked(token, name, inputs)
        response = self.call("Create", urn=urn(token, name), properties=encode(checked))
        return Made(token, name, response.id, checked, decode(response.properties))

    def diff(self, made: Made, changes: Inputs) -> Any:
        new = self.checked(made.token, made.name, merged(made.inputs, changes), made.inputs)
        return self.call(
            "Diff",
            urn=urn(made.token, made.name),
            id=made.id,
            olds=encode(made.outputs),
            old_inputs=encode(made.inputs),
            news=encode(new),
        )

    def update(self, made: Made, changes: Inputs) -> Made:
        new = self.checked(made.token, made.name, merged(made.inputs, changes), made.inputs)
        response = self.call(
            "Update", urn=urn(made.token, made.name), id=made.id, olds=encode(made.outputs), news=encode(new)
        )
        return Made(made.token, made.name, made.id, new, decode(response.properties))

    def read(self, token: str, resource_id: str) -> Made | None:
        """As an import does."""
        response = self.call("Read", urn=urn(token, "x"), id=resource_id)
        if not response.id:
            return None
        return Made(token, "x", response.id, decode(response.inputs), decode(response.properties))

    def refresh(self, made: Made) -> Made | None:
        response = self.call(
            "Read",
            urn=urn(made.token, made.name),
            id=made.id,
            properties=encode(made.outputs),
            inputs=encode(made.inputs),
        )
        if not response.id:
            return None
        return Made(made.token, made.name, made.id, decode(response.inputs), decode(response.properties))

    def delete(self, made: Made) -> None:
        self.call("Delete", urn=urn(made.token, made.name), id=made.id, properties=encode(made.outputs))

    def cancel(self) -> None:
        """As on Ctrl-C."""
        self._stub.Cancel(empty_pb2.Empty())

    def invoke(self, function: str, args: Inputs) -> Inputs:
        response = self.call("Invoke", tok=function, args=encode(args))
        return decode(getattr(response, "return"))

    def store(self) -> Store:
        return Store(store_path(self.folder))

    def set(self, name: str, value: str) -> None:
        """A setting of the cloud."""
        with self.store() as store:
            store.set(name, value)


def urn(token: str, name: str) -> str:
    return f"urn:pulumi:dev::test::test:index:Parent${token}::{name}"


def merged(inputs: Inputs, changes: Inputs) -> Inputs:
    """New inputs: changes over old ones, None removes."""
    names = {**inputs, **changes}
    return {name: value for name, value in names.items() if value is not None and not name.startswith("__")}


CLUSTER_INPUTS: Inputs = {
    "resourceGroupName": "rg",
    "resourceName": "aks",
    "dnsPrefix": "aks",
    "kubernetesVersion": "1.35",
    "identity": {"type": "SystemAssigned"},
    "oidcIssuerProfile": {"enabled": True},
    "networkProfile": {
        "networkPlugin": "azure",
        "networkPluginMode": "overlay",
        "podCidr": "10.244.0.0/16",
        "serviceCidr": "10.0.0.0/16",
        "dnsServiceIP": "10.0.0.10",
        "outboundType": "loadBalancer",
    },
    "agentPoolProfiles": [
        {"name": "system", "mode": "System", "count": 1, "vmSize": "Standard_D4ds_v5", "osType": "Linux"}
    ],
}
GPU_POOL: Inputs = {
    "resourceGroupName": "rg",
    "resourceName": "aks",
    "agentPoolName": "h100",
    "mode": "User",
    "count": 0,
    "minCount": 0,
    "maxCount": 3,
    "enableAutoScaling": True,
    "vmSize": "Standard_NC40ads_H100_v5",
    "gpuInstanceProfile": "MIG2g",
    "osDiskType": "Ephemeral",
    "osDiskSizeGB": 512,
    "nodeTaints": ["nvidia.com/gpu=present:NoSchedule"],
    "nodeLabels": {"inference-stack.io/pool": "h100"},
}
