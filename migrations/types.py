"""How a column's type is written into a revision: as plain SQLAlchemy, so that a revision outlives the models."""

from typing import Any, Literal

from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Enum, String

from models.base import Sealed, UtcTime


def render_item(kind: str, item: Any, _: AutogenContext) -> str | Literal[False]:  # noqa: ANN401 - Alembic's signature
    """Write our types by what they are stored as; everything else as Alembic would."""
    if kind != "type":
        return False
    if isinstance(item, UtcTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(item, Sealed):
        return "sa.LargeBinary()"
    if isinstance(item, Enum):
        values = ", ".join(f'"{value}"' for value in item.enums)
        stored = f"native_enum=False, create_constraint=True, length={item.length}"
        return f'sa.Enum({values}, name="{item.name}", {stored})'
    if type(item).__name__ == "AutoString":
        return f"sa.String(length={item.length})" if item.length else "sa.String()"
    return "sa.String()" if type(item) is String and item.length is None else False
