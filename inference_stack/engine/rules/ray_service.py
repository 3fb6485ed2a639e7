"""What KubeRay refuses or ignores in a RayService."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from inference_stack.engine.applications import BUILDER, OPENAI_APP, PD_APP, builder_of
from inference_stack.engine.document import at, mapping, mappings, quantity
from inference_stack.engine.schema import joined
from inference_stack.spec import Severity

from .llm_config import DEFAULT_BUDGETS_S, RAY_BUDGET
from .pod import KUBERAY, gpus
from .ray_cluster import STOCK_IMAGE, VALIDATION, ClusterUse, kept
from .rule import Fault, Rule, rule
from .serve import DP_APP, ServeUse

CLUSTER = "spec.rayClusterConfig"
APPS = (OPENAI_APP, PD_APP, DP_APP)
SERVE_CONFIG = "spec.serveConfigV2"

NAME_LIMIT = 47
"""Characters of a RayService's name: KubeRay appends six, and wants at most 53 for the cluster."""
NAME_PATTERN = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")

INCREMENTAL = "NewClusterWithIncrementalUpgrade"
UPGRADES = ("NewCluster", INCREMENTAL, "None")
"""What KubeRay may do with a change of a service's pods."""

TIMEOUT = "ray.io/initializing-timeout"
DURATION = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h)")
UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class ServiceUse:
    """A RayService as written, and its Serve configuration as read."""

    manifest: Mapping[str, Any]
    serve: ServeUse

    @cached_property
    def cluster(self) -> ClusterUse:
        """Its cluster."""
        return ClusterUse(mapping(self.manifest, "spec", "rayClusterConfig"))

    @property
    def upgrade(self) -> Any:
        """How a change of its pods is rolled out, as written."""
        return at(self.manifest, "spec", "upgradeStrategy", "type")


@rule(
    "service-name",
    Severity.ERROR,
    states="A service has a name that a cluster's can be made of.",
    reference=f"{VALIDATION}: ValidateRayServiceMetadata",
)
def _service_name(use: ServiceUse) -> Iterator[Fault]:
    name = at(use.manifest, "metadata", "name")
    generated = name is None and at(use.manifest, "metadata", "generateName")
    if not generated and not (
        isinstance(name, str) and len(name) <= NAME_LIMIT and NAME_PATTERN.fullmatch(name)
    ):
        yield Fault(
            path="metadata.name",
            given=None if name is None else str(name),
            what="KubeRay refuses this name",
            allowed=f"at most {NAME_LIMIT} characters of a-z, 0-9 and -, beginning with a letter",
        )


@rule(
    "upgrade-unknown",
    Severity.ERROR,
    states="KubeRay knows the way of upgrading.",
    reference=f"{VALIDATION}: ValidateRayServiceSpec",
)
def _upgrade_unknown(use: ServiceUse) -> Iterator[Fault]:
    given = use.upgrade
    if given not in (None, *UPGRADES):
        yield Fault(
            path="spec.upgradeStrategy.type",
            given=str(given),
            what="KubeRay knows no such upgrade",
            allowed=", ".join(UPGRADES),
        )


@rule(
    "upgrade-behind-gate",
    Severity.NOTE,
    states="The way of upgrading is one that every operator of this version has.",
    reference="kuberay 1.6.1, ray-operator/pkg/features/features.go: RayServiceIncrementalUpgrade is off",
)
def _upgrade_behind_gate(use: ServiceUse) -> Iterator[Fault]:
    if use.upgrade == INCREMENTAL:
        yield Fault(
            path="spec.upgradeStrategy.type",
            given=INCREMENTAL,
            what="only an operator with the feature gate RayServiceIncrementalUpgrade does it; to any other "
            "it means that no change of the pods is rolled out",
            remedy="see that the gate is on, or take NewCluster",
        )


