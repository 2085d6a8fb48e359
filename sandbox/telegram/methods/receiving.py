"""How the bot gets updates and files, and what it is."""

import re
from typing import Final
from urllib.parse import urlsplit

from aiogram.methods import DeleteWebhook, GetFile, GetMe, GetUpdates, GetWebhookInfo, SetWebhook

from sandbox.telegram.core import Telegram
from sandbox.telegram.methods.sending import file_body
from sandbox.telegram.webhook import Target
from sandbox.telegram.wire import JsonDict, bad_request

_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
_LOCAL: Final = frozenset({"127.0.0.1", "localhost"})
_CONNECTIONS: Final = (40, 100)


def get_me(telegram: Telegram, _call: GetMe) -> JsonDict:
    """Describe the bot (core.telegram.org/bots/api#getme)."""
    return telegram.bot.body() | {
        "can_join_groups": True,
        "can_read_all_group_messages": not telegram.privacy,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


async def get_updates(telegram: Telegram, call: GetUpdates) -> list[JsonDict]:
    """Return updates (core.telegram.org/bots/api#getupdates)."""
    telegram.queue.set_allowed(call.allowed_updates)
    limit = call.limit if call.limit and call.limit > 0 else 100
    return await telegram.queue.poll(call.offset or 0, limit, call.timeout or 0)


async def set_webhook(telegram: Telegram, call: SetWebhook) -> bool:
    """Deliver updates to a URL; an empty one ends it (core.telegram.org/bots/api#setwebhook)."""
    if call.secret_token and not _SECRET.fullmatch(call.secret_token):
        raise bad_request("secret token contains unallowed characters")
    if call.drop_pending_updates:
        telegram.queue.pending.clear()
    if not call.url:
        await telegram.webhook.stop()
        return True
    parts = urlsplit(call.url)
    # Telegram wants HTTPS; the stand-in also delivers to loopback, where there is no certificate.
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    telegram.queue.set_allowed(call.allowed_updates)
    most = min(max(call.max_connections or _CONNECTIONS[0], 1), _CONNECTIONS[1])
    await telegram.webhook.set(Target(call.url, call.secret_token, most))
    return True


async def delete_webhook(telegram: Telegram, call: DeleteWebhook) -> bool:
    """End delivery to a URL (core.telegram.org/bots/api#deletewebhook)."""
    if call.drop_pending_updates:
        telegram.queue.pending.clear()
    await telegram.webhook.stop()
    return True


def get_webhook_info(telegram: Telegram, _call: GetWebhookInfo) -> JsonDict:
    """Describe the delivery (core.telegram.org/bots/api#getwebhookinfo)."""
    return telegram.webhook.info()


def get_file(telegram: Telegram, call: GetFile) -> JsonDict:
    """Tell where a file is to be downloaded, up to 20 MB (core.telegram.org/bots/api#getfile)."""
    file = telegram.world.files.get(call.file_id)
    if file is None:
        raise bad_request("invalid file_id")
    if len(file.content) > telegram.limits.download_bytes:
        raise bad_request("file is too big")
    return file_body(file) | {"file_path": file.path}
