"""Inline keyboards: Telegram's limits on them, and finding a button."""

from urllib.parse import urlsplit

from aiogram.types import InlineKeyboardMarkup, ReplyMarkupUnion

from sandbox.telegram.limits import Limits
from sandbox.telegram.wire import JsonDict, bad_request

_LOCAL = frozenset({"127.0.0.1", "localhost"})


def checked_markup(markup: ReplyMarkupUnion | None, limits: Limits, *, private: bool) -> JsonDict | None:
    """Return the inline keyboard to keep with a message, or None; raises Telegram's refusals."""
    if not isinstance(markup, InlineKeyboardMarkup):
        return None
    body: JsonDict = markup.model_dump(exclude_none=True)
    buttons = [button for row in body["inline_keyboard"] for button in row]
    if not buttons:
        return None
    if len(buttons) > limits.buttons:
        raise bad_request("reply markup is too long")
    for button in buttons:
        _check(button, limits, private=private)
    return body


def find_button(body: JsonDict, wanted: str) -> JsonDict | None:
    """Return the button of the message whose data or, failing that, label is `wanted`."""
    rows = body.get("reply_markup", {}).get("inline_keyboard", [])
    buttons: list[JsonDict] = [button for row in rows for button in row]
    by_data = next((button for button in buttons if button.get("callback_data") == wanted), None)
    return by_data or next((button for button in buttons if button["text"] == wanted), None)


def _check(button: JsonDict, limits: Limits, *, private: bool) -> None:
    actions = button.keys() - {"text", "style", "icon_custom_emoji_id"}
    if not button["text"].strip():
        raise bad_request("can't parse inline keyboard button: Text must be non-empty")
    if len(actions) != 1:
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    data = button.get("callback_data")
    if data is not None and not 1 <= len(data.encode()) <= limits.callback_data_bytes:
        raise bad_request("BUTTON_DATA_INVALID")
    if "url" in button and not _is_web(button["url"], {"http", "https", "tg"}):
        raise bad_request(f"inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")
    if "web_app" in button:
        _check_web_app(button["web_app"]["url"], private=private)


def _check_web_app(url: str, *, private: bool) -> None:
    if not private:
        raise bad_request("BUTTON_TYPE_INVALID")
    # Telegram wants HTTPS; the stand-in lets the demo's own pages through, which are served on loopback.
    if not _is_web(url, {"https"}) and urlsplit(url).hostname not in _LOCAL:
        raise bad_request(f"inline keyboard button Web App URL '{url}' is invalid: Only HTTPS links are allowed")


def _is_web(url: str, schemes: set[str]) -> bool:
    parts = urlsplit(url)
    return parts.scheme in schemes and bool(parts.netloc)
