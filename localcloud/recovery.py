"""What an interrupted Pulumi run leaves behind, and how it is put right.

Killed, Pulumi leaves a lock, plugins that go on for a while, and operations whose end it never learned.
"""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from lightkube import Client, KubeConfig
from lightkube.resources.core_v1 import Secret
from pydantic import BaseModel, ConfigDict

from localcloud.arm.kinds import PACKAGE, kind
from localcloud.arm.request import SUBSCRIPTION_ID

Resource = dict[str, Any]
"""A resource as Pulumi's checkpoint has it."""
Get = Callable[[str], Mapping[str, Any] | None]
"""What ARM answers for an id; None if there is no such resource."""

_RELEASE = "kubernetes:helm.sh/v3:Release"
_PLUGINS = ("pulumi-resource-", "pulumi-language-", "pulumi-analyzer-", "localcloud.arm")
_CLOCK_S = 5.0
"""How far the start of a process and the time in its lock may be apart by their clocks alone."""
_END_S = 10.0


class LockedError(RuntimeError):
    """Somebody else works on the environment; the text says who, and what to do."""


@contextlib.contextmanager
def alone(state: Path, environment: str) -> Iterator[None]:
    """Let one command at a time change an environment; its claim ends with its process, however that ends.

    Raises `LockedError`.
    """
    state.mkdir(parents=True, exist_ok=True)
    with (state / "command.lock").open("a+") as claim:
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            claim.seek(0)
            raise LockedError(
                f"{environment} is locked: a `make up` or `make down` works on it (pid {claim.read()}).\n"
                "  do: wait until that has ended, or end it with Ctrl-C, then try again"
            ) from None
        claim.truncate(0)
        claim.write(str(os.getpid()))
        claim.flush()
        yield


class Lock(BaseModel):
    """One lock of a file backend, as Pulumi's command line writes it."""

    model_config = ConfigDict(frozen=True)

    pid: int
    username: str
    hostname: str
    timestamp: datetime

    @property
    def held(self) -> bool:
        """Whether its process lives. Another machine's processes count as alive: nothing is known."""
        if self.hostname != socket.gethostname():
            return True
        try:
            process = psutil.Process(self.pid)
            # Process ids are used again: whoever started after the lock was written is somebody else.
            wrote_it = process.create_time() <= self.timestamp.timestamp() + _CLOCK_S
            return wrote_it and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


class Backend:
    """The file backend, as far as one stack goes."""

    def __init__(self, folder: Path, environment: str) -> None:
        """The folder that `PULUMI_BACKEND_URL` names; it need not be there yet."""
        self._root, self._environment = folder / ".pulumi", environment

    def clear_dead_locks(self) -> list[str]:
        """Remove the locks of processes that have ended, and tell of each. Raises `LockedError`."""
        locks = {file: _read_lock(file) for file in self._root.glob(f"locks/*/*/{self._environment}/*.json")}
        if held := [lock for lock in locks.values() if lock and lock.held]:
            raise LockedError(_locked_by(self._environment, held))
        for file in locks:
            file.unlink(missing_ok=True)
        return [f"pulumi (pid {lock.pid}) was killed: its lock is removed" for lock in locks.values() if lock]

    def exists(self) -> bool:
        """Whether the stack was made."""
        return bool(self._checkpoints())

    def deployment(self) -> dict[str, Any]:
        """The deployment as the checkpoint has it; empty where there is none."""
        for file in self._checkpoints():
            return json.loads(file.read_text())["checkpoint"].get("latest") or {}
        return {}

    def interrupted(self) -> bool:
        """Whether operations were under way when Pulumi was killed."""
        return bool(self.deployment().get("pending_operations"))

    def failed(self) -> bool:
        """Whether there are resources that exist, but whose last operation failed."""
        return any(resource.get("initErrors") for resource in self.deployment().get("resources") or ())

    def _checkpoints(self) -> list[Path]:
        return [*self._root.glob(f"stacks/*/{self._environment}.json")]


def _read_lock(file: Path) -> Lock | None:
    try:
        return Lock.model_validate_json(file.read_bytes())
    except (ValueError, FileNotFoundError):  # killed while it was written, or removed just now
        return None


def _locked_by(environment: str, held: Sequence[Lock]) -> str:
    lines = [f"{environment} is locked: pulumi works on it."]
    lines += [
        f"  by: {lock.username}@{lock.hostname}, pid {lock.pid}, since {lock.timestamp:%H:%M:%S}"
        for lock in held
    ]
    lines.append("  do: wait until that has ended, or end it with `kill -INT <pid>`, then try again")
    if any(lock.hostname != socket.gethostname() for lock in held):
        lines.append("      a lock of another machine stays when that was switched off: `pulumi cancel`")
    return "\n".join(lines)


