"""The settings of one process, from the environment (or from files in /run/secrets, named like the variables).

All are checked at the start, together; the first wrong one stops it with one line that never shows a value: a
value may be a secret. A misspelt variable is wrong too. No setting has a second home in a file or a default
elsewhere.
"""

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from bot.problems import SettingWrong
from bot.stripe_setup import API_URL, StripeSetup
from models.policy import DEFAULT

PREFIX = "PLECHO_"
SECRETS = Path("/run/secrets")
TELEGRAM = "https://api.telegram.org"
STRIPE_KEY = re.compile(r"(sk|rk)_(test|live)_[A-Za-z0-9_]{8,255}", re.ASCII)
STRIPE_SECRET = re.compile(r"whsec_[A-Za-z0-9_+/=-]{8,255}", re.ASCII)
INLINE_KEYRING = "base64:"
TOKEN = re.compile(r"\d{5,}:[A-Za-z0-9_-]{30,}", re.ASCII)
DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
PORTS = range(65536)
USUAL_PORTS = {"http": 80, "https": 443}
OPTIONS = frozenset({"host", "port", "sslmode", "ssl", "prepared_statement_cache_size"})
"""What may follow the ? of an address of PostgreSQL: asyncpg knows no other word of libpq's."""
TLS = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})


def _token(value: SecretStr) -> SecretStr:
    if not TOKEN.fullmatch(value.get_secret_value()):
        raise ValueError("not a bot token as BotFather gives it")
    return value


def _http(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("not an http or https address")
    return value.rstrip("/")


def _proxy(value: SecretStr) -> SecretStr:
    _http(value.get_secret_value())
    return value


def _as_browsers_say(url: str) -> str:
    """An address as browsers name it in `Origin`: the host in small ASCII, a port only where it is unusual.

    What a form says of where it comes from is compared with it letter by letter.
    """
    parts = urlsplit(url)
    try:
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError:  # its message may quote the address
        raise ValueError("not a host and port that browsers know") from None
    place = f"[{host}]" if ":" in host else host
    usual = port in {None, USUAL_PORTS[parts.scheme]}
    return parts._replace(netloc=place if usual else f"{place}:{port}").geturl()


def _public(value: str) -> str:
    address = _http(value)
    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "localhost"}:
        raise ValueError("not an https address")
    if not {"?", "#"}.isdisjoint(value):
        raise ValueError("must end before ? and #")
    return _as_browsers_say(address)


def _stripe_key(value: SecretStr) -> SecretStr:
    if not STRIPE_KEY.fullmatch(value.get_secret_value()):
        raise ValueError("not a secret or restricted key of Stripe's (sk_..., rk_...)")
    return value


def _stripe_secret(value: SecretStr) -> SecretStr:
    if not STRIPE_SECRET.fullmatch(value.get_secret_value()):
        raise ValueError("not the signing secret of a webhook endpoint (whsec_...)")
    return value


def _nodes(value: SecretStr) -> SecretStr:
    for url in value.get_secret_value().split(","):
        _http(url.strip())
    return value


def _database(value: SecretStr) -> SecretStr:
    async_url(value.get_secret_value())
    return value


def _bind(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) not in PORTS:
        raise ValueError("not HOST:PORT")
    return value


DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]


