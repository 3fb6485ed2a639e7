"""No key is for ever."""

from collections.abc import Iterator

from policies.context import Context
from policies.kinds import MANAGED_CLUSTER, STORAGE_ACCOUNT, mcsb
from policies.rule import Violation, rule
from policies.seen import Seen, maps

KEY = "azure-native:keyvault:Key"
PROVIDER = "addonProfiles.azureKeyvaultSecretsProvider"


@rule(
    demand="Keys and secrets are renewed by themselves.",
    why="A key that leaked and was never noticed opens what it opens until it is renewed.",
    remedy="give the key a rotation policy, the account a key policy, or the secrets provider rotation",
    on=[KEY, STORAGE_ACCOUNT, MANAGED_CLUSTER],
    references=[mcsb("DP-6"), mcsb("DP-7")],
)
def keys_rotate(holder: Seen, _: Context) -> Iterator[Violation]:
    """Keys that nothing renews."""
    if holder.type == KEY:
        actions = maps(holder.get("properties.rotationPolicy.lifetimeActions"))
        kinds = {(each.get("action") or {}).get("type", "").lower() for each in actions}
        if "rotate" not in kinds:
            path = "properties.rotationPolicy.lifetimeActions"
            yield Violation(path, None, "never renews the key", "an action of type rotate")
    elif holder.type == STORAGE_ACCOUNT:
        period = "keyPolicy.keyExpirationPeriodInDays"
        if holder.get("allowSharedKeyAccess") is not False and not holder.get(period):
            yield Violation(
                period, None, "lets keys of the account live for ever", "at most 90 days, or no keys"
            )
    elif holder.get(f"{PROVIDER}.enabled"):
        path = f"{PROVIDER}.config.enableSecretRotation"
        if str(holder.get(path, "false")).lower() != "true":
            yield Violation(
                path, holder.get(path), "leaves pods with the secrets of the day they started", "'true'"
            )
