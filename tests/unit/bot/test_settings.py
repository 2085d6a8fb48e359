"""Settings: what is taken, what is refused with one clear line, and that the README tells of each."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.problems import SettingWrong
from bot.settings import PREFIX, Settings, async_url, read_settings

ROOT = Path(__file__).parents[3]
TOKEN = "1234567890:AAE_xample-xampleExampleExampleExample"
CANARY = "canary-7Zq"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the machine's own settings and secrets gets in."""
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    monkeypatch.setattr("bot.settings.SECRETS", tmp_path / "secrets")


def test_without_any_setting_it_is_sqlite_in_the_data_directory() -> None:
    """A first start needs no setting but the token."""
    settings = read_settings()
    assert settings.data_url == f"sqlite+aiosqlite:///{Path('data/plecho.db').absolute()}"
    assert settings.grants_url == f"sqlite+aiosqlite:///{Path('data/keys.db').absolute()}"
    assert settings.keyring_path == Path("data/keyring")
    assert settings.bot_token is None


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("BOT_TOKEN", CANARY, "not a bot token"),
        ("BOT_TOKEN", TOKEN + " ", "not a bot token"),
        ("TELEGRAM_API_URL", "api.example.org", "not an http"),
        ("PROXY", f"socks4://u:{CANARY}@h", "not an http"),
        ("DATABASE_URL", f"mysql://u:{CANARY}@h/d", "only sqlite and postgresql"),
        ("DATABASE_URL", CANARY, "not the address of a database"),
        ("DATABASE_URL", "sqlite://", "a file is needed"),
        ("DATABASE_URL", f"postgresql://u:{CANARY}@h", "names no database"),
        ("KEYS_URL", f"postgresql://u:{CANARY}@h:port/d", "not the address of a database"),
        ("KEYS_URL", "sqlite:///data/../data/plecho.db", "must be another database"),
        ("DATABASE_URL", "postgresql://u@h/d?connect_timeout=5", "only host, port and sslmode"),
        ("DATABASE_URL", f"postgresql://u@h/d?sslrootcert=/{CANARY}", "only host, port and sslmode"),
        ("DATABASE_URL", f"postgresql://u@h/d?sslmode={CANARY}", "sslmode"),
        ("DATABASE_URL", "postgresql://u@h/d?sslmode=require&ssl=require", "sslmode"),
        ("DATABASE_URL", "postgresql://u@h/d?prepared_statement_cache_size=x", "is no number"),
        ("DATABASE_URL", "postgresql://u@h:99999/d", "port"),
        ("DATABASE_URL", "postgresql://u@/d?host=/run&port=99999", "port"),
        ("DATABASE_URL", "sqlite:////data/plecho.db?mode=ro", "nothing may follow"),
        ("KEYS_URL", "postgresql://u@h/k?application_name=x", "only host, port and sslmode"),
        ("WEBHOOK_URL", "https://h/path?x=1", "must end before"),
        ("GIVE_URL", "https://h/path#x", "must end before"),
        ("WEB_BIND", "8080", "not HOST:PORT"),
        ("WEB_BIND", "127.0.0.1:70000", "not HOST:PORT"),
        ("WEBHOOK_URL", "http://bot.example.org", "not an https address"),
        ("GIVE_URL", f"https://give.example.org:{CANARY}", "not a host and port"),
        ("GIVE_URL", f"https://{CANARY}..org", "not a host and port"),
        ("DATABSE_URL", "x", "did you mean PLECHO_DATABASE_URL?"),
    ],
)
def test_a_bad_setting_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    """A bad setting stops the start with one line that names it and shows nothing of its value."""
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingWrong) as caught:
        read_settings()
    line = str(caught.value)
    assert line.startswith(f"{PREFIX}{name}: ")
    assert said in line
    assert "\n" not in line
    assert CANARY not in line


def test_one_server_for_data_and_keys_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two spellings of one PostgreSQL database are one database."""
    monkeypatch.setenv("PLECHO_DATABASE_URL", "postgresql://a:b@db/plecho")
    monkeypatch.setenv("PLECHO_KEYS_URL", "postgres://c:d@db:5432/plecho")
    with pytest.raises(SettingWrong, match="PLECHO_KEYS_URL: must be another database"):
        read_settings()


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("sqlite:////var/x.db", "sqlite+aiosqlite:////var/x.db"),
        ("sqlite+aiosqlite:////var/x.db", "sqlite+aiosqlite:////var/x.db"),
        ("postgres://u:p%40@h/d", "postgresql+asyncpg://u:p%40@h/d"),
        ("postgresql://u@/d?host=/run", "postgresql+asyncpg://u@/d?host=%2Frun"),
        ("postgresql+asyncpg://h/d?sslmode=require", "postgresql+asyncpg://h/d?ssl=require"),
        (
            "postgres://h/d?prepared_statement_cache_size=0",
            "postgresql+asyncpg://h/d?prepared_statement_cache_size=0",
        ),
    ],
)
def test_plain_addresses_get_their_driver(given: str, wanted: str) -> None:
    """An operator writes the address as every other tool takes it."""
    assert async_url(given) == wanted


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("https://Fund.Example/", "https://fund.example"),
        ("HTTPS://fund.example:443", "https://fund.example"),
        ("https://fund.example:8443/gifts/", "https://fund.example:8443/gifts"),
        ("http://localhost:80", "http://localhost"),
        ("https://Фонд.рф", "https://xn--d1arcx.xn--p1ai"),
        ("https://[2001:DB8::1]:443", "https://[2001:db8::1]"),
    ],
)
def test_the_public_address_is_as_browsers_say_it(
    monkeypatch: pytest.MonkeyPatch, given: str, wanted: str
) -> None:
    """A form says where it comes from in these letters: spelt otherwise, every gift on the page was refused."""
    monkeypatch.setenv("PLECHO_GIVE_URL", given)
    assert read_settings().give_url == wanted


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """No secret is in the settings' repr: they may end in a log or a traceback."""
    monkeypatch.setenv("PLECHO_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("PLECHO_DATABASE_URL", f"postgresql://u:{CANARY}@h/d")
    monkeypatch.setenv("PLECHO_KEYRING_PASSPHRASE", CANARY)
    settings = read_settings()
    assert CANARY in settings.data_url
    assert TOKEN not in repr(settings)
    assert CANARY not in repr(settings)


def test_secrets_come_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A container's secrets are read from files; the environment stands above them; an empty variable is none."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "plecho_bot_token").write_text(TOKEN + "\n")
    (tmp_path / "secrets" / "plecho_keyring_passphrase").write_text("from the file\n")
    monkeypatch.setenv("PLECHO_KEYRING_PASSPHRASE", "from the environment")
    monkeypatch.setenv("PLECHO_BOT_TOKEN", "")
    settings = read_settings()
    assert settings.bot_token == SecretStr(TOKEN)
    assert settings.keyring_passphrase == SecretStr("from the environment")


def test_a_keyring_may_stand_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that keeps its secrets elsewhere hands the keyring itself over."""
    monkeypatch.setenv("PLECHO_KEYRING", "base64:AAAA")
    settings = read_settings()
    assert settings.keyring_path is None
    assert settings.keyring_text == "AAAA"


def test_the_readme_tells_of_every_setting() -> None:
    """The table of the README names every setting, and none that does not exist."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(PLECHO_\w+)` \|", readme, re.MULTILINE)
    assert told == [PREFIX + name.upper() for name in Settings.model_fields]


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_is_described(name: str) -> None:
    """Each setting says what it is and shows a value that would do."""
    field = Settings.model_fields[name]
    assert field.description
    assert field.examples
