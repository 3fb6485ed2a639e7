"""A program that registers what a preview registered, with constants: what Pulumi and its SDKs cost alone."""

import importlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pulumi_azure_native
import pulumi_kubernetes

HEADER = '''"""Registers the resources of one preview, with constant arguments."""

import gc

import pulumi
import pulumi_azure_native
import pulumi_kubernetes
from pulumi import ResourceOptions

# As ours does: it is no part of what we decide.
gc.freeze()


class Bare(pulumi.ComponentResource):
    """A component that does nothing of its own."""

    def __init__(self, type_, name, opts):
        super().__init__(type_, name, {}, opts)
        self.register_outputs({})

'''
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What stands on the wire, and in a preview's JSON, for a value that is not known before the update."""
SECRET = "[secret]"  # noqa: S105 - what the JSON of a preview shows in place of one
PROVIDERS = "pulumi:providers:"


@dataclass(frozen=True)
class Registered:
    """One resource of a preview."""

    urn: str
    type: str
    custom: bool
    parent: str | None
    provider: str | None
    """URN of its provider; None where it has none of its own."""
    read: str | None
    """Its id where it is not made, but read; None elsewhere."""
    inputs: Mapping[str, Any]
    """Without what a provider notes there for itself."""

    @property
    def name(self) -> str:
        """Its logical name."""
        return self.urn.rsplit("::", 1)[1]

    @property
    def needs(self) -> tuple[str, ...]:
        """URNs of what has to be registered before it."""
        return tuple(urn for urn in (self.parent, self.provider) if urn)


def registered(preview: Mapping[str, Any]) -> list[Registered]:
    """The resources of a preview's JSON, parents and providers first; the stack itself is left out."""
    states = [step["newState"] for step in preview["steps"]]
    found = {state["urn"]: _registered(state) for state in states if state["type"] != "pulumi:pulumi:Stack"}
    ordered: dict[str, Registered] = {}

    def visit(urn: str) -> None:
        if urn in found and urn not in ordered:
            for needed in found[urn].needs:
                visit(needed)
            ordered[urn] = found[urn]

    for urn in found:
        visit(urn)
    return list(ordered.values())


def program(resources: Sequence[Registered]) -> str:
    """The source of the program."""
    variables = {resource.urn: f"r{number}" for number, resource in enumerate(resources)}
    lines = (f"{variables[each.urn]} = {_call(each, variables)}" for each in resources)
    return HEADER + "\n" + "\n".join(lines) + "\n"


def _registered(state: Mapping[str, Any]) -> Registered:
    provider, given = (state.get("provider") or "").rpartition("::")[0], state.get("inputs") or {}
    return Registered(
        urn=state["urn"],
        type=state["type"],
        custom=state.get("custom", False),
        parent=state.get("parent"),
        provider=None if "::default" in provider else provider or None,
        read=state["id"] if state.get("external") else None,
        inputs={key: value for key, value in given.items() if not key.startswith("__")},
    )


def _call(resource: Registered, variables: Mapping[str, str]) -> str:
    options = [
        f"{option}={variables[urn]}"
        for option, urn in (("parent", resource.parent), ("provider", resource.provider))
        if urn and urn in variables
    ]
    opts = f"opts=ResourceOptions({', '.join(options)})"
    if not resource.custom:
        return f"Bare({resource.type!r}, {resource.name!r}, {opts})"
    module, name = _class(resource.type)
    if module is None:
        given = _constants(dict(resource.inputs))
        return (
            f"pulumi_kubernetes.apiextensions.CustomResource({resource.name!r}, "
            f"api_version={given['apiVersion']!r}, kind={given['kind']!r}, "
            f"metadata={given['metadata']!r}, spec={given['spec']!r}, {opts})"
        )
    if resource.read:
        return f"{module.__name__}.{name}.get({resource.name!r}, {resource.read!r}, {opts})"
    names = _keywords(module, name)
    given = ", ".join(
        f"{names[key]}={_constants(value)!r}" for key, value in resource.inputs.items() if key in names
    )
    return f"{module.__name__}.{name}({resource.name!r}, {given}, {opts})"


def _class(type_: str) -> tuple[ModuleType | None, str]:
    """Module and name of the SDK's class for a type; no module for a custom resource of Kubernetes."""
    if type_.startswith(PROVIDERS):
        package = type_.removeprefix(PROVIDERS).replace("-", "_")
        return importlib.import_module(f"pulumi_{package}"), "Provider"
    package, path, name = type_.split(":")
    if package == "azure-native":
        return importlib.import_module(f"{pulumi_azure_native.__name__}.{path}"), name
    group, version = path.split("/")
    place = f"{pulumi_kubernetes.__name__}.{group.split('.')[0]}.{version}"
    try:
        return importlib.import_module(place), name
    except ModuleNotFoundError:
        return None, name


def _keywords(module: ModuleType, name: str) -> Mapping[str, str]:
    """What a resource's class calls its arguments, by their names on the wire."""
    arguments = next(
        getattr(module, each) for each in (f"{name}InitArgs", f"{name}Args") if hasattr(module, each)
    )
    members = inspect.getmembers(arguments, lambda each: isinstance(each, property))
    names = {getattr(member.fget, "_pulumi_name", known): known for known, member in members}
    # This keyword is the logical name's.
    return {wire: "resource_name_" if known == "resource_name" else known for wire, known in names.items()}


def _constants(value: Any) -> Any:
    """A value of a preview's JSON as a constant. What is secret is unknown before the update, too."""
    if value == SECRET:
        return UNKNOWN
    if isinstance(value, dict):
        return {key: _constants(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_constants(each) for each in value]
    return value
