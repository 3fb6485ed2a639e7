"""The base of what is handed around: immutable, finite, and strict about names."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value. A field that it does not know is an error, and so are NaN and infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
