"""Reads the data files. A column, type or value that a row does not know is an error as the file is read."""

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from .rows import Row

AnyRow = TypeVar("AnyRow", bound=Row)

DATA = Path(__file__).parent / "data"

Fields = dict[str, Any]
"""The fields of a JSON object."""


class CatalogError(ValueError):
    """A data file that contradicts its types or another file. Says which file and line."""


@cache
def rows(name: str, row: type[AnyRow]) -> tuple[AnyRow, ...]:
    """The rows of a CSV file, empty cells as None. Raises CatalogError."""
    return parsed(name, _text(f"{name}.csv"), row)


@cache
def objects(name: str) -> dict[str, Fields]:
    """The objects of a JSON file by name."""
    return cast("dict[str, Fields]", json.loads(_text(f"{name}.json")))


def parsed(name: str, text: str, row: type[AnyRow]) -> tuple[AnyRow, ...]:
    """The rows in the text of a CSV file. Raises CatalogError with the line that is wrong."""
    found: list[AnyRow] = []
    for number, line in enumerate(
        csv.DictReader(text.splitlines(), restkey="a cell without a column"), start=2
    ):
        cells = {key: cell or None for key, cell in line.items()}
        try:
            found.append(row.model_validate(cells))
        except ValidationError as error:
            told = "; ".join(_fault(fault["loc"], fault["msg"]) for fault in error.errors())
            raise CatalogError(f"{name}.csv, line {number}: {told}") from None
    return tuple(found)


def _fault(place: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(map(str, place)) or 'row'}: {message}"


def _text(file: str) -> str:
    return (DATA / file).read_text(encoding="utf-8")