def end_orphans(state: Path) -> list[str]:
    """End the plugins that a killed Pulumi left at work on a state folder, before they change more."""
    orphans: list[psutil.Process] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            is_plugin = any(name in part for part in process.cmdline() for name in _PLUGINS)
            if is_plugin and _works_on(state, process) and not _works_on(state, process.parent()):
                orphans += [process, *process.children(recursive=True)]
    for process in orphans:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(orphans, timeout=_END_S)
    return [f"ended what the killed pulumi had left running: {len(orphans)} processes"] if orphans else []


def _works_on(state: Path, process: psutil.Process | None) -> bool:
    try:
        return process is not None and process.environ().get("LOCALCLOUD_STATE") == str(state)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def settle(deployment: dict[str, Any], get: Get) -> list[str]:
    """Turn the operations that were under way into resources, or drop them, and tell of each.

    What ARM has of a create is taken into the deployment as it is there. A create in Kubernetes is taken in
    unseen: a refresh has to follow, which drops what is not there and reads how far updates and deletes came.
    """
    told: list[str] = []
    for operation in deployment.pop("pending_operations", None) or ():
        resource, verb = operation["resource"], operation["type"]
        if resource.get("custom") and not resource["type"].startswith("pulumi:providers:"):
            name = f"{resource['urn'].rpartition('::')[2]} ({resource['type']})"
            told.append(f"{name}: killed while {verb}; {_settle(deployment, resource, verb, get)}")
    return told


def _settle(deployment: dict[str, Any], resource: Resource, verb: str, get: Get) -> str:
    is_release = resource["type"] == _RELEASE
    if is_release and verb == "deleting":
        # Half uninstalled, Helm can neither upgrade it nor say what is missing.
        deployment["resources"] = [
            found
            for found in deployment["resources"]
            if (found["urn"], found.get("delete")) != (resource["urn"], resource.get("delete"))
        ]
        return "no longer counted as installed"
    if is_release and verb == "creating":
        return "to be installed over what is there"
    if verb != "creating":
        return "to be looked up"
    if resource["type"].startswith(f"{PACKAGE}:"):
        return _settle_arm(deployment, resource, get)
    metadata = resource["inputs"]["metadata"]
    made = "/".join(metadata[part] for part in ("namespace", "name") if part in metadata)
    _adopt(deployment, resource, made, resource["inputs"])
    return "to be looked up"


def _settle_arm(deployment: dict[str, Any], resource: Resource, get: Get) -> str:
    urn, _, provider_id = resource["provider"].rpartition("::")
    subscription = next(
        found["inputs"].get("subscriptionId", SUBSCRIPTION_ID)
        for found in deployment["resources"]
        if found["urn"] == urn and found["id"] == provider_id
    )
    resource_id = kind(resource["type"]).resource_id(resource["inputs"], subscription)
    outputs = get(resource_id)
    if outputs is None:
        return "ARM does not have it, so it is made anew"
    _adopt(deployment, resource, resource_id, outputs)
    state = outputs.get("provisioningState", "Succeeded")
    if state != "Succeeded":  # it may still fail, which nobody would learn: it is to be written again
        deployment["resources"][-1]["initErrors"] = [f"{state} when Pulumi was killed"]
    return "ARM has it, so it is taken into the state"


def _adopt(
    deployment: dict[str, Any], resource: Resource, resource_id: str, outputs: Mapping[str, Any]
) -> None:
    """Take in what a create made, as if Pulumi had learned of it: what it replaces is then to be deleted."""
    before: list[Resource] = []
    for found in deployment["resources"]:
        if found["urn"] != resource["urn"] or found.get("delete"):
            before.append(found)
        elif not found.get("pendingReplacement"):  # that one is gone from the cloud already
            before.append({**found, "delete": True})
    deployment["resources"] = [*before, {**resource, "id": resource_id, "outputs": dict(outputs)}]


def forget_unfinished_releases(deployment: Mapping[str, Any], kubeconfig: Path) -> list[str]:
    """Remove Helm's records of what was under way, and tell of each.

    Helm refuses to install where there is a record and to upgrade where one is pending. Without it, it takes
    over the objects that it finds, by their labels.
    """
    told: list[str] = []
    for operation in deployment.get("pending_operations") or ():
        if operation["resource"]["type"] != _RELEASE:
            continue
        inputs = operation["resource"]["inputs"]
        client = Client(KubeConfig.from_file(kubeconfig), trust_env=False)
        release = {"owner": "helm", "name": str(inputs["name"])}
        for record in client.list(Secret, namespace=inputs["namespace"], labels={**release}):
            status = ((record.metadata and record.metadata.labels) or {}).get("status", "")
            name = str(record.metadata and record.metadata.name)
            if operation["type"] != "updating" or status.startswith("pending-"):
                client.delete(Secret, name, namespace=inputs["namespace"])
                told.append(f"Helm's record {name} ({status}) is removed")
    return told
