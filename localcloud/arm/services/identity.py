"""Managed identities, their credentials, and role assignments."""

from localcloud.arm.refusal import refusal
from localcloud.arm.request import SUBSCRIPTION_ID, TENANT_ID, Put, guid
from localcloud.arm.wire import Properties

IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
CREDENTIAL = "azure-native:managedidentity:FederatedIdentityCredential"
ASSIGNMENT = "azure-native:authorization:RoleAssignment"

_MAX_CREDENTIALS = 20
_MAX_CLAIM = 600


def assigned(put: Put, identity: Properties) -> Properties:
    """The identity block of a resource: user-assigned ids become a map with their principals."""
    shown = {"type": identity.get("type", "None")}
    if "SystemAssigned" in shown["type"]:
        shown |= {"principalId": guid(put.id, "principal"), "tenantId": TENANT_ID}
    ids = list(identity.get("userAssignedIdentities", ()))
    for resource_id in ids:
        if put.store.get(resource_id) is None:
            raise refusal("FailedIdentityOperation", resource=put.id, referenced=resource_id)
    if ids:
        shown["userAssignedIdentities"] = {
            resource_id: {
                "clientId": guid(resource_id, "client"),
                "principalId": guid(resource_id, "principal"),
            }
            for resource_id in ids
        }
    return shown


def identity(put: Put, body: Properties) -> Properties:
    """What a GET of a user-assigned identity shows."""
    return {
        **body,
        "clientId": guid(put.id, "client"),
        "principalId": guid(put.id, "principal"),
        "tenantId": TENANT_ID,
    }


def refuse_credential(put: Put, shown: Properties) -> None:
    """Refuse a federated credential too many, or with another's issuer and subject."""
    siblings = [
        s for s in put.store.children(put.kind.parent_id(put.id) or "") if s.id.lower() != put.id.lower()
    ]
    if len(siblings) >= _MAX_CREDENTIALS:
        raise refusal("TooManyCredentials", parent=put.parent.name if put.parent else "")
    for name in ("issuer", "subject", *(f"audiences[{n}]" for n in range(len(shown.get("audiences") or ())))):
        value = str(shown["audiences"][int(name[10:-1])] if "[" in name else shown[name])
        if len(value) > _MAX_CLAIM:
            raise refusal("ClaimTooLong", name=name, length=len(value))
    claim = (shown["issuer"], shown["subject"])
    if any((s.properties["issuer"], s.properties["subject"]) == claim for s in siblings):
        raise refusal("CredentialExists")


def assignment(put: Put, body: Properties) -> Properties:
    """What a GET of a role assignment shows."""
    scope, _, _ = put.id.partition("/providers/Microsoft.Authorization/roleAssignments/")
    definition = str(body["roleDefinitionId"])
    if not definition.startswith("/subscriptions/"):
        definition = f"/subscriptions/{SUBSCRIPTION_ID}{definition}"
    return {"principalType": "ServicePrincipal", **body, "roleDefinitionId": definition, "scope": scope}


def refuse_assignment(put: Put, shown: Properties) -> None:
    """Refuse the same role for the same principal at the same scope twice, and a changed principal."""
    if put.current is not None:
        if any(
            str(put.before(name)).lower() != str(shown[name]).lower() for name in ("principalId", "scope")
        ):
            raise refusal("RoleAssignmentUpdateNotPermitted")
        return
    grant = _grant(shown)
    if any(_grant(other.properties) == grant for other in put.store.all(ASSIGNMENT)):
        raise refusal("RoleAssignmentExists")


def _grant(shown: Properties) -> tuple[str, ...]:
    definition = str(shown["roleDefinitionId"]).rpartition("/")[2]
    return tuple(str(part).lower() for part in (shown["principalId"], definition, shown["scope"]))
