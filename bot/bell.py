"""A bell: rung by whoever has made work, heard by whoever does it. No ring is lost."""

import asyncio
from contextlib import suppress


class Bell:
    """Rings that come while nobody listens are heard at the next wait; several count as one."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake who waits."""
        self._rung.set()

    @property
    def rung(self) -> bool:
        """Whether it rang since it was last heard."""
        return self._rung.is_set()

    async def wait(self, seconds: float | None = None) -> None:
        """Return at the next ring, or after so many seconds. Look for work after this, never before."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        self.hear()

    def hear(self) -> None:
        """Take what rang so far as heard: whoever calls looks for work now."""
        self._rung.clear()
