"""A clock that another process moves, through a small file."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path


class FileClock:
    """Real time moved forward by as many seconds as a file says."""

    def __init__(self, file: Path) -> None:
        """`file` holds a number; whoever writes it replaces it in one step."""
        self._file = file

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.fromtimestamp(time.time() + float(self._file.read_text()), UTC)


def write_offset(file: Path, offset: timedelta) -> None:
    """Move the clock of every process that reads `file`, in one step."""
    fresh = file.with_suffix(".new")
    fresh.write_text(str(offset.total_seconds()))
    fresh.replace(file)
