"""ARM ids from the inputs of a resource, which are all that is known of one whose creation was killed."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

TABLE = Path(__file__).parent / "arm_ids.toml"
PLACEHOLDER = re.compile(r"\{(\w+)\}")

_SUBSCRIPTION = re.compile(r"^/subscriptions/([^/]+)", re.IGNORECASE)


@cache
def arm_ids() -> dict[str, str]:
    """The ARM id of each Pulumi type, with its parameters in braces."""
    return tomllib.loads(TABLE.read_text())


def arm_id(template: str, inputs: Mapping[str, object], subscription: str) -> str:
    """The id of one resource. Raises KeyError for a parameter that the inputs lack."""
    values = {**inputs, "subscriptionId": subscription}
    return PLACEHOLDER.sub(lambda match: str(values[match[1]]).strip("/"), template)


def in_subscription(template: str) -> bool:
    """Whether the id names the provider's subscription; else it begins with the id of another resource."""
    return bool(_SUBSCRIPTION.match(template))


def subscription_of(resource_id: str) -> str | None:
    """The subscription that an ARM id lies in."""
    found = _SUBSCRIPTION.match(resource_id)
    return found[1] if found else None
