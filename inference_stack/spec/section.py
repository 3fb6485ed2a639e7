"""What every part of an environment is."""

from typing import TYPE_CHECKING, cast

from pydantic import BaseModel, ConfigDict


class Unparsed(AttributeError):  # noqa: N818 - named for what it says
    """Somebody asked for a part of an environment that could not be read."""


class Section(BaseModel):
    """A part of the environment. Immutable; a key that it does not know is an error.

    `spec.parse` also makes incomplete sections, so that one run finds every fault: a field that could not be
    read is absent, and asking for it raises Unparsed. A rule that asks has then nothing to say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            """Called only for what is absent, and for a property that asked for it."""
            if name in type(self).model_fields or isinstance(getattr(type(self), name, None), property):
                raise Unparsed(name)
            return super().__getattr__(name)


def is_whole(section: Section) -> bool:
    """Whether every part of a section could be read, and of the sections in it."""
    values: dict[str, object] = vars(section)
    if values.keys() < type(section).model_fields.keys():
        return False
    parts: list[object] = []
    for value in values.values():
        parts += cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
    return all(is_whole(part) for part in parts if isinstance(part, Section))
