"""What Alembic runs: it is always handed an open connection (`migrations.schema.settings`)."""

from alembic import context

from migrations.schema import every_table
from migrations.types import render_item

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=every_table(),
    render_item=render_item,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
