"""The base of what is emitted."""

from pydantic import BaseModel, ConfigDict


class Emitted(BaseModel):
    """A part of what Ray or Kubernetes is sent. Immutable; a field that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())
