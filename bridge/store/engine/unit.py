"""Units of work: what is read and written together. Only through one does anybody reach the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Concatenate, ParamSpec, TypeVar

from peewee import Database, Delete, Insert, Model, ModelSelect, Query, SelectBase, SqliteDatabase, Update

from bridge.store.engine.errors import StoreError
from bridge.store.engine.numbered import numbered
from bridge.store.engine.sql import ROWS_PER_STATEMENT

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M", bound=Model)


class ReadUnit:
    """What reads within one transaction of one store. The store makes it, and it ends with its work.

    Peewee builds its SQL anew at every call, which takes ten times as long as running a statement that is written out
    (benchmarks/README.md). The values of such a statement stand as `?`, in SQLite and PostgreSQL.
    """

    def __init__(self, database: Database) -> None:
        """For the store alone, inside a transaction on the store's thread."""
        self._database: Database | None = database
        self.news: list[object] = []
        """What was announced."""

    @property
    def database(self) -> Database:
        """The database behind it, for what is about that and no table. Raises StoreError once the unit is over."""
        if self._database is None:
            raise StoreError("A unit of work was used after its end. Read what is needed inside it, and return that.")
        return self._database

    @property
    def sqlite(self) -> bool:
        """Whether the database is SQLite; else it is PostgreSQL."""
        return isinstance(self.database, SqliteDatabase)

    def announce(self, news: object) -> None:
        """Have those who listen to the store told of something when the unit is committed, and only then."""
        self.news.append(news)

    def end(self) -> None:
        """For the store: nothing runs in it from now on."""
        self._database = None

    def all(self, query: ModelSelect[M]) -> list[M]:
        """The rows that a query finds, as objects of its model."""
        return list(query.execute(self.database))

    def first(self, query: ModelSelect[M]) -> M | None:
        """The first row that a query finds, if any."""
        found: M | None = query.first(self.database)
        return found

    def find(self, model: type[M], condition: object, *more: object) -> M | None:
        """A row of a table that fits, if any does."""
        return self.first(model.select().where(condition, *more))

    def get(self, model: type[M], condition: object, *more: object) -> M:
        """The same for a row that is there. Raises DoesNotExist where it is not."""
        return model.select().where(condition, *more).get(self.database)

    def tuples(self, query: Query) -> list[Any]:
        """The rows that a query finds, as tuples of the columns it selects."""
        return list(query.tuples().execute(self.database))

    def objects(self, query: ModelSelect[M]) -> list[Any]:
        """The rows that a query finds, as objects of its model that have the columns of joined tables too."""
        return list(query.objects().execute(self.database))

    def exists(self, query: SelectBase) -> bool:
        """Whether a query finds anything."""
        return bool(query.exists(self.database))

    def count(self, query: SelectBase) -> int:
        """How many rows a query finds."""
        return int(query.count(self.database))

    def value(self, query: SelectBase) -> Any:
        """The first column of the first row that a query finds; None for none."""
        return query.scalar(self.database)

    def rows(self, statement: str, *values: object) -> list[Any]:
        """The rows that a written-out SELECT finds, as tuples."""
        return list(_cursor(self.database, statement, values).fetchall())

    def each(self, statement: str, *values: object) -> Iterator[Any]:
        """The same one at a time, for those that are many: inside this unit, and before anything else runs in it."""
        return iter(_cursor(self.database, statement, values))

    def row(self, statement: str, *values: object) -> Any:
        """The first row that a written-out SELECT finds, as a tuple; None for none."""
        return _cursor(self.database, statement, values).fetchone()

    def rows_for(self, statement: str, row: str, given: Sequence[Sequence[object]]) -> list[Any]:
        """What a SELECT finds in which `{rows}` stands for many given rows, each written as `row`."""
        return _with_rows(self.database, statement, row, given)


class Unit(ReadUnit):
    """What reads and writes within one transaction of one store: wholly done, or not at all."""

    def run(self, query: Insert | Update | Delete) -> int:
        """Run a query that writes, and return how many rows it changed."""
        if isinstance(query, Insert):
            query = query.as_rowcount()
        return int(query.execute(self.database) or 0)

    def add(self, row: Model) -> None:
        """Store a new row, as it was made."""
        fields = [field for field in row._meta.sorted_fields if field.name in row.__data__]
        statement = _insert(row._meta.table_name, tuple(field.column_name for field in fields))
        self.execute(statement, *(field.db_value(row.__data__[field.name]) for field in fields))

    def save(self, row: Model) -> None:
        """Store what was changed in a row that was found in this unit."""
        if changed := {field: row.__data__[field.name] for field in row.dirty_fields}:
            key = row.get_id()  # type: ignore[no-untyped-call]
            self.run(type(row).update(changed).where(row._meta.primary_key == key))

    def execute(self, statement: str, *values: object) -> Any:
        """Run a written-out statement that writes, and return its cursor."""
        return _cursor(self.database, statement, values)

    def execute_rows(self, statement: str, row: str, given: Sequence[Sequence[object]]) -> None:
        """The same for one in which `{rows}` stands for many given rows, each written as `row`."""
        _with_rows(self.database, statement, row, given)

    def create_tables(self, models: Sequence[type[Model]]) -> None:
        """For migrations: make the tables of these models, with their indexes."""
        with self.database.bind_ctx(models):
            self.database.create_tables(models)


@lru_cache
def _insert(table: str, columns: Sequence[str]) -> str:
    """What stores a row with these columns, of which a table has few sets."""
    names = ", ".join(f'"{name}"' for name in columns)
    return f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(columns))})'  # noqa: S608 - names of our own


def later(work: Callable[Concatenate[Unit, P], T], /, *args: P.args, **kwargs: P.kwargs) -> Callable[[Unit], T]:
    """Work with all that it needs but the unit, to be done in one that somebody else begins."""
    return lambda unit: work(unit, *args, **kwargs)


def _cursor(database: Database, statement: str, values: Sequence[object]) -> Any:
    connection = database.connection()  # type: ignore[no-untyped-call]
    return connection.execute(statement, values) if database.param == "?" else numbered(connection, statement, values)


def _with_rows(database: Database, statement: str, row: str, given: Sequence[Sequence[object]]) -> list[Any]:
    returned: list[Any] = []
    for first in range(0, len(given), ROWS_PER_STATEMENT):
        some = given[first : first + ROWS_PER_STATEMENT]
        written = statement.format(rows=", ".join([row] * len(some)))
        cursor = _cursor(database, written, tuple(chain.from_iterable(some)))
        if cursor.description is not None:
            returned += cursor.fetchall()
    return returned
