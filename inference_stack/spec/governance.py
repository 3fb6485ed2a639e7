"""What the organisation allows, and what it lets pass for a while."""

from datetime import date
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import Field

from .section import Section

Industry = Literal[
    "public-sector", "defence", "critical-infrastructure", "finance", "health", "education", "other"
]
"""What the organisation does, as rules on the origin of models tell organisations apart."""


class Waiver(Section):
    """One rule of the policy pack that may be broken, where, by whose word, and until when."""

    rule: str = Field(
        pattern=r"^[a-z][a-z0-9-]*$", description="Name of the rule, as in docs/policies.md, and no other."
    )
    scope: str = Field(
        min_length=1,
        description="Name of the resource, model or pool; `*` stands for any characters.",
    )
    owner: str = Field(min_length=3, description="Who answers for it: a person or a team.")
    evidence: str = Field(
        min_length=10, description="Why it is safe meanwhile: a ticket, a review, a measure in its place."
    )
    expires: date = Field(description="Last day on which it holds. After that it fails by itself.")

    def covers(self, rule: str, subject: str) -> bool:
        """Whether it is about this rule on the resource, model or pool of this name."""
        return self.rule == rule and fnmatchcase(subject, self.scope)

    def is_over(self, today: date) -> bool:
        """Whether its last day has passed."""
        return today > self.expires


class Governance(Section):
    """What the organisation allows."""

    licences: tuple[str, ...] = Field(
        default=("apache-2.0", "mit"), description="Licence ids under which models may be served."
    )
    industry: Industry | None = Field(
        default=None, description="What the organisation does; some are told which models they may not use."
    )
    domicile: str | None = Field(
        default=None,
        pattern=r"^[A-Z]{2}$",
        description="Country of its principal place of business, as in ISO 3166: some licences depend on it.",
    )
    regions: tuple[str, ...] = Field(
        default=(),
        description="Azure regions in which data may lie; empty for that of the environment alone.",
    )
    registries: tuple[str, ...] = Field(
        default=(),
        description="Registries from which images may come; empty for `images.registry` alone.",
    )
    required_tags: tuple[str, ...] = Field(
        default=("environment", "owner"), description="Tags that every Azure resource must have."
    )
    waivers: tuple[Waiver, ...] = Field(
        default=(), description="Rules of the policy pack that may be broken, each for a while."
    )
