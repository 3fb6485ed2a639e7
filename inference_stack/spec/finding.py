"""What can be wrong with what a user asked for, in the one form in which it is told."""

from collections.abc import Iterable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Severity(StrEnum):
    """How much a finding weighs: an error stops the preview, the others are reported."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Finding(BaseModel):
    """One thing found in an environment or a plan, told so that the reader can act on it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(description="Stable identifier in kebab case, for waivers and searches.")
    severity: Severity = Severity.ERROR
    path: str = Field(description="Where, in the user's own file: models[2].engine.max_model_len.")
    given: str | None = Field(default=None, description="What stands there, as the user wrote it.")
    what: str = Field(description="What is wrong with it, with the figures that decide.")
    allowed: str | None = Field(default=None, description="What would be accepted at this place.")
    remedy: str | None = Field(default=None, description="What to do, where `allowed` does not say it.")
    reference: str | None = Field(
        default=None, description="Who says so, where it is not us: upstream's source."
    )
    line: int | None = Field(default=None, description="Line in the file, counted from 1, where known.")

    def at(self, path: str) -> "Finding":
        """The same finding at another path: where the reader wrote what it is about."""
        return self.model_copy(update={"path": path})

    def under(self, parent: str) -> "Finding":
        """The same finding, its path now counted from above `parent`."""
        return self.at(f"{parent}.{self.path}" if self.path else parent)

    def render(self, file: str) -> str:
        """The finding as a person reads it, over two to four lines."""
        place = file if self.line is None else f"{file}:{self.line}"
        head = f"{place}: {self.path}" + ("" if self.given is None else f" = {self.given}")
        tail = [self.what]
        if self.allowed is not None:
            tail.append(f"allowed: {self.allowed}")
        if self.remedy is not None:
            tail.append(f"do: {self.remedy}")
        return "\n  ".join([head, *tail])


class InvalidEnvironment(Exception):  # noqa: N818 - named for what it says, not for being an error
    """An environment that must not be built. Carries every finding, not only the first."""

    def __init__(self, file: str, findings: Iterable[Finding]) -> None:
        """Keep the findings, in the order of the file."""
        self.file = file
        self.findings = tuple(findings)
        super().__init__(self.render())

    def render(self) -> str:
        """All findings, with a closing line that counts them."""
        count = len(self.findings)
        closing = f"{count} error{'s' * (count != 1)} in {self.file}; nothing was created."
        return "\n\n".join([*(finding.render(self.file) for finding in self.findings), closing])