class Settings(BaseSettings):
    """Everything that an operator can set. Use `read_settings`, which turns a fault into one line."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    bot_token: Annotated[SecretStr, AfterValidator(_token)] | None = Field(
        default=None,
        description="The bot's token from BotFather. Without it `make run` starts the local stand-in.",
        examples=["1234567890:AAExampleExampleExampleExampleExample"],
    )
    telegram_api_url: Annotated[str, AfterValidator(_http)] = Field(
        default=TELEGRAM, description="Base address of the Bot API server.", examples=[TELEGRAM]
    )
    proxy: Annotated[SecretStr, AfterValidator(_proxy)] | None = Field(
        default=None,
        description="HTTP proxy for everything that goes to Telegram.",
        examples=["http://127.0.0.1:3128"],
    )
    database_url: DatabaseUrl | None = Field(
        default=None,
        description="The data. SQLite serves one process; PostgreSQL serves several.",
        examples=["postgresql://plecho:PASSWORD@db/plecho"],
    )
    keys_url: DatabaseUrl | None = Field(
        default=None,
        description="The key grants: a database of its own, never in a backup of the data.",
        examples=["sqlite:////var/lib/plecho/keys.db"],
    )
    keyring: SecretStr | None = Field(
        default=None,
        description="Path of the keyring, or the keyring itself as `base64:...` (`plecho keys new --print`).",
        examples=["/etc/plecho/keyring"],
    )
    keyring_passphrase: SecretStr | None = Field(
        default=None,
        description="Opens the keyring. Without it a terminal is asked.",
        examples=["'six words that nobody would guess'"],
    )
    policy: Path = Field(
        default=DEFAULT, description="The policy of the fund.", examples=["/etc/plecho/policy.toml"]
    )
    data_dir: Path = Field(
        default=Path("data"),
        description="Directory of the SQLite files and of sealed attachments.",
        examples=["/var/lib/plecho"],
    )
    web_bind: Annotated[str, AfterValidator(_bind)] = Field(
        default="127.0.0.1:8088",
        description="Where health, metrics and the webhook are served.",
        examples=["127.0.0.1:8088"],
    )
    webhook_url: Annotated[str, AfterValidator(_public)] | None = Field(
        default=None,
        description="Public https address under which Telegram reaches PLECHO_WEB_BIND. Without it: long polling.",
        examples=["https://bot.example.org"],
    )

    stripe_key: Annotated[SecretStr, AfterValidator(_stripe_key)] | None = Field(
        default=None,
        description="Stripe's key; a restricted one is enough. Without it nobody can give by card.",
        examples=["rk_live_EXAMPLEexampleEXAMPLEexample"],
    )
    stripe_api_url: Annotated[str, AfterValidator(_http)] = Field(
        default=API_URL, description="Base address of Stripe's API.", examples=[API_URL]
    )
    stripe_webhook_secret: Annotated[SecretStr, AfterValidator(_stripe_secret)] | None = Field(
        default=None,
        description="Signing secret of the webhook endpoint `/stripe`. Without it: polling alone.",
        examples=["whsec_EXAMPLEexampleEXAMPLEexample"],
    )
    give_url: Annotated[str, AfterValidator(_public)] | None = Field(
        default=None,
        description="Public address under which PLECHO_WEB_BIND is reached. Without it there is no page "
        "`/give`, and Stripe's page leads back to the bot, whose name in Telegram Stripe then sees.",
        examples=["https://give.example.org"],
    )

    chain_url: Annotated[SecretStr, AfterValidator(_nodes)] | None = Field(
        default=None,
        description="JSON-RPC addresses of nodes of the chain, with commas between; all must agree that something "
        "is paid. Without it the rail `stablecoin` is closed.",
        examples=["http://127.0.0.1:8545,https://node.example.org/KEY"],
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no .env file: secrets would lie in it
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - made here, only where there are any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Look at what was handed in, then the environment, then the container's secrets."""
        if SECRETS.is_dir():
            return init_settings, env_settings, SecretsSettingsSource(settings_cls, SECRETS)
        return init_settings, env_settings

    @model_validator(mode="after")
    def _keys_apart(self) -> Self:
        if _same_database(self.data_url, self.grants_url):
            raise ValueError("PLECHO_KEYS_URL: must be another database than PLECHO_DATABASE_URL")
        return self

    @property
    def token(self) -> str:
        """The bot's token. Raises `SettingWrong` when it is not set."""
        if self.bot_token is None:
            raise SettingWrong(
                PREFIX + "BOT_TOKEN", "is not set; the token is from BotFather, and `plecho demo` needs none"
            )
        return self.bot_token.get_secret_value()

    @property
    def data_url(self) -> str:
        """The data's address with its asynchronous driver. Holds a password: never to be shown."""
        return self._url(self.database_url, "plecho.db")

    @property
    def grants_url(self) -> str:
        """The key grants' address with its asynchronous driver. Holds a password: never to be shown."""
        return self._url(self.keys_url, "keys.db")

    @property
    def keyring_path(self) -> Path | None:
        """Where the keyring lies; none when it stands in the environment."""
        if self.keyring is None:
            return self.data_dir / "keyring"
        value = self.keyring.get_secret_value()
        return None if value.startswith(INLINE_KEYRING) else Path(value)

    @property
    def keyring_text(self) -> str | None:
        """The keyring as base64 when it stands in the environment."""
        value = self.keyring.get_secret_value() if self.keyring else ""
        return value.removeprefix(INLINE_KEYRING) if value.startswith(INLINE_KEYRING) else None

    @property
    def stripe(self) -> StripeSetup | None:
        """How Stripe is used; none without a key. Raises `SettingWrong` for what needs one."""
        if self.stripe_key is None:
            needing = {"STRIPE_WEBHOOK_SECRET": self.stripe_webhook_secret, "GIVE_URL": self.give_url}
            for name, value in needing.items():
                if value is not None:
                    raise SettingWrong(PREFIX + "STRIPE_KEY", f"is not set, but {PREFIX}{name} is")
            return None
        secret = self.stripe_webhook_secret.get_secret_value() if self.stripe_webhook_secret else None
        return StripeSetup(self.stripe_key.get_secret_value(), self.stripe_api_url, secret, self.give_url)

    @property
    def chain_urls(self) -> tuple[str, ...]:
        """The nodes of the chain. May hold keys: never to be shown."""
        given = self.chain_url.get_secret_value() if self.chain_url else ""
        return tuple(url.strip() for url in given.split(",") if url.strip())

    @property
    def files(self) -> Path:
        """Directory of sealed attachments."""
        return self.data_dir / "files"

    @property
    def web_host(self) -> str:
        """The host of PLECHO_WEB_BIND."""
        return self.web_bind.rpartition(":")[0].strip("[]")

    @property
    def web_port(self) -> int:
        """The port of PLECHO_WEB_BIND; 0 takes any free one."""
        return int(self.web_bind.rpartition(":")[2])

    def _url(self, given: SecretStr | None, name: str) -> str:
        if given is None:
            return f"{DRIVERS['sqlite']}:///{(self.data_dir / name).absolute()}"
        return async_url(given.get_secret_value())


