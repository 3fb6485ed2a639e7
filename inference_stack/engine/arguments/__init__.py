"""vLLM's arguments, typed for each version that is known."""

from .argument import DATA, Argument, EngineVersion, Kind, Parse, engine_version, known_versions

__all__ = ["DATA", "Argument", "EngineVersion", "Kind", "Parse", "engine_version", "known_versions"]
