"""How requests come in from outside: one gateway with TLS, and the tenants that it knows."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .names import Name, ObjectId
from .section import Section

MOST_TENANTS = 16
"""Tenants that may ask one model: Envoy Gateway takes no more local rate limits for a route."""

VaultName = Annotated[str, StringConstraints(pattern=r"^[0-9a-zA-Z-]{1,127}$")]
"""Name of a certificate or secret in the Key Vault of the environment."""


class Entra(Section):
    """Tokens of Microsoft Entra that the gateway takes."""

    tenant_id: ObjectId = Field(description="Directory whose tokens are taken, its tenant id.")
    audience: str = Field(
        min_length=1, description="`aud` of the tokens: the client id of the application that stands for us."
    )
    claim: Literal["azp", "oid", "tid"] = Field(
        default="azp",
        description="Claim that tells tenants apart. azp: the application that asks; oid: the user or "
        "identity; tid: the directory.",
    )


class GatewayTenant(Section):
    """Somebody who may ask, and what."""

    name: Name = Field(description="Name of the tenant.")
    claim: ObjectId | None = Field(
        default=None, description="Value of `entra.claim` in its tokens; only with entra."
    )
    api_key: VaultName | None = Field(
        default=None, description="Name of the Key Vault secret that holds its key; only with api-keys."
    )
    models: tuple[Name, ...] = Field(min_length=1, description="Names of the models that it may ask.")
    requests_per_minute: int = Field(
        ge=1,
        le=1_000_000,
        description="Requests a minute that it may make of each of these models, at most. Each replica of "
        "the gateway lets in its equal part of them.",
    )


class Gateway(Section):
    """What stands between callers and models. Without it nothing lets requests into the cluster."""

    host: str = Field(
        max_length=253,
        pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$",
        description="Host name that callers use, and that the certificate is for.",
    )
    certificate: VaultName = Field(description="Name of the certificate in the Key Vault of the environment.")
    internal: bool = Field(
        default=True,
        description="Whether its load balancer has an address of the network of the nodes alone; "
        "otherwise a public one.",
    )
    replicas: int = Field(default=2, ge=1, le=50, description="Replicas of the proxy, on the pool of heads.")
    authentication: Literal["entra", "api-keys"] = Field(
        description="entra: callers show a token of Entra; api-keys: a key out of the Key Vault."
    )
    entra: Entra | None = Field(default=None, description="Which tokens; only with entra.")
    tenants: tuple[GatewayTenant, ...] = Field(min_length=1, description="Who may ask what.")
