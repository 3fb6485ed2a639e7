"""Types of resources that rules judge, and benchmarks that they answer to."""

AGENT_POOL = "azure-native:containerservice:AgentPool"
MANAGED_CLUSTER = "azure-native:containerservice:ManagedCluster"
STORAGE_ACCOUNT = "azure-native:storage:StorageAccount"
REGISTRY = "azure-native:containerregistry:Registry"
VAULT = "azure-native:keyvault:Vault"
DIAGNOSTIC_SETTING = "azure-native:monitor:DiagnosticSetting"
RAY_SERVICE = "kubernetes:ray.io/v1:RayService"
NAMESPACE = "kubernetes:core/v1:Namespace"
NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"


def cis_aks(item: str) -> str:
    """An item of the CIS benchmark for AKS, as kube-bench's cfg/aks-1.8.0 numbers it."""
    return f"CIS AKS 1.8 {item}"


def mcsb(control: str) -> str:
    """A control of the Microsoft cloud security benchmark, on which Azure's security baselines stand."""
    return f"MCSB {control}"
