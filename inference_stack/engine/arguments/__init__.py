"""vLLM's arguments, typed for each version that is known."""

from .argument import DATA, IN_WORDS, Argument, EngineVersion, Kind, Parse, engine_version, known_versions
from .history import Departed, departed, history

__all__ = [
    "DATA",
    "IN_WORDS",
    "Argument",
    "Departed",
    "EngineVersion",
    "Kind",
    "Parse",
    "departed",
    "engine_version",
    "history",
    "known_versions",
]
