"""The program that a preview is measured against registers what the preview registered, nothing else."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from pulumi.output import Unknown
from pulumi.runtime import mocks
from pulumi.runtime.settings import SETTINGS
from pulumi.runtime.stack import wait_for_rpcs

from benchmarks.preview_constant import SECRET, UNKNOWN, program, registered

ROOT = "urn:pulumi:dev::stack::pulumi:pulumi:Stack::stack-dev"
COMPONENT = "urn:pulumi:dev::stack::a:index:Cluster::cluster"
PROVIDER = "urn:pulumi:dev::stack::a:index:Cluster$pulumi:providers:kubernetes::inside"
POOL = "azure-native:containerservice:AgentPool"
AZURE = "urn:pulumi:dev::stack::pulumi:providers:azure-native::default_3_29_0"
ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c/agentPools/a"


def _state(urn: str, type_: str, **more: Any) -> dict[str, Any]:
    return {"urn": urn, "type": type_, "custom": True, "parent": COMPONENT, **more}


STATES = [
    # A child before its provider: a preview tells of steps as they end.
    _state(
        "urn:1::service",
        "kubernetes:ray.io/v1:RayService",
        provider=f"{PROVIDER}::{UNKNOWN}",
        inputs={"apiVersion": "ray.io/v1", "kind": "RayService", "metadata": {"name": "a"}, "spec": {}},
    ),
    _state(PROVIDER, "pulumi:providers:kubernetes", inputs={"kubeconfig": SECRET, "version": "4"}),
    _state(
        "urn:2::slices",
        POOL,
        provider=f"{AZURE}::{UNKNOWN}",
        inputs={"resourceName": "c", "vmSize": "S", "resourceGroupName": "g", "__autonamed": True},
    ),
    _state("urn:3::there", POOL, provider=f"{AZURE}::{UNKNOWN}", external=True, id=ID),
    {"urn": COMPONENT, "type": "a:index:Cluster", "custom": False, "parent": ROOT},
    {"urn": ROOT, "type": "pulumi:pulumi:Stack"},
]
PREVIEW = {"steps": [{"newState": state} for state in STATES]}


class Engine(mocks.Mocks):
    """Notes what is registered."""

    def __init__(self) -> None:
        self.made: dict[str, mocks.MockResourceArgs] = {}

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise AssertionError(f"nothing is asked, and {args.token} was")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        self.made[args.name] = args
        return args.resource_id or args.name, {}


@pytest.fixture
def made() -> Iterator[dict[str, mocks.MockResourceArgs]]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    engine = Engine()
    # Those of tests before, whose event loops are closed. Pulumi has not typed what it keeps by context.
    SETTINGS.outputs.clear()  # pyright: ignore[reportAttributeAccessIssue]
    mocks.set_mocks(engine, preview=True)

    async def run() -> None:
        exec(program(registered(PREVIEW)), {"__name__": "registrations"})  # noqa: S102
        await wait_for_rpcs()

    loop.run_until_complete(run())
    yield engine.made
    loop.close()


def test_every_resource_of_the_preview_is_registered_and_nothing_else(
    made: dict[str, mocks.MockResourceArgs],
) -> None:
    types = {name: each.typ for name, each in made.items() if each.typ != "pulumi:pulumi:Stack"}
    assert types == {state["urn"].rsplit("::", 1)[1]: state["type"] for state in STATES[:-1]}


def test_arguments_are_those_of_the_preview_without_what_a_provider_noted_there(
    made: dict[str, mocks.MockResourceArgs],
) -> None:
    assert made["slices"].inputs == {"resourceName": "c", "vmSize": "S", "resourceGroupName": "g"}
    assert made["service"].inputs["metadata"] == {"name": "a"}


def test_a_pool_that_was_read_is_read_by_its_id_and_not_made(
    made: dict[str, mocks.MockResourceArgs],
) -> None:
    assert made["there"].resource_id == ID
    assert not made["slices"].resource_id


def test_a_secret_is_unknown_so_that_no_cluster_is_asked(made: dict[str, mocks.MockResourceArgs]) -> None:
    assert isinstance(made["inside"].inputs["kubeconfig"], Unknown)
    assert (made["service"].provider or "").startswith("urn:")