@rule(
    "upgrade-incomplete",
    Severity.WARNING,
    states="Who upgrades step by step says how, and has Ray's autoscaler.",
    reference=f"{VALIDATION}: ValidateClusterUpgradeOptions, behind the gate RayServiceIncrementalUpgrade",
)
def _upgrade_incomplete(use: ServiceUse) -> Iterator[Fault]:
    if use.upgrade != INCREMENTAL:
        return
    options = mapping(use.manifest, "spec", "upgradeStrategy", "clusterUpgradeOptions")
    if missing := INCREMENTAL_NEEDS - options.keys():
        yield Fault(
            path="spec.upgradeStrategy.clusterUpgradeOptions",
            given=", ".join(sorted(options)) or None,
            what=f"an operator that upgrades so refuses it without {', '.join(sorted(missing))}",
        )
    if not use.cluster.autoscaling:
        yield Fault(
            path=f"{CLUSTER}.enableInTreeAutoscaling",
            given=str(use.cluster.spec.get("enableInTreeAutoscaling")),
            what="an operator that upgrades so refuses it without Ray's autoscaler",
            allowed="true",
        )


INCREMENTAL_NEEDS = frozenset(("gatewayClassName", "intervalSeconds", "stepSizePercent"))


@rule(
    "upgrade-doubles-gpus",
    Severity.NOTE,
    states="Who changes pods has their GPUs twice.",
    reference=f"{KUBERAY}/rayservice_controller.go: NewCluster is the default; kuberay#1476, #4239",
)
def _upgrade_doubles_gpus(use: ServiceUse) -> Iterator[Fault]:
    given = use.upgrade
    pods = [(group, sum(gpus(group.container).values())) for group in use.cluster.workers]
    least = sum(each * kept(group) for group, each in pods)
    if given in (None, "NewCluster") and any(each for _, each in pods):
        yield Fault(
            path="spec.upgradeStrategy.type",
            given=given,
            what="a change of the pods is rolled out on a second cluster beside the first: the GPUs in use, "
            f"at least {least:g}, are needed a second time, and where there are none it waits without end",
            remedy="see that as many are free, or take None and make the service anew",
        )


@rule(
    "initializing-timeout",
    Severity.ERROR,
    states="The time until KubeRay gives up is a duration.",
    reference=f"{VALIDATION}: validateInitializingTimeout",
)
def _initializing_timeout(use: ServiceUse) -> Iterator[Fault]:
    given = mapping(use.manifest, "metadata", "annotations").get(TIMEOUT)
    if isinstance(given, str) and given and not (_duration_s(given) or 0) > 0:
        yield Fault(
            path=f"metadata.annotations.{TIMEOUT}",
            given=given,
            what="KubeRay refuses this time",
            allowed="seconds above 0, or a duration: 90m",
        )


@rule(
    "initializing-timeout-short",
    Severity.WARNING,
    states="KubeRay does not give up a service before its engines can have started.",
    reference=f"{KUBERAY}/rayservice_controller.go: a service that ran out of time is never tried again",
)
def _initializing_timeout_short(use: ServiceUse) -> Iterator[Fault]:
    given = _duration_s(mapping(use.manifest, "metadata", "annotations").get(TIMEOUT))
    longest = max(
        (
            quantity(model.environment.get(RAY_BUDGET)) or DEFAULT_BUDGETS_S[RAY_BUDGET]
            for _, model in use.serve.models
            if model.deployment.bounds[0] > 0
        ),
        default=0,
    )
    if given and given < longest:
        yield Fault(
            path=f"metadata.annotations.{TIMEOUT}",
            given=f"{given:g} s",
            what=f"an engine may take {longest:g} s to start, and a service that ran out of time must be "
            "deleted and made again",
            allowed=f"> {longest:g}, and the time that nodes and images take",
        )


def _duration_s(text: object) -> float | None:
    """Seconds of a duration as Go writes it, or of a number; None for what is neither."""
    if not isinstance(text, str):
        return None
    if re.fullmatch(r"\d{1,9}", text):
        return float(text)
    parts = DURATION.findall(text)
    if not parts or "".join(parts) != text:
        return None
    return sum(float(part.rstrip("nuµmsh")) * UNITS_S[part.lstrip("0123456789.")] for part in parts)


