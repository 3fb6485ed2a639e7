"""Types of Azure's that take tags, of those that this stack and its like make."""

TAGGED = tuple(
    f"azure-native:{name}"
    for name in (
        "containerregistry:Registry",
        "containerservice:AgentPool",
        "containerservice:ManagedCluster",
        "dashboard:Grafana",
        "keyvault:Vault",
        "managedidentity:UserAssignedIdentity",
        "monitor:AzureMonitorWorkspace",
        "network:NatGateway",
        "network:NetworkSecurityGroup",
        "network:PrivateEndpoint",
        "network:PublicIPAddress",
        "network:RouteTable",
        "network:VirtualNetwork",
        "operationalinsights:Workspace",
        "resources:ResourceGroup",
        "storage:StorageAccount",
    )
)
