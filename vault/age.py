"""Sealing for somebody outside: for an age recipient (age-encryption.org/v1, X25519), who alone opens it.

Nothing of the fund's own is sealed so: the program holds no identity and can open none of it.
"""

from vault.errors import RecipientWrong


def seal_for(recipient: str, plain: bytes) -> bytes:
    """Seal for a recipient (`age1...`). Raises `RecipientWrong` for what is none."""
    import pyrage  # noqa: PLC0415 - one command needs it

    try:
        public = pyrage.x25519.Recipient.from_str(recipient.strip())
    except pyrage.RecipientError:
        raise RecipientWrong from None
    sealed: bytes = pyrage.encrypt(plain, [public])
    return sealed
