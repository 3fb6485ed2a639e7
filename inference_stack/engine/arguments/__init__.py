"""vLLM's arguments, typed for each version that is known."""

from .argument import Argument, EngineVersion, Kind, engine_version, known_versions

__all__ = ["Argument", "EngineVersion", "Kind", "engine_version", "known_versions"]
