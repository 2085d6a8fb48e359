"""The operator's keyring: made once, opened at every start, rotated without stopping.

Rotation has two steps, because several processes may run: first every process gets the keyring that knows the new
keys beside the old ones, then the key grants are wrapped under the new master key and the old one is dropped. A
key never goes to a log or an error; `--print` is the one way to see a keyring, and asks for a passphrase.

A passphrase comes from the settings or is typed, and a new one is always typed: never an argument, which every
process of the machine could read.
"""

import getpass
import sys
from collections.abc import Callable
from pathlib import Path

from bot.problems import Problem
from bot.settings import Settings
from vault.errors import KeyringExists, KeyringMissing, VaultError
from vault.keyring import Keyring
from vault.keystore import KeyStore
from vault.passwords import STRONG, Argon2Cost
from vault.types import Secret
from vault.vault import Vault

SHORTEST = 12
"""Characters of a passphrase; Argon2id makes each guess dear, not impossible."""

OPENING = "Passphrase of the keyring"
CHANGING = "New passphrase of the keyring"

Ask = Callable[[str], str]


def ask(question: str) -> str:
    """Ask at the terminal without showing what is typed."""
    if not sys.stdin.isatty():
        raise Problem("there is no passphrase: set PLECHO_KEYRING_PASSPHRASE, or start at a terminal to be asked")
    return getpass.getpass(f"{question}: ")


def ask_new(question: str) -> str:
    """Ask for what no setting may give."""
    if not sys.stdin.isatty():
        raise Problem("the new passphrase is asked for: start at a terminal")
    return ask(question)


def open_keyring(settings: Settings, asking: Ask = ask) -> Keyring:
    """The keyring of these settings. Raises `Problem` when it is missing, wrong or readable by others."""
    if settings.keyring_text is not None:
        try:
            return Keyring.from_environment(settings.keyring_text, _given(settings))
        except VaultError as error:
            raise Problem(f"PLECHO_KEYRING: {error}") from None
    if settings.keyring_path is None or not settings.keyring_path.exists():
        raise Problem(f"{KeyringMissing(settings.keyring_path)}: make one with `plecho keys new`")
    return _loaded(*_file_and_passphrase(settings, asking))


def new_keyring(settings: Settings, asking: Ask = ask, cost: Argon2Cost = STRONG) -> str:
    """Make a keyring where PLECHO_KEYRING says and say where. Never overwrites one."""
    path = settings.keyring_path
    if path is None:
        raise Problem("PLECHO_KEYRING holds a keyring already; to make another, unset it")
    if path.exists():
        raise Problem(str(KeyringExists(path)))
    try:
        Keyring.new().save_new(path, _chosen(settings, asking), cost)
    except OSError as error:
        raise Problem(f"{path}: cannot be written ({error.strerror})") from None
    except VaultError as error:
        raise Problem(str(error)) from None
    return (
        f"The keyring is at {path}. Without it and its passphrase every case is lost: keep a copy of both, apart."
    )


def printed_keyring(settings: Settings, asking: Ask = ask, cost: Argon2Cost = STRONG) -> str:
    """A new keyring, sealed with the passphrase, in the form that PLECHO_KEYRING takes."""
    return "base64:" + Keyring.new().to_environment(_chosen(settings, asking), cost).reveal()


def rotate(settings: Settings, asking: Ask = ask, cost: Argon2Cost = STRONG) -> str:
    """Add new keys to the keyring; old ones still open. Raises `Problem` when it stands in the environment."""
    path, passphrase = _file_and_passphrase(settings, asking)
    _saved(_loaded(path, passphrase).rotated(), path, passphrase, cost)
    return "New keys are in. Restart every process of Plecho, then run `plecho keys rotate --finish`."


def change_passphrase(settings: Settings, asking: Ask = ask_new, cost: Argon2Cost = STRONG) -> str:
    """Seal the keyring with a new passphrase. Cut off at any moment, it leaves one that either of the two opens.

    Raises `Problem` when the keyring stands in the environment.
    """
    path, passphrase = _file_and_passphrase(settings, asking)
    keyring = _loaded(path, passphrase)
    chosen = _typed(asking, CHANGING)
    if chosen == passphrase:
        raise Problem("this is the passphrase that it has")
    _saved(keyring, path, chosen, cost)
    return (
        "The keyring opens with the new passphrase. Before the next start put it wherever the old one stands "
        "(PLECHO_KEYRING_PASSPHRASE), and replace each copy of the keyring: the old passphrase still opens those."
    )


def change_keyring(
    settings: Settings, change: Callable[[Keyring], Keyring], asking: Ask = ask, cost: Argon2Cost = STRONG
) -> None:
    """Write the keyring anew as `change` returns it. Raises `Problem` when it stands in the environment."""
    path, passphrase = _file_and_passphrase(settings, asking)
    _saved(change(_loaded(path, passphrase)), path, passphrase, cost)


async def finish(settings: Settings, asking: Ask = ask, cost: Argon2Cost = STRONG) -> str:
    """Wrap all key grants under the newest master key and drop the older ones from the keyring.

    Every process must know the newest key by now: what another wrapped under an old one after this is lost.
    """
    path, passphrase = _file_and_passphrase(settings, asking)
    keyring = _loaded(path, passphrase)
    if len(keyring.masters.keys) == 1:
        raise Problem("there is no rotation to finish: begin one with `plecho keys rotate`")
    store = await KeyStore.open(settings.grants_url)
    try:
        count = await Vault(keyring, store).rewrap()
    finally:
        await store.close()
    _saved(keyring.pruned(), path, passphrase, cost)
    return f"Key grants wrapped anew: {count}. The old master keys are gone; restart every process once more."


def _given(settings: Settings) -> Secret | None:
    passphrase = settings.keyring_passphrase
    return Secret(passphrase.get_secret_value()) if passphrase else None


def _chosen(settings: Settings, asking: Ask) -> Secret:
    given = _given(settings)
    return _long_enough(given) if given else _typed(asking, "Passphrase for the new keyring")


def _typed(asking: Ask, question: str) -> Secret:
    passphrase = Secret(asking(question))
    if passphrase != Secret(asking("Once more")):
        raise Problem("the two passphrases differ")
    return _long_enough(passphrase)


def _long_enough(passphrase: Secret) -> Secret:
    if len(passphrase.reveal()) < SHORTEST:
        raise Problem(f"the passphrase must have at least {SHORTEST} characters")
    return passphrase


def _file_and_passphrase(settings: Settings, asking: Ask) -> tuple[Path, Secret]:
    if settings.keyring_path is None:
        raise Problem("PLECHO_KEYRING holds the keyring itself; keep it in a file to change it")
    return settings.keyring_path, _given(settings) or Secret(asking(OPENING))


def _loaded(path: Path, passphrase: Secret) -> Keyring:
    try:
        return Keyring.load(path, passphrase)
    except KeyringMissing as error:
        raise Problem(f"{error}: make one with `plecho keys new`") from None
    except VaultError as error:
        raise Problem(str(error)) from None
    except OSError as error:
        raise Problem(f"PLECHO_KEYRING: cannot be read ({error.strerror})") from None


def _saved(keyring: Keyring, path: Path, passphrase: Secret, cost: Argon2Cost) -> None:
    try:
        keyring.save(path, passphrase, cost)
    except OSError as error:
        raise Problem(f"{path}: cannot be written ({error.strerror})") from None
