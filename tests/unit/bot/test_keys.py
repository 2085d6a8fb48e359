"""The operator's keyring: made once, opened or refused in one line, rotated in two steps."""

from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from bot.keys import (
    SHORTEST,
    change_passphrase,
    finish,
    new_keyring,
    open_keyring,
    printed_keyring,
    rotate,
)
from bot.problems import Problem
from bot.settings import Settings
from vault.keyring import Keyring
from vault.keystore import KeyStore
from vault.passwords import Argon2Cost
from vault.seal import Place
from vault.types import Compartment
from vault.vault import Vault

PASSPHRASE = "long enough to be one"
OTHER = "another that is long enough"
PLACE = Place("answer", "text", "1")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose keyring and key grants lie in the test's directory."""
    return Settings(data_dir=tmp_path, keyring_passphrase=SecretStr(PASSPHRASE))


def never(question: str) -> str:
    """Fail when a terminal is asked."""
    raise AssertionError(question)


def test_a_new_keyring_opens(settings: Settings, cheap_argon2: Argon2Cost) -> None:
    """What `keys new` made, `run` opens."""
    assert "keep a copy" in new_keyring(settings, never, cheap_argon2)
    assert open_keyring(settings, never).masters.newest.version == 1


def test_a_keyring_is_never_overwritten(settings: Settings, cheap_argon2: Argon2Cost) -> None:
    """A second `keys new` refuses: overwriting would lose every case."""
    new_keyring(settings, never, cheap_argon2)
    with pytest.raises(Problem, match="already"):
        new_keyring(settings, never, cheap_argon2)


def test_a_missing_keyring_says_what_to_do(settings: Settings) -> None:
    """The first start on Telegram names the command that makes the keyring."""
    with pytest.raises(Problem, match="plecho keys new"):
        open_keyring(settings, never)
    with pytest.raises(Problem, match="plecho keys new"):
        rotate(settings, never)


def test_a_wrong_passphrase_is_refused(settings: Settings, cheap_argon2: Argon2Cost) -> None:
    """A wrong passphrase stops the start in one line without the passphrase."""
    new_keyring(settings, never, cheap_argon2)
    wrong = settings.model_copy(update={"keyring_passphrase": SecretStr("wrong but just as long")})
    with pytest.raises(Problem) as caught:
        open_keyring(wrong, never)
    assert "wrong passphrase" in str(caught.value)
    assert "just as long" not in str(caught.value)


def test_a_readable_keyring_is_refused(settings: Settings, cheap_argon2: Argon2Cost) -> None:
    """A keyring that others can read stops the start."""
    new_keyring(settings, never, cheap_argon2)
    assert settings.keyring_path is not None
    settings.keyring_path.chmod(0o640)
    with pytest.raises(Problem, match="0600"):
        open_keyring(settings, never)


def test_a_keyring_from_the_environment(settings: Settings, cheap_argon2: Argon2Cost) -> None:
    """What `keys new --print` prints is what PLECHO_KEYRING takes; it cannot be rotated in place."""
    printed = printed_keyring(settings, never, cheap_argon2)
    inline = settings.model_copy(update={"keyring": SecretStr(printed)})
    assert open_keyring(inline, never).servers.newest.version == 1
    for act in (rotate, new_keyring, change_passphrase):
        with pytest.raises(Problem, match="PLECHO_KEYRING holds"):
            act(inline, never, cheap_argon2)


@pytest.mark.parametrize(
    ("answers", "said"),
    [(("one long passphrase", "another long passphrase"), "differ"), (("short", "short"), "at least")],
)
def test_a_chosen_passphrase_is_checked(
    settings: Settings, cheap_argon2: Argon2Cost, answers: tuple[str, ...], said: str
) -> None:
    """A passphrase typed wrongly or too short makes no keyring."""
    given = iter(answers)
    asked = settings.model_copy(update={"keyring_passphrase": None})
    with pytest.raises(Problem, match=said):
        new_keyring(asked, lambda _: next(given), cheap_argon2)
    assert settings.keyring_path is not None
    assert not settings.keyring_path.exists()


def test_a_passphrase_is_changed(settings: Settings, cheap_argon2: Argon2Cost) -> None:
    """Who has seen the old passphrase opens neither the keyring nor what a rotation adds; no key is lost."""
    new_keyring(settings, never, cheap_argon2)
    before = open_keyring(settings, never)
    told = change_passphrase(settings, lambda _: OTHER, cheap_argon2)
    assert "PLECHO_KEYRING_PASSPHRASE" in told
    changed = settings.model_copy(update={"keyring_passphrase": SecretStr(OTHER)})
    assert open_keyring(changed, never) == before
    rotate(changed, never, cheap_argon2)
    assert versions(open_keyring(changed, never)) == [1, 2]
    with pytest.raises(Problem, match="wrong passphrase"):
        open_keyring(settings, never)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ((OTHER, OTHER[:-1]), "differ"),
        (("short",) * 2, f"at least {SHORTEST}"),
        ((PASSPHRASE,) * 2, "that it has"),
    ],
)
def test_a_new_passphrase_is_checked(
    settings: Settings, cheap_argon2: Argon2Cost, answers: tuple[str, ...], said: str
) -> None:
    """What was mistyped, is too short or changes nothing is refused, and the keyring opens as before."""
    new_keyring(settings, never, cheap_argon2)
    given = iter(answers)
    with pytest.raises(Problem, match=said):
        change_passphrase(settings, lambda _: next(given), cheap_argon2)
    assert versions(open_keyring(settings, never)) == [1]


def test_a_new_passphrase_is_never_an_argument(settings: Settings, cheap_argon2: Argon2Cost) -> None:
    """Without a terminal the change is refused: what stands on a command line, every process can read."""
    new_keyring(settings, never, cheap_argon2)
    with pytest.raises(Problem, match="start at a terminal"):
        change_passphrase(settings)


def test_a_change_that_is_cut_off_changes_nothing(
    settings: Settings, cheap_argon2: Argon2Cost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk refuses at the last step the old passphrase opens, and no second keyring is left."""
    new_keyring(settings, never, cheap_argon2)

    def refuse(_: Path, __: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(Problem, match="No space left"):
        change_passphrase(settings, lambda _: OTHER, cheap_argon2)
    assert versions(open_keyring(settings, never)) == [1]
    assert [path.name for path in settings.data_dir.iterdir()] == ["keyring"]


async def test_rotation_keeps_what_was_sealed(settings: Settings, cheap_argon2: Argon2Cost) -> None:
    """After both steps old content opens, the old master key is gone, and a second finish is refused."""
    new_keyring(settings, never, cheap_argon2)
    subject = uuid4()
    store = await KeyStore.open(settings.grants_url)
    old = Vault(open_keyring(settings, never), store)
    await old.create(subject)
    sealed = await old.seal(subject, Compartment.story, b"words", PLACE)
    rotate(settings, never, cheap_argon2)
    assert versions(open_keyring(settings, never)) == [1, 2]
    assert "3" in await finish(settings, never, cheap_argon2)
    keyring = open_keyring(settings, never)
    assert versions(keyring) == [2]
    assert await Vault(keyring, store).open(subject, Compartment.story, sealed, PLACE) == b"words"
    with pytest.raises(Problem, match="no rotation to finish"):
        await finish(settings, never, cheap_argon2)
    await store.close()


def versions(keyring: Keyring) -> list[int]:
    """The versions of the master keys."""
    return [key.version for key in keyring.masters.keys]
