"""Who read and wrote what in storage, registry and vault, kept in the workspace."""

import pulumi
from pulumi_azure_native import monitor


def keep_audit_log(
    name: str,
    resource_id: pulumi.Input[str],
    workspace_id: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> monitor.DiagnosticSetting:
    """Send the audit log of a resource to a workspace. It is billed by volume."""
    return monitor.DiagnosticSetting(
        f"{name}-audit",
        name="audit",
        resource_uri=resource_id,
        workspace_id=workspace_id,
        logs=[{"category_group": "audit", "enabled": True}],
        opts=opts,
    )
