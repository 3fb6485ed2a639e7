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
CREATE TABLE IF NOT EXISTS faults (
    type TEXT NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE,
    message TEXT NOT NULL
);
"""
_COLUMNS = "id, type, name, parent_id, properties, created, revision"
_BUSY_S = 30.0


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
        """All or nothing, one writer at a time; a transaction inside another belongs to it."""
        if self._database.in_transaction:
            yield
            return
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

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

    def fail_next(self, type_token: str, name: str, message: str) -> None:
        """Let the next write of that resource be accepted and then fail with a message."""
        with self.transaction():
            self._database.execute("INSERT INTO faults VALUES (?, ?, ?)", (type_token, name, message))

    def take_fault(self, type_token: str, name: str) -> str | None:
        """The message of a failure ordered for that resource, which is then used up."""
        with self.transaction():
            row = self._database.execute(
                "SELECT rowid, message FROM faults WHERE type = ? AND name = ? ORDER BY rowid",
                (type_token, name),
            ).fetchone()
            if row is None:
                return None
            self._database.execute("DELETE FROM faults WHERE rowid = ?", (row[0],))
            return row[1]

    def _select(self, condition: str, *values: object) -> list[Stored]:
        rows = self._database.execute(
            f"SELECT {_COLUMNS} FROM resources {condition} ORDER BY sequence",  # noqa: S608 - constants
            values,
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
