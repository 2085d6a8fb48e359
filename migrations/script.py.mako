"""${message}."""

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}

% if up_revision == "0001":
TRIGGERS: dict[str, tuple[str, ...]] = {
% for dialect, statements in config.attributes["triggers"].items():
    ${repr(dialect)}: (
% for statement in statements:
        """${statement.strip()}""",
% endfor
    ),
% endfor
}

FUNCTIONS: tuple[str, ...] = (${"".join(repr(name) + ", " for name in config.attributes["functions"])})
% endif

def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
% if up_revision == "0001":
    for statement in TRIGGERS[op.get_bind().dialect.name]:
        op.execute(statement)
% endif


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
% if up_revision == "0001":
    if op.get_bind().dialect.name == "postgresql":
        for name in FUNCTIONS:
            op.execute(f"DROP FUNCTION {name}")
% endif
