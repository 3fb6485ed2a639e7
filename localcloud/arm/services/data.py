"""Storage accounts, vaults, registries and workspaces: what a GET shows."""

import base64
import hashlib

from localcloud.arm.request import Put, guid
from localcloud.arm.services.identity import assigned
from localcloud.arm.store import now
from localcloud.arm.wire import Properties

STORAGE = "azure-native:storage:StorageAccount"

_ENDPOINTS = ("blob", "dfs", "file", "queue", "table", "web")


def storage_account(put: Put, body: Properties) -> Properties:
    """A storage account."""
    name = put.name.lower()
    return {
        "accessTier": "Hot",
        "allowBlobPublicAccess": False,
        "allowSharedKeyAccess": True,
        "enableHttpsTrafficOnly": True,
        "minimumTlsVersion": "TLS1_2",
        "publicNetworkAccess": "Enabled",
        "networkRuleSet": {"bypass": "AzureServices", "defaultAction": "Allow"},
        "encryption": {
            "keySource": "Microsoft.Storage",
            "services": {"blob": {"enabled": True, "keyType": "Account"}},
        },
        **body,
        **({"identity": assigned(put, body["identity"])} if "identity" in body else {}),
        "primaryEndpoints": {kind: f"https://{name}.{kind}.core.windows.net/" for kind in _ENDPOINTS},
        "primaryLocation": put.location,
        "statusOfPrimary": "available",
        "provisioningState": "Succeeded",
        "creationTime": put.before("creationTime") or now().isoformat(),
    }


def storage_keys(account_id: str, created: str) -> list[Properties]:
    """The two access keys of an account: new with every account, the same as long as it lives."""
    keys = (hashlib.sha512(f"{account_id.lower()}:{created}:{number}".encode()).digest() for number in (1, 2))
    return [
        {"keyName": f"key{number}", "permissions": "FULL", "value": base64.b64encode(key).decode()}
        for number, key in enumerate(keys, 1)
    ]


def blob_container(_: Put, body: Properties) -> Properties:
    """A blob container."""
    return {
        "defaultEncryptionScope": "$account-encryption-key",
        "denyEncryptionScopeOverride": False,
        "publicAccess": "None",
        **body,
        "hasImmutabilityPolicy": False,
        "hasLegalHold": False,
        "leaseState": "Available",
        "leaseStatus": "Unlocked",
    }


def vault(put: Put, body: Properties) -> Properties:
    """A key vault."""
    properties = {
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": 90,
        "publicNetworkAccess": "Enabled",
        "accessPolicies": [],
        **body.get("properties", {}),
        "vaultUri": f"https://{put.name.lower()}.vault.azure.net/",
        "provisioningState": "Succeeded",
    }
    return {**body, "properties": properties}


def secret(put: Put, body: Properties) -> Properties:
    """A secret; ARM never gives its value back, so it is not kept."""
    vault_name = put.parent.name.lower() if put.parent else ""
    uri = f"https://{vault_name}.vault.azure.net/secrets/{put.name}"
    properties = {name: value for name, value in body.get("properties", {}).items() if name != "value"}
    version = guid(f"{put.id}/{put.current.revision if put.current else 0}", "secret").replace("-", "")
    return {
        **body,
        "properties": {
            "attributes": {"enabled": True},
            **properties,
            "secretUri": uri,
            "secretUriWithVersion": f"{uri}/{version}",
        },
    }


def registry(put: Put, body: Properties) -> Properties:
    """A container registry."""
    return {
        "adminUserEnabled": False,
        "anonymousPullEnabled": False,
        "dataEndpointEnabled": False,
        "networkRuleBypassOptions": "AzureServices",
        "publicNetworkAccess": "Enabled",
        "zoneRedundancy": "Disabled",
        **body,
        "sku": {**body.get("sku", {}), "tier": body.get("sku", {}).get("name", "Basic")},
        **({"identity": assigned(put, body["identity"])} if "identity" in body else {}),
        "loginServer": f"{put.name.lower()}.azurecr.io",
        "provisioningState": "Succeeded",
    }


def workspace(put: Put, body: Properties) -> Properties:
    """A Log Analytics workspace."""
    return {
        "publicNetworkAccessForIngestion": "Enabled",
        "publicNetworkAccessForQuery": "Enabled",
        "retentionInDays": 30,
        "sku": {"name": "PerGB2018"},
        **body,
        "features": {"enableLogAccessUsingOnlyResourcePermissions": True, **body.get("features", {})},
        "customerId": guid(put.id, "workspace"),
        "provisioningState": "Succeeded",
    }


def monitor_workspace(put: Put, body: Properties) -> Properties:
    """An Azure Monitor workspace, with its Prometheus endpoint and default collection rule."""
    managed = (
        f"{put.id.rpartition('/resourceGroups/')[0]}/resourceGroups/MA_{put.name}_{put.location}_managed"
    )
    insights = f"{managed}/providers/Microsoft.Insights"
    return {
        "publicNetworkAccess": "Enabled",
        **body,
        "accountId": guid(put.id, "account"),
        "defaultIngestionSettings": {
            "dataCollectionEndpointResourceId": f"{insights}/dataCollectionEndpoints/{put.name}",
            "dataCollectionRuleResourceId": f"{insights}/dataCollectionRules/{put.name}",
        },
        "metrics": {
            "internalId": f"mac_{guid(put.id, 'account')}",
            "prometheusQueryEndpoint": f"https://{put.name.lower()}.{put.location}.prometheus.monitor.azure.com",
        },
        "provisioningState": "Succeeded",
    }


def grafana(put: Put, body: Properties) -> Properties:
    """A managed Grafana."""
    properties = {
        "apiKey": "Disabled",
        "autoGeneratedDomainNameLabelScope": "TenantReuse",
        "deterministicOutboundIP": "Disabled",
        "publicNetworkAccess": "Enabled",
        "zoneRedundancy": "Disabled",
        **body.get("properties", {}),
        "endpoint": f"https://{put.name.lower()}.{put.location}.grafana.azure.com",
        "grafanaVersion": "11",
        "provisioningState": "Succeeded",
    }
    return {
        **body,
        "properties": properties,
        **({"identity": assigned(put, body["identity"])} if "identity" in body else {}),
    }


def group(_: Put, body: Properties) -> Properties:
    """A resource group."""
    return {**body, "properties": {"provisioningState": "Succeeded"}}
