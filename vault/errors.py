"""What the vault refuses, and why.

    VaultError
    ├── KeyringMissing            there is no keyring where it should be
    ├── KeyringExists             a new keyring would overwrite an old one
    ├── KeyringReadableByOthers   group or others may read the file
    ├── KeyringWrong              wrong passphrase, altered, or not a keyring
    ├── KeyVersionUnknown         sealed under a key this keyring does not hold
    ├── CompartmentShredded       no key: never made, or shredded for good
    ├── SealBroken                altered, moved, or sealed under another key
    ├── ShredIncomplete           the key is gone from the tables, not yet from the log file
    ├── TooManyOrphans            a sweep would remove more keys than it may
    └── RecipientWrong            it is nobody's public key

Errors carry ids, versions, paths and counts; never content, never a key, never a passphrase.
"""

from pathlib import Path
from uuid import UUID


class VaultError(Exception):
    """Root of everything the vault raises on purpose."""


class KeyringMissing(VaultError):
    """There is no keyring at this path (or none in the environment, when path is None)."""

    def __init__(self, path: Path | None) -> None:
        """Name the path looked at."""
        super().__init__(f"no keyring at {path}" if path else "no keyring in the environment")
        self.path = path


class KeyringExists(VaultError):
    """A keyring is already at this path; overwriting it would lose every case."""

    def __init__(self, path: Path) -> None:
        """Name the path that is taken."""
        super().__init__(f"there is a keyring at {path} already")
        self.path = path


class KeyringReadableByOthers(VaultError):
    """The file's mode lets group or others in; the process must not start with it."""

    def __init__(self, path: Path, mode: int) -> None:
        """Name the path and its permission bits."""
        super().__init__(f"keyring {path} has mode {mode:04o}; it must be 0600 or stricter")
        self.path = path
        self.mode = mode


class KeyringWrong(VaultError):
    """The keyring cannot be opened; `reason` is one of this package's own sentences."""

    def __init__(self, reason: str) -> None:
        """State the reason, which never quotes the file."""
        super().__init__(f"keyring refused: {reason}")
        self.reason = reason


class KeyVersionUnknown(VaultError):
    """Something is sealed under a key version that this keyring lacks: an older keyring, or a pruned key."""

    def __init__(self, kind: str, version: int) -> None:
        """Name the kind of key (master, server) and the version asked for."""
        super().__init__(f"no {kind} key of version {version} in this keyring")
        self.kind = kind
        self.version = version


class CompartmentShredded(VaultError):
    """No key grant for this compartment of this subject: what was sealed in it stays closed for good."""

    def __init__(self, subject: UUID, compartment: str) -> None:
        """Name the subject and the compartment."""
        super().__init__(f"compartment {compartment} of {subject} has no key")
        self.subject = subject
        self.compartment = compartment


class SealBroken(VaultError):
    """The ciphertext was altered, moved to another place, or sealed under another key."""

    def __init__(self, table: str, column: str, row: str) -> None:
        """Name the place that was claimed for the ciphertext."""
        super().__init__(f"seal of {table}.{column} row {row} does not open")
        self.table = table
        self.column = column
        self.row = row


class ShredIncomplete(VaultError):
    """The grants are deleted and committed, but a reader kept the write-ahead log from being emptied.

    Shredding again is safe and finishes the work.
    """

    def __init__(self, subject: UUID) -> None:
        """Name the subject to shred again."""
        super().__init__(f"the log still holds deleted keys of {subject}; shred again")
        self.subject = subject


class TooManyOrphans(VaultError):
    """The sweep found more orphans than it may remove: the list of known subjects is probably not whole."""

    def __init__(self, found: int, limit: int) -> None:
        """Give the number found and the number allowed."""
        super().__init__(f"{found} orphan subjects found, at most {limit} may be removed")
        self.found = found
        self.limit = limit


class RecipientWrong(VaultError):
    """What should be somebody's public key is none."""

    def __init__(self) -> None:
        """Say what one looks like; what was given is not quoted."""
        super().__init__("this is no age recipient: one begins with `age1` and is made by `age-keygen`")