def read_settings(**known: Any) -> Settings:  # noqa: ANN401 - any setting
    """Read the process's settings; `known` ones stand above the environment. Raises `SettingWrong`."""
    _refuse_misspelt(os.environ)
    try:
        return Settings(**known)
    except ValidationError as error:
        raise _wrong(error) from None


def async_url(url: str) -> str:
    """The address with the driver that the program uses; ValueError when it names no usable database."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError("not the address of a database") from None
    driver = DRIVERS.get(parsed.get_backend_name())
    if driver is None:
        raise ValueError("only sqlite and postgresql are known")
    if driver == DRIVERS["sqlite"]:
        if parsed.database in {None, "", ":memory:"}:
            raise ValueError("a file is needed: what is kept in memory does not survive a restart")
        if parsed.query:
            raise ValueError("nothing may follow a ? in it")
    elif not parsed.database:
        raise ValueError("it names no database")
    else:
        _check_options(parsed)
    return _renamed_sslmode(parsed.set(drivername=driver)).render_as_string(hide_password=False)


def _check_options(url: URL) -> None:
    """ValueError for what the driver would stumble over; never with a word of it, which may be half a password."""
    if not OPTIONS.issuperset(url.query):
        raise ValueError("only host, port and sslmode may follow its ?")
    ports = [str(url.port or 5432), *url.normalized_query.get("port", ())]
    if not all(port.isdecimal() and int(port) in PORTS for port in ports):
        raise ValueError("its port is none")
    modes = [mode for name in ("ssl", "sslmode") for mode in url.normalized_query.get(name, ())]
    if not TLS.issuperset(modes) or len(modes) > 1:
        raise ValueError("its sslmode is none that libpq knows")
    if not all(size.isdecimal() for size in url.normalized_query.get("prepared_statement_cache_size", ())):
        raise ValueError("its prepared_statement_cache_size is no number")


def _renamed_sslmode(url: URL) -> URL:
    # libpq says sslmode, asyncpg says ssl; operators copy addresses made for libpq.
    mode = url.query.get("sslmode")
    return url if mode is None else url.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})


def _same_database(one: str, other: str) -> bool:
    first, second = make_url(one), make_url(other)
    if first.drivername != second.drivername:
        return False
    if first.drivername == DRIVERS["sqlite"]:
        return Path(str(first.database)).resolve() == Path(str(second.database)).resolve()
    return _server(first) == _server(second)


def _server(url: URL) -> tuple[object, ...]:
    return (url.host or url.query.get("host"), url.port or 5432, url.database)


def _refuse_misspelt(environment: Mapping[str, str]) -> None:
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise SettingWrong(name, "there is no such setting" + (f"; did you mean {near[0]}?" if near else ""))


def _wrong(error: ValidationError) -> SettingWrong:
    first = error.errors(include_url=False, include_input=False)[0]
    what = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        name, _, what = what.partition(": ")
        return SettingWrong(name, what)
    field = str(first["loc"][0])
    examples = Settings.model_fields[field].examples or []
    return SettingWrong(PREFIX + field.upper(), what, next(map(str, examples), None))
