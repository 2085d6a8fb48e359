"""What is downloaded stays within what a bot may download."""

import pytest

from bot.fetcher import Bounded, TooLarge
from services import attachments


def test_memory_for_a_file_is_bounded() -> None:
    """A server that sends without end fills no memory: the piece that is too much is refused."""
    memory = Bounded()
    memory.write(bytes(attachments.LIMIT - 1))
    memory.write(b"x")
    with pytest.raises(TooLarge):
        memory.write(b"x")
    assert len(memory.getvalue()) == attachments.LIMIT
