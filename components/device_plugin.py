"""NVIDIA's device plugin, which tells Kubernetes of the GPUs and slices of a node."""

from collections.abc import Sequence
from typing import Any, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes

from components.gpu_node_pool import STRATEGY_LABEL


class DevicePluginArgs(TypedDict):
    """What the device plugin needs."""

    namespace: pulumi.Input[str]
    """Required. Namespace to run in."""
    image: str
    """Required. Image of the plugin."""
    strategies: Sequence[str]
    """Required. MIG strategies of the pools of the cluster: single, mixed or both."""


class DevicePlugin(pulumi.ComponentResource):
    """One DaemonSet for each MIG strategy in use, since a plugin knows only one."""

    def __init__(self, name: str, args: DevicePluginArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the DaemonSets."""
        super().__init__("inference-stack:index:DevicePlugin", name, {}, opts)
        for strategy in sorted(set(args["strategies"])):
            labels = {
                "app.kubernetes.io/name": "nvidia-device-plugin",
                "app.kubernetes.io/instance": strategy,
            }
            template = {"metadata": {"labels": labels}, "spec": self._pod(args["image"], strategy)}
            spec: Any = {"selector": {"matchLabels": labels}, "template": template}
            kubernetes.apps.v1.DaemonSet(
                f"{name}-{strategy}",
                metadata={"name": f"nvidia-device-plugin-{strategy}", "namespace": args["namespace"]},
                spec=spec,
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({})

    @staticmethod
    def _pod(image: str, strategy: str) -> dict[str, Any]:
        return {
            "nodeSelector": {STRATEGY_LABEL: strategy},
            "priorityClassName": "system-node-critical",
            # It must be on every GPU node whatever else its taints keep away.
            "tolerations": [{"operator": "Exists"}],
            "automountServiceAccountToken": False,
            "containers": [
                {
                    "name": "nvidia-device-plugin",
                    "image": image,
                    "env": [
                        {"name": "MIG_STRATEGY", "value": strategy},
                        {"name": "FAIL_ON_INIT_ERROR", "value": "true"},
                    ],
                    "resources": {
                        "requests": {"cpu": "50m", "memory": "100Mi"},
                        "limits": {"memory": "200Mi"},
                    },
                    # MIG devices are reached through capabilities of the node's driver.
                    "securityContext": {"privileged": True},
                    "volumeMounts": [
                        {"name": "device-plugins", "mountPath": "/var/lib/kubelet/device-plugins"}
                    ],
                }
            ],
            "volumes": [{"name": "device-plugins", "hostPath": {"path": "/var/lib/kubelet/device-plugins"}}],
        }
