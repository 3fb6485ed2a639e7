"""Turns what people already run into an environment, as far as one can say it."""

from .importing import Imported, import_file, import_source

__all__ = ["Imported", "import_file", "import_source"]