THRESHOLDS = ("serviceUnhealthySecondThreshold", "deploymentUnhealthySecondThreshold")


@rule(
    "threshold-ignored",
    Severity.WARNING,
    states="Nobody counts on a threshold that KubeRay no longer reads.",
    reference="kuberay 1.6.1, ray-operator/apis/ray/v1/rayservice_types.go: no controller reads it",
)
def _threshold_ignored(use: ServiceUse) -> Iterator[Fault]:
    spec = mapping(use.manifest, "spec")
    for key in THRESHOLDS:
        if key in spec:
            yield Fault(
                path=f"spec.{key}",
                given=str(spec[key]),
                what="KubeRay 1.6.1 does not read it: an unhealthy service is not made anew",
                remedy=f"leave it out; the annotation {TIMEOUT} bounds the start",
            )


STREAMING, BODY = "RAY_SERVE_LLM_ENABLE_DIRECT_STREAMING", "RAY_SERVE_INGRESS_REQUEST_ROUTER_FORWARD_BODY"


@rule(
    "direct-streaming-refused",
    Severity.ERROR,
    states="Where replicas answer clients themselves, there is one model, and no ingress to be set.",
    reference="ray 2.60.0, ray/llm/_internal/serve/core/ingress/builder.py: build_openai_app",
)
def _direct_streaming_refused(use: ServiceUse) -> Iterator[Fault]:
    env = [entry for group in use.cluster.groups for _, entry in mappings(group.container, "env")]
    if not any(entry.get("name") == STREAMING and entry.get("value") == "1" for entry in env):
        return
    forwards = any(entry.get("name") == BODY and entry.get("value") == "1" for entry in env)
    for path, application in use.serve.applications:
        path = joined(SERVE_CONFIG, path, "args")
        for key in ("ingress_deployment_config", "ingress_cls_config"):
            if builder_of(application) in APPS and at(application, "args", key):
                yield Fault(
                    path=joined(path, key),
                    what=f"Ray Serve LLM refuses it beside {STREAMING}: there is no ingress",
                    remedy="leave it out, and set the deployment_config of the model",
                )
        models = [found for found, _ in use.serve.models if joined(SERVE_CONFIG, found).startswith(path)]
        if builder_of(application) == OPENAI_APP and len(models) > 1:
            yield Fault(
                path=joined(path, "llm_configs"),
                given=f"{len(models)} models",
                what=f"Ray Serve LLM refuses more than one beside {STREAMING}",
                remedy="have an application, or a service, for each",
            )
    for path, model in use.serve.models:
        if model.config.get("lora_config") and not forwards:
            yield Fault(
                path=joined(SERVE_CONFIG, path, "lora_config"),
                what=f"Ray Serve LLM refuses adapters beside {STREAMING} without {BODY}",
                remedy=f'set {BODY} to "1"',
            )


@rule(
    "application-not-in-image",
    Severity.ERROR,
    states="An image has the application that a service names.",
    reference="ray 2.60.0, ray/serve/_private/application_state.py: build_serve_application imports it",
)
def _application_not_in_image(use: ServiceUse) -> Iterator[Fault]:
    if not any(application.get("import_path") == BUILDER for _, application in use.serve.applications):
        return
    for group in use.cluster.groups:
        image = str(group.container.get("image", ""))
        if STOCK_IMAGE.fullmatch(image):
            yield Fault(
                path=joined(CLUSTER, group.container_path, "image"),
                given=image,
                what=f"is Ray's own image, from which {BUILDER} cannot be imported",
                remedy="run an image that has it; `make image` builds one",
            )


service_rules: tuple[Rule[ServiceUse], ...] = (
    _service_name,
    _upgrade_unknown,
    _upgrade_behind_gate,
    _upgrade_incomplete,
    _upgrade_doubles_gpus,
    _initializing_timeout,
    _initializing_timeout_short,
    _threshold_ignored,
    _direct_streaming_refused,
    _application_not_in_image,
)
