"""Reads the data files. A column, type or value that a row does not know is an error as the file is read."""

import csv
import json
from collections.abc import Collection, Iterable
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


@cache
def records(name: str, row: type[AnyRow]) -> tuple[AnyRow, ...]:
    """The rows of a JSON list. Raises CatalogError."""
    return tuple(
        _row(row, given, f"{name}.json, {number}.")
        for number, given in enumerate(json.loads(_text(f"{name}.json")), 1)
    )


def parsed(name: str, text: str, row: type[AnyRow]) -> tuple[AnyRow, ...]:
    """The rows in the text of a CSV file. Raises CatalogError with the line that is wrong."""
    lines = csv.DictReader(text.splitlines(), restkey="a cell without a column")
    return tuple(
        _row(row, {key: cell or None for key, cell in line.items()}, f"{name}.csv, line {number}")
        for number, line in enumerate(lines, start=2)
    )


def known(names: Iterable[str | None], among: Collection[str], where: str, file: str) -> None:
    """Raises CatalogError for the first name, None apart, that the other file does not have."""
    for name in names:
        if name is not None and name not in among:
            raise CatalogError(f"{where}: {name!r} is not in {file}")


def _row(row: type[AnyRow], given: object, place: str) -> AnyRow:
    try:
        return row.model_validate(given)
    except ValidationError as error:
        told = "; ".join(_fault(fault["loc"], fault["msg"]) for fault in error.errors())
        raise CatalogError(f"{place}: {told}") from None


def _fault(place: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(map(str, place)) or 'row'}: {message}"


def _text(file: str) -> str:
    return (DATA / file).read_text(encoding="utf-8")
