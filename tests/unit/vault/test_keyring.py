"""The keyring: saved and loaded, refused, rotated."""

import json
import stat
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from vault.errors import (
    KeyringExists,
    KeyringMissing,
    KeyringReadableByOthers,
    KeyringWrong,
    KeyVersionUnknown,
)
from vault.keyring import Keyring
from vault.passwords import STRONG, Argon2Cost
from vault.types import Secret

PASSPHRASE = Secret("correct horse")


@pytest.fixture
def saved(tmp_path: Path, keyring: Keyring, cheap_argon2: Argon2Cost) -> Path:
    """A keyring on disk."""
    path = tmp_path / "keys" / "keyring.json"
    keyring.save(path, PASSPHRASE, cheap_argon2)
    return path


def test_a_saved_keyring_loads(saved: Path, keyring: Keyring) -> None:
    """No key is lost between save and load."""
    assert Keyring.load(saved, PASSPHRASE) == keyring


def test_the_file_is_private_and_alone(saved: Path) -> None:
    """The file is for its owner only, and no half-written one is left beside it."""
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert stat.S_IMODE(saved.parent.stat().st_mode) == 0o700
    assert list(saved.parent.iterdir()) == [saved]


def test_the_file_holds_no_readable_key(saved: Path, keyring: Keyring) -> None:
    """Without the passphrase the file gives nothing, in raw or in base64."""
    content = saved.read_bytes()
    for key in (keyring.signing_seed, keyring.masters.newest.secret, *keyring.index_keys.values()):
        assert key not in content
        assert b64encode(key) not in content


def test_the_repr_shows_no_key(keyring: Keyring) -> None:
    """A keyring in a traceback shows versions only."""
    assert "secret" not in repr(keyring)
    assert "seed" not in repr(keyring)
    assert "version=1" in repr(keyring)


def test_a_missing_keyring_is_refused(tmp_path: Path) -> None:
    """The process says that the keyring is missing rather than making another one."""
    with pytest.raises(KeyringMissing, match=r"nothing\.json"):
        Keyring.load(tmp_path / "nothing.json", PASSPHRASE)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644, 0o666])
def test_a_keyring_open_to_others_is_refused(saved: Path, mode: int) -> None:
    """Any permission of group or others stops the start, even with the right passphrase."""
    saved.chmod(mode)
    with pytest.raises(KeyringReadableByOthers, match=f"{mode:04o}"):
        Keyring.load(saved, PASSPHRASE)


@pytest.mark.parametrize("passphrase", ["", "correct horse ", "Correct horse"])
def test_a_wrong_passphrase_is_refused(saved: Path, passphrase: str) -> None:
    """A wrong passphrase has its own words and is not repeated in them."""
    with pytest.raises(KeyringWrong, match=r"^keyring refused: wrong passphrase, or an altered file$"):
        Keyring.load(saved, Secret(passphrase))


@pytest.mark.parametrize("field", ["salt", "nonce", "sealed"])
def test_an_altered_keyring_is_refused(saved: Path, field: str) -> None:
    """Each part of the file is authenticated or needed."""
    document = json.loads(saved.read_text())
    text = document[field]
    document[field] = ("B" if text[0] == "A" else "A") + text[1:]
    saved.write_text(json.dumps(document))
    with pytest.raises(KeyringWrong):
        Keyring.load(saved, PASSPHRASE)


@pytest.mark.parametrize(
    "header", [{"passes": 1, "memory_kib": 1 << 40, "lanes": 1}, {"passes": 0}, {}, [], "strong", None]
)
def test_a_senseless_cost_is_refused_before_it_is_paid(saved: Path, header: object) -> None:
    """A forged header cannot make the process eat all memory or fail with an unknown error."""
    document = json.loads(saved.read_text())
    document["argon2id"] = header
    saved.write_text(json.dumps(document))
    with pytest.raises(KeyringWrong, match="header is malformed"):
        Keyring.load(saved, PASSPHRASE)


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"[]", b"{}", b'"text"', b'{"format": "other"}'])
def test_another_file_is_not_a_keyring(saved: Path, content: bytes) -> None:
    """A file that is something else is refused in words, not by a parser's error."""
    saved.write_bytes(content)
    with pytest.raises(KeyringWrong, match="not a keyring"):
        Keyring.load(saved, PASSPHRASE)


def test_a_new_keyring_does_not_overwrite(saved: Path, keyring: Keyring, cheap_argon2: Argon2Cost) -> None:
    """Making a keyring twice cannot lose every case."""
    with pytest.raises(KeyringExists):
        Keyring.new().save_new(saved, PASSPHRASE, cheap_argon2)
    assert Keyring.load(saved, PASSPHRASE) == keyring
    assert list(saved.parent.iterdir()) == [saved]


