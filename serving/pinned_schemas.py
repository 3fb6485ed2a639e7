"""Write the structural schemas of the pinned KubeRay and Ray: `python -m serving.pinned_schemas`.

Only structure is kept: names, types, enumerations, bounds and what is required. To be run after a change of
`inference_stack.engine.versions`. Needs the `serving` extra, and Go to fetch KubeRay's module.
"""

import inspect
import json
import re
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic.json_schema import models_json_schema

from inference_stack.engine import versions

Schema = dict[str, Any]

FOLDER = Path(__file__).parents[1] / "inference_stack" / "engine" / "schemas"
KUBERAY_MODULE = "github.com/ray-project/kuberay/ray-operator"
WORTH_SHARING = 80
"""Length of a subschema's JSON, in characters, from which it is written once and referred to."""

OURS = {"OpenAiArguments": "LLMServingArgs", "DisaggregatedArguments": "PDServingArgs"}
"""Arguments of our builder, and those of Ray's that they hold beside our own section."""

BOUNDS = frozenset(
    (
        *("const", "enum", "pattern", "minLength", "maxLength", "minItems", "maxItems"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    )
)


def structural(schema: Mapping[str, Any]) -> Schema:
    """The structure of a schema, where objects refuse the keys that they do not name.

    Upstream fills in defaults before it looks for what is required: what has a default is not required.
    """
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    kept: Schema = {key: schema[key] for key in schema if key in BOUNDS}
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"], **kept}
    if alternatives := schema.get("anyOf") or schema.get("oneOf"):
        return _any_of([structural(alternative) for alternative in alternatives])
    if "type" in schema:
        kept["type"] = [schema["type"], "null"] if schema.get("nullable") else schema["type"]
    if "items" in schema:
        kept["items"] = structural(schema["items"])
    properties = schema.get("properties")
    if properties:
        kept["properties"] = {name: structural(child) for name, child in properties.items()}
        kept["additionalProperties"] = False
        required = [name for name in schema.get("required", ()) if "default" not in properties[name]]
        if required:
            kept["required"] = required
    others = schema.get("additionalProperties")
    if isinstance(others, Mapping):
        kept["additionalProperties"] = structural(others)
    elif others or schema.get("x-kubernetes-preserve-unknown-fields"):
        kept["additionalProperties"] = True
    return kept


def _any_of(alternatives: list[Schema]) -> Schema:
    """The alternatives that JSON can express, as one schema where that is possible."""
    models = [found for found in alternatives if "$ref" in found]
    # "A dict or the model" is held against the model in the end; an empty alternative is a Python class.
    rest = [
        found
        for found in alternatives
        if found and found not in models and not (models and found.get("additionalProperties") is True)
    ]
    types = [found["type"] for found in rest if set(found) == {"type"}]
    if not models and types == ["null"] and len(rest) == 2:
        (only,) = (found for found in rest if found != {"type": "null"})
        if isinstance(only.get("type"), str):
            return {**only, "type": [only["type"], "null"]}
    if not models and len(types) == len(rest):
        return {"type": types[0] if len(types) == 1 else types}
    found = models + rest
    return found[0] if len(found) == 1 else {"anyOf": found}


def share(root: str, schema: Schema) -> dict[str, Schema]:
    """`schema` as definitions, the repeated parts once, each named for the property where it is met first."""
    seen: Counter[str] = Counter()

    def count(node: Schema) -> None:
        text = json.dumps(node, sort_keys=True)
        seen[text] += 1
        if seen[text] == 1:
            for _, child in _children(node):
                count(child)

    definitions: dict[str, Schema] = {}
    names: dict[str, str] = {}

    def refer(node: Schema, hint: str) -> Schema:
        text = json.dumps(node, sort_keys=True)
        if seen[text] < 2 or len(text) < WORTH_SHARING:
            return _replaced(node, hint)
        if text not in names:
            names[text] = _free(hint, set(names.values()) | {root})
            definitions[names[text]] = _replaced(node, hint)
        return {"$ref": f"#/$defs/{names[text]}"}

    def _replaced(node: Schema, hint: str) -> Schema:
        copy = dict(node)
        if "properties" in node:
            copy["properties"] = {name: refer(child, name) for name, child in node["properties"].items()}
        for key in ("items", "additionalProperties"):
            if isinstance(node.get(key), dict):
                copy[key] = refer(node[key], hint)
        return copy

    count(schema)
    definitions[root] = _replaced(schema, root)
    return definitions


def _children(node: Schema) -> list[tuple[str, Schema]]:
    found = list(node.get("properties", {}).items())
    return found + [
        (key, node[key]) for key in ("items", "additionalProperties") if isinstance(node.get(key), dict)
    ]


def _free(hint: str, taken: set[str]) -> str:
    number = 2
    name = hint
    while name in taken:
        name, number = f"{hint}{number}", number + 1
    return name


def kuberay_module() -> Path:
    """The folder of KubeRay's Go module, which Go downloads if it has not yet."""
    answer = subprocess.run(
        ["go", "mod", "download", "-json", f"{KUBERAY_MODULE}@v{versions.KUBERAY}"],  # noqa: S607 - Go's own name
        check=True,
        capture_output=True,
        text=True,
    )
    return Path(json.loads(answer.stdout)["Dir"])


def kuberay_crd() -> Schema:
    """The RayService resource definition as KubeRay ships it, schema of v1."""
    path = kuberay_module() / "config" / "crd" / "bases" / "ray.io_rayservices.yaml"
    definition = yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    (schema,) = (
        version["schema"]["openAPIV3Schema"]
        for version in definition["spec"]["versions"]
        if version["name"] == "v1"
    )
    return schema


def kuberay() -> Schema:
    """RayService without its status, which is the operator's to write."""
    schema = kuberay_crd()
    properties = {**schema["properties"]}
    del properties["status"]
    # The API server knows metadata by itself; a pod template's is the part of it that people write.
    head = properties["spec"]["properties"]["rayClusterConfig"]["properties"]["headGroupSpec"]
    properties["metadata"] = head["properties"]["template"]["properties"]["metadata"]
    properties |= {"apiVersion": {"enum": ["ray.io/v1"]}, "kind": {"enum": ["RayService"]}}
    required = ["apiVersion", "kind", "metadata", "spec"]
    return {
        "$defs": share("RayService", structural({**schema, "properties": properties, "required": required}))
    }


def ray() -> Schema:
    """What a Serve deployment may be sent, and what Ray's OpenAI applications take as arguments.

    Where Ray declares a bare dict and validates it elsewhere, that other model stands here.
    """
    from ray import serve
    from ray.llm._internal.common.placement import PlacementGroupConfig
    from ray.llm._internal.serve.core.configs.accelerators import AcceleratorType
    from ray.llm._internal.serve.serving_patterns.data_parallel.builder import DPOpenAiServingArgs
    from ray.llm._internal.serve.serving_patterns.prefill_decode.builder import PDServingArgs
    from ray.serve._private.config import DeploymentConfig
    from ray.serve.config import AutoscalingPolicy
    from ray.serve.llm import LLMServingArgs
    from ray.serve.schema import DeploymentSchema, ServeDeploySchema

    applications = (LLMServingArgs, PDServingArgs, DPOpenAiServingArgs)
    models = (ServeDeploySchema, *applications, PlacementGroupConfig, AutoscalingPolicy, DeploymentSchema)
    _, document = models_json_schema([(model, "validation") for model in models])
    definitions: dict[str, Schema] = {name: structural(found) for name, found in document["$defs"].items()}
    options = {
        **structural(DeploymentConfig.model_json_schema())["properties"],
        **definitions["DeploymentSchema"]["properties"],
    }
    allowed = [name for name in inspect.signature(serve.deployment).parameters if name in options]
    ingress = {name: options[name] for name in allowed}
    server = {name: found for name, found in ingress.items() if not name.startswith("placement_group_")}
    closed = {"type": "object", "additionalProperties": False}
    definitions["IngressOptions"] = {**closed, "properties": ingress}
    definitions["ServerOptions"] = {**closed, "properties": server}
    definitions["RuntimeEnv"] = {
        "type": "object",
        "properties": {"env_vars": {"type": "object", "additionalProperties": {"type": "string"}}},
        "additionalProperties": True,
    }
    for application in applications:
        definitions[application.__name__]["properties"]["ingress_deployment_config"] = _ref("IngressOptions")
    definitions["ServeApplicationSchema"]["properties"]["autoscaling_policy"] = _ref("AutoscalingPolicy")
    definitions["LLMConfig"]["properties"] |= {
        # Ray takes A10 for A10G.
        "accelerator_type": {"enum": [*sorted({"A10", *(kind.value for kind in AcceleratorType)}), None]},
        "deployment_config": _ref("ServerOptions"),
        "placement_group_config": _ref("PlacementGroupConfig"),
        "runtime_env": _ref("RuntimeEnv"),
    }
    definitions |= _ours(definitions)
    return {
        "$defs": _reachable(
            definitions,
            ("ServeDeploySchema", *(each.__name__ for each in applications), *OURS, "AutoscalingSettings"),
        )
    }


def _ours(definitions: Mapping[str, Schema]) -> dict[str, Schema]:
    """What our builder and our autoscaling policy take; `definitions` has what Ray's builders take."""
    from .app import Serving
    from .autoscaling import AutoscalingSettings

    models = ((Serving, "validation"), (AutoscalingSettings, "validation"))
    _, document = models_json_schema(models)
    found = {name: structural(each) for name, each in document["$defs"].items()}
    for name, of_ray in OURS.items():
        properties = {**definitions[of_ray]["properties"], "serving": _ref("Serving")}
        # The class of the ingress is ours.
        del properties["ingress_cls_config"]
        found[name] = {**definitions[of_ray], "properties": properties}
    return found


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _reachable(definitions: Mapping[str, Schema], roots: tuple[str, ...]) -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = definitions[name]
            waiting += re.findall(r'"#/\$defs/(\w+)"', json.dumps(definitions[name]))
    return found


SOURCES = {
    f"kuberay-{versions.KUBERAY}.json": kuberay,
    f"ray-{versions.RAY}.json": ray,
}
"""What makes each committed file."""


def text(content: Schema) -> str:
    """The content of a committed file: a line for each definition, so that a difference can be read."""
    groups = []
    for group, entries in sorted(content.items()):
        lines = ",\n".join(
            f"{json.dumps(name)}: {json.dumps(entry, sort_keys=True)}"
            for name, entry in sorted(entries.items())
        )
        groups.append(f"{json.dumps(group)}: {{\n{lines}\n}}")
    return "{" + ",\n".join(groups) + "}\n"


def main() -> None:
    """Write every file anew."""
    FOLDER.mkdir(exist_ok=True)
    for name, source in SOURCES.items():
        (FOLDER / name).write_text(text(source()))


if __name__ == "__main__":
    main()
