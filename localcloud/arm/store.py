"""What exists in the stand-in's Azure: one SQLite file, safe for several processes at once."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from localcloud.arm.faults import Fault

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resources (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE COLLATE NOCASE,
    type TEXT NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE,
    parent_id TEXT COLLATE NOCASE,
    properties TEXT NOT NULL,
    created TEXT NOT NULL,
    revision INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS resources_by_type ON resources (type);
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    fault TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS operations (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    scope TEXT NOT NULL COLLATE NOCASE,
    resource_id TEXT NOT NULL,
    verb TEXT NOT NULL,
    due REAL NOT NULL,
    code TEXT,
    message TEXT,
    done BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX IF NOT EXISTS operations_under_way ON operations (due) WHERE NOT done;
CREATE TABLE IF NOT EXISTS quota (
    family TEXT PRIMARY KEY,
    vcpus INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS sold_out (
    size TEXT NOT NULL COLLATE NOCASE,
    zone TEXT NOT NULL,
    refusal TEXT NOT NULL,
    PRIMARY KEY (size, zone)
);
CREATE TABLE IF NOT EXISTS settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
"""
_COLUMNS = "id, type, name, parent_id, properties, created, revision"
_BUSY_S = 30.0
_OPERATIONS = "operations"
"""Setting that holds how many write operations there were."""


class Stored(BaseModel):
    """One resource as ARM has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    """ARM id; compared without regard to case."""
    type: str
    """Pulumi type token."""
    name: str
    parent_id: str | None = None
    """ARM id of the cluster, virtual network, vault … it is a child of."""
    properties: dict[str, Any]
    """As a GET returns them, by the SDK's flat camelCase names."""
    created: datetime
    revision: int = 1
    """Grows by one with every write."""


class Store:
    """The cloud's state. A context manager; each thread opens its own."""

    def __init__(self, path: Path) -> None:
        """Open the SQLite file at ``path``, made with its schema if absent."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        """The store itself, open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, one writer at a time; a transaction inside another can fail alone."""
        inside = self._database.in_transaction
        begin, commit, undo = (
            ("SAVEPOINT inner", "RELEASE inner", ("ROLLBACK TO inner", "RELEASE inner"))
            if inside
            else ("BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",))
        )
        self._database.execute(begin)
        try:
            yield
        except BaseException:
            for statement in undo:
                self._database.execute(statement)
            raise
        self._database.execute(commit)

    def get(self, resource_id: str) -> Stored | None:
        """The resource with that ARM id, or None."""
        rows = self._select("WHERE id = ?", resource_id)
        return rows[0] if rows else None

    def all(self, type_token: str) -> list[Stored]:
        """Every resource of a Pulumi type, oldest first."""
        return self._select("WHERE type = ?", type_token)

    def children(self, parent_id: str) -> list[Stored]:
        """Direct children of a resource, oldest first."""
        return self._select("WHERE parent_id = ?", parent_id)

    def within(self, resource_id: str) -> list[Stored]:
        """The resource and everything whose ARM id lies under it."""
        prefix = resource_id.rstrip("/")
        return self._select(
            "WHERE id = ? OR substr(id, 1, ?) = ? COLLATE NOCASE", prefix, len(prefix) + 1, f"{prefix}/"
        )

    def mentioning(self, text: str) -> list[Stored]:
        """Resources whose properties hold a text, such as another resource's id."""
        return self._select("WHERE instr(lower(properties), lower(?)) > 0", text)

    def put(self, stored: Stored) -> Stored:
        """Create or overwrite; returns what was written, with its new revision."""
        with self.transaction():
            current = self.get(stored.id)
            if current is not None:
                stored = stored.model_copy(
                    update={"created": current.created, "revision": current.revision + 1}
                )
            self._database.execute(
                f"INSERT INTO resources ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) "  # noqa: S608 - constant
                "ON CONFLICT (id) DO UPDATE "
                "SET properties = excluded.properties, revision = excluded.revision",
                (
                    stored.id,
                    stored.type,
                    stored.name,
                    stored.parent_id,
                    json.dumps(stored.properties),
                    stored.created.isoformat(),
                    stored.revision,
                ),
            )
        return stored

    def change(self, resource_id: str, **properties: Any) -> Stored:
        """Overwrite some properties, as the service itself does: the autoscaler's count, a state.

        Raises:
            LookupError: no such resource.
        """
        with self.transaction():
            current = self.get(resource_id)
            if current is None:
                raise LookupError(f"no resource {resource_id}")
            return self.put(current.model_copy(update={"properties": {**current.properties, **properties}}))

    def delete(self, resource_id: str) -> None:
        """Remove one resource; nothing happens if it is absent."""
        with self.transaction():
            self._database.execute("DELETE FROM resources WHERE id = ?", (resource_id,))

    @property
    def operations(self) -> int:
        """How many write operations (PUT and DELETE) there were, refused ones included."""
        return int(self.setting(_OPERATIONS) or 0)

    def order(self, fault: Fault) -> None:
        """Let something go wrong at a write operation to come."""
        with self.transaction():
            self.execute("INSERT INTO orders (fault) VALUES (?)", fault.model_dump_json())

    def count(self, token: str, name: str) -> Fault | None:
        """Count a write operation on a resource; the first fault ordered for it, which is then used up."""
        with self.transaction():
            operation = self.operations + 1
            self.set(_OPERATIONS, str(operation))
            for number, text in self.execute("SELECT number, fault FROM orders ORDER BY number"):
                fault = Fault.model_validate_json(text)
                if fault.strikes(operation, token, name):
                    self.execute("DELETE FROM orders WHERE number = ?", number)
                    return fault
        return None

    def setting(self, name: str) -> str | None:
        """A setting of this cloud, or None."""
        [*rows] = self.execute("SELECT value FROM settings WHERE name = ?", name)
        return rows[0][0] if rows else None

    def set(self, name: str, value: str) -> None:
        """Set a setting of this cloud."""
        self.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", name, value)

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one SQL statement; returns its rows."""
        return self._database.execute(statement, values).fetchall()

    def _select(self, condition: str, *values: object) -> list[Stored]:
        rows = self.execute(
            f"SELECT {_COLUMNS} FROM resources {condition} ORDER BY sequence",  # noqa: S608 - constants
            *values,
        )
        return [
            Stored(
                id=row[0],
                type=row[1],
                name=row[2],
                parent_id=row[3],
                properties=json.loads(row[4]),
                created=datetime.fromisoformat(row[5]),
                revision=row[6],
            )
            for row in rows
        ]


def now() -> datetime:
    """The time a resource is created at, in UTC."""
    return datetime.now(UTC)