def test_a_new_keyring_is_saved(tmp_path: Path, keyring: Keyring, cheap_argon2: Argon2Cost) -> None:
    """Where there is none, `save_new` saves as `save` does."""
    keyring.save_new(tmp_path / "keyring.json", PASSPHRASE, cheap_argon2)
    assert Keyring.load(tmp_path / "keyring.json", PASSPHRASE) == keyring


def test_the_default_cost_is_strong_and_written_down(tmp_path: Path, keyring: Keyring) -> None:
    """Nobody gets a cheap keyring by leaving an argument out, and the cost can be raised later."""
    keyring.save(tmp_path / "keyring.json", PASSPHRASE)
    written = json.loads((tmp_path / "keyring.json").read_text())["argon2id"]
    assert Argon2Cost(**written) == STRONG
    assert STRONG.memory_kib >= 64 * 1024
    assert Keyring.load(tmp_path / "keyring.json", PASSPHRASE) == keyring


@pytest.mark.parametrize("passphrase", [PASSPHRASE, None])
def test_a_keyring_comes_from_the_environment(
    keyring: Keyring, passphrase: Secret | None, cheap_argon2: Argon2Cost
) -> None:
    """Sealed or open, the environment's form gives the same keyring, line breaks or not."""
    text = keyring.to_environment(passphrase, cheap_argon2).reveal()
    wrapped = "\n".join(text[start : start + 64] for start in range(0, len(text), 64))
    assert Keyring.from_environment(wrapped, passphrase) == keyring


def test_the_environment_is_refused_when_empty() -> None:
    """An unset variable is a missing keyring, not a wrong one."""
    with pytest.raises(KeyringMissing):
        Keyring.from_environment(" \n", None)


def test_the_environment_is_refused_when_it_does_not_fit(keyring: Keyring, cheap_argon2: Argon2Cost) -> None:
    """Nonsense, a missing passphrase, and a passphrase for an open keyring are each refused."""
    with pytest.raises(KeyringWrong, match="not base64"):
        Keyring.from_environment("%%%", None)
    with pytest.raises(KeyringWrong, match="no passphrase"):
        Keyring.from_environment(keyring.to_environment(PASSPHRASE, cheap_argon2).reveal(), None)
    with pytest.raises(KeyringWrong, match="not sealed"):
        Keyring.from_environment(keyring.to_environment(None).reveal(), PASSPHRASE)


@pytest.mark.parametrize("part", ["masters", "servers", "indexes", "signing"])
@pytest.mark.parametrize("value", [None, {}, "x", 3])
def test_a_keyring_with_a_part_missing_is_refused(keyring: Keyring, part: str, value: object) -> None:
    """A damaged open keyring is refused at the start, not at the first use of the missing key."""
    document = json.loads(b64decode(keyring.to_environment(None).reveal()))
    document[part] = value
    with pytest.raises(KeyringWrong, match="missing or malformed"):
        Keyring.from_environment(b64encode(json.dumps(document).encode()).decode(), None)


def test_rotation_adds_and_keeps(keyring: Keyring) -> None:
    """After a rotation new things are sealed anew, old ones still open, lookups and signatures stay."""
    rotated = keyring.rotated()
    assert rotated.masters.newest.version == rotated.servers.newest.version == 2
    assert rotated.masters.of(1) == keyring.masters.newest
    assert rotated.servers.of(1) == keyring.servers.newest
    assert rotated.index_keys == keyring.index_keys
    assert rotated.signing_seed == keyring.signing_seed


def test_pruning_drops_old_masters_only(keyring: Keyring, tmp_path: Path, cheap_argon2: Argon2Cost) -> None:
    """An old copy of the key database stays closed; rows under old server keys still open."""
    pruned = keyring.rotated().pruned()
    pruned.save(tmp_path / "keyring.json", PASSPHRASE, cheap_argon2)
    loaded = Keyring.load(tmp_path / "keyring.json", PASSPHRASE)
    assert loaded.servers.of(1) == keyring.servers.newest
    with pytest.raises(KeyVersionUnknown):
        loaded.masters.of(1)
    assert loaded.rotated().masters.newest.version == 3


def test_wallet_keys_are_kept_and_not_shown(tmp_path: Path, cheap_argon2: Argon2Cost) -> None:
    """A wallet's key survives saving, rotation and pruning, the newest is last, and no repr shows it."""
    one, two = b"\x01" * 32, b"\x02" * 32
    made = Keyring.new().with_wallet(one).with_wallet(two).with_wallet(one)
    made.rotated().pruned().save(tmp_path / "keyring", PASSPHRASE, cheap_argon2)
    assert Keyring.load(tmp_path / "keyring", PASSPHRASE).wallet_keys == (two, one)
    assert one.hex() not in repr(made)
    assert repr(one) not in repr(made)
    with pytest.raises(ValueError, match="32 bytes"):
        made.with_wallet(b"short")
