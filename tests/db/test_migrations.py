"""Migrations: up and down on both databases, and the schema they make is the one the tables name."""

from __future__ import annotations

import re

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect

from db.opening import migrate
from db.tables import Row
from tests.db.conftest import Place

TABLES = {
    "jobs",
    "pictures",
    "gallery",
    "favourites",
    "ledger",
    "outbox",
    "replies",
    "moves",
    "files",
    "holders",
    "weights",
    "sessions",
    "accounts",
    "links",
    "share_links",
    "overrides",
    "defaults",
    "rules",
    "acts",
    "erased",
    "doomed",
}


def tables(connection: Connection) -> set[str]:
    """Return the names of our tables that stand there."""
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


def definitions(connection: Connection) -> list[str]:
    """Return all that a database knows of its schema, as it words it."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
        )
        # Both are written by the same compiler; only the order of constraints is free.
        return sorted(" ".join(sorted(re.split(r"\s*[\n,]\s*", row[0]))) for row in rows)
    sql = (
        "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace UNION ALL"
        " SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' UNION ALL"
        " SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' '"
        " || coalesce(column_default, '') || coalesce(character_maximum_length::text, '')"
        " FROM information_schema.columns WHERE table_schema = 'public'"
    )
    return sorted(row[0] for row in connection.exec_driver_sql(sql))


async def test_up_and_down_and_up(bare: Place) -> None:
    engine = create_engine(bare.url)
    with engine.begin() as connection:
        migrate(connection)
        assert tables(connection) == TABLES == set(Row.metadata.tables)
    with engine.begin() as connection:
        migrate(connection, "base")
        assert tables(connection) == set()
    with engine.begin() as connection:
        migrate(connection)
        migrate(connection)
        assert tables(connection) == TABLES
    engine.dispose()


# The comparison skips an index over an expression; the definitions below it do not.
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
async def test_what_the_migrations_make_is_what_the_tables_name(bare: Place) -> None:
    engine = create_engine(bare.url)
    with engine.begin() as connection:
        migrate(connection)
        assert compare_metadata(MigrationContext.configure(connection), Row.metadata) == []
        connection.exec_driver_sql("DROP TABLE alembic_version")
        migrated = definitions(connection)
        Row.metadata.drop_all(connection)
        assert definitions(connection) == []
        Row.metadata.create_all(connection)
        assert definitions(connection) == migrated
    engine.dispose()


async def test_a_second_start_finds_what_the_first_wrote(bare: Place) -> None:
    first = await bare.open()
    await first.override({"paused": True})
    await first.close()
    second = await bare.open()
    assert await second.overrides() == {"paused": True}
    await second.close()
