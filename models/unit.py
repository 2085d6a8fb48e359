"""One unit of work: the open transaction and what a service needs in it.

It is made at the edge (worker, clock, command line), which alone commits or rolls back. Services flush.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from models.policy import Policy
from texts.catalogue import Catalogue
from vault.vault import Vault


@dataclass(slots=True)
class Unit:
    """What one event, tick or command may use. `now` stands still within one unit."""

    session: AsyncSession
    vault: Vault
    policy: Policy
    texts: Catalogue
    files: Path
    """Directory of sealed attachments."""
    now: datetime
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    """What may only happen once the commit is in, such as unlinking a shredded file."""
    rails: Mapping[str, Any] = field(default_factory=dict)
    """The ways to pay by name (`payments.rails.base.Rail`, which is above this layer)."""
