"""The one error of the toolchain."""

from dataclasses import dataclass


@dataclass
class ToolchainError(Exception):
    """Something outside of this project keeps a tool from being made."""

    what: str
    where: str
    do: str
    allowed: str | None = None
    detail: str | None = None
    """Last words of the program that failed."""

    def __str__(self) -> str:
        """All of it, for a terminal."""
        lines = [self.what, f"  where: {self.where}"]
        if self.allowed:
            lines.append(f"  allowed: {self.allowed}")
        lines.append(f"  do: {self.do}")
        if self.detail:
            lines += ["  it said:", *(f"    {line}" for line in self.detail.splitlines())]
        return "\n".join(lines)
