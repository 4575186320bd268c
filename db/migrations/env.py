"""Run the migrations on the connection that is handed in, within its transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from db.tables import Row


def run(connection: Connection) -> None:
    """Migrate; the caller commits."""
    context.configure(connection=connection, target_metadata=Row.metadata)
    context.run_migrations()


run(context.config.attributes["connection"])
