"""Where checkpoints come from: the hub itself, or a copy of it in the environment's own storage."""

from typing import Annotated

from pydantic import Field, StringConstraints

from .names import form
from .section import Section

Commit = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{40}$"),
    form("a commit: 40 hexadecimal digits. A branch or tag can move"),
]
"""A commit of a repository of the hub."""

AtCommit = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][\w.-]*/[\w.-]+@[0-9a-f]{40}$"),
    form("owner/name@commit, with the 40 hexadecimal digits of a commit"),
]
"""A repository of the hub at a commit."""


class Weights(Section):
    """Checkpoints that are copied into the storage account, checked, and served from there."""

    copied: dict[str, Commit] = Field(
        default_factory=dict,
        description="Commit on the hub of each checkpoint that is copied, by the id of what is loaded, such "
        "as Qwen/Qwen3-8B-FP8; the others are read from the hub by every replica.",
    )
    token_secret: str | None = Field(
        default=None,
        pattern=r"^[0-9A-Za-z-]{1,127}$",
        description="Name of a secret in the environment's Key Vault that holds a token of the hub; for "
        "checkpoints that their owner gives only to whom agrees.",
    )
