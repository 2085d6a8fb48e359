"""`/give`: the same warning, ways and amounts as in the chat, as plain pages that need no script.

- Nothing is asked of a person but an amount. No cookie is set before they go to pay; then one that holds the token
  of their own gift for a day, so that the page they come back to can show it. Stripe never sees the token.
- A form that another site sends is refused by what the browser says of where it comes from (Sec-Fetch-Site,
  Origin). All that such a site could reach is a page to pay on, which its visitor would have to fill in.
- The signed time in a form keeps off who repeats a form without having fetched the page and its warning within
  the hour. It is bound to no browser: that would take a cookie before anybody has decided to give.
- How much may be begun within an hour is decided by visitor (`web.visitors`), before anything is written and
  without the writer's lock, then for the whole page (`services.donate`). How often a gift may be looked up, which
  reads the books, is decided by visitor too.
- The pages load nothing from anywhere, may not be framed, and their forms lead to us and to Stripe's page alone.
"""

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from babel import negotiate_locale

from models.errors import Refused
from models.unit import Unit
from payments.money import Money, digits
from payments.stripe_objects import Order
from services import donate, donate_gifts, donate_stripe
from services.donate import Way
from services.donors import make_token
from texts.formats import money
from web.visitors import Visitors

FORM_SECONDS: Final = 3600
"""How long a page may lie open before its form is sent."""

FORM: Final = b"plecho give form 1\n"
"""What the signature of a form begins with."""

MADE: Final = re.compile(r"\d{1,12}", re.ASCII)
"""The time at which a form was made, in Unix seconds."""

COOKIE: Final = "gift"
COOKIE_SECONDS: Final = 24 * 3600

STYLE: Final = (
    "body{font:1.05rem/1.5 system-ui,sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem;color:#1c2430}"
    "fieldset{border:0;padding:0;margin:0 0 1rem}legend{font-weight:600;margin-bottom:.3rem}"
    "label{display:inline-block;margin:.2rem .8rem .2rem 0}input[type=text]{font:inherit;padding:.3rem;width:9rem}"
    "button{font:inherit;font-weight:600;padding:.6rem 1.4rem;border:0;border-radius:.4rem;"
    "background:#1f5fa8;color:#fff}"
    ".warning{border-left:.3rem solid #b3541e;padding:.5rem .8rem;background:#fbf1ea}.wrong{color:#a1260d}"
    "code{overflow-wrap:anywhere}form{margin:0 0 2rem}"
)
HEADERS: Final = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
POLICY: Final = (
    "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' {pay}; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'"
)
"""No script, no frame, no address of ours told to anybody. Chromium holds `form-action` against the address too
that the answer to a form leads on to, so Stripe's page is in it."""

TOO_OFTEN: Final = "donate.bad.often"

TOKEN_LENGTH: Final = 60
"""Characters; a token has 27."""


@dataclass(frozen=True, slots=True)
class Give:
    """The pages. `glance` opens a transaction that only reads, `unit` one that writes; `open_page` asks Stripe.

    `visitors` counts who gives, `looks` who looks up a gift. `give_url` is our public address, `pay_origin` that
    of Stripe's pages.
    """

    unit: Callable[[], AbstractAsyncContextManager[Unit]]
    glance: Callable[[], AbstractAsyncContextManager[Unit]]
    open_page: Callable[[Order], Awaitable[str | None]]
    visitors: Visitors
    looks: Visitors
    give_url: str
    pay_origin: str

    def routes(self) -> list[web.RouteDef]:
        """What to serve, below the path of the public address."""
        base = urlsplit(self.give_url).path.rstrip("/") + "/give"
        return [
            web.get(base, self.show),
            web.post(base, self.begin),
            web.get(f"{base}/thanks", self.thank),
            web.post(f"{base}/gift", self.trace),
            web.post(f"{base}/stop", self.stop),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The warning, the amounts, the button."""
        async with self.glance() as unit:
            return self._form(unit, _language(unit, request))

    async def begin(self, request: web.Request) -> web.Response:
        """Take the form and lead on to Stripe's page."""
        given = await _fields(request)
        async with self.glance() as unit:
            language = unit.texts.choose(given.get("language"))
            try:
                way, money = self._admit(unit, request, given)
            except Refused as refused:
                return self._refused(unit, language, refused)
        async with self.unit() as unit:
            try:
                async with unit.attempt():
                    order, token = await self._order(unit, way, money, language)
            except Refused as refused:
                return self._refused(unit, language, refused)
        url = await self.open_page(order)
        async with self.glance() as unit:
            return self._lead_on(unit, language, url, token)

    def _lead_on(self, unit: Unit, language: str, url: str | None, token: str) -> web.Response:
        """To Stripe's page: at once, or by a link where it has an address that `form-action` does not know."""
        if url is None:
            return self._form(unit, language, unit.texts.render("donate.web.away", language), 503)
        if url.startswith(self.pay_origin + "/"):
            response = web.Response(status=303, headers=self._headers | {"Location": url})
        else:
            label = escape(unit.texts.render("donate.button.pay", language))
            link = f"<p><a rel=noreferrer href='{escape(url)}'>{label}</a></p>"
            response = self._page(unit, language, [link])
        secure = self.give_url.startswith("https:")
        response.set_cookie(
            COOKIE, token, max_age=COOKIE_SECONDS, httponly=True, samesite="Lax", secure=secure, path=self._path
        )
        return response

    async def thank(self, request: web.Request) -> web.Response:
        """Where Stripe's page leads back to: thanks, or why the gift goes back; and the token by the cookie."""
        token = request.cookies.get(COOKIE, "")
        async with self.glance() as unit:
            language = _language(unit, request)
            say = unit.texts.render
            known = 0 < len(token) <= TOKEN_LENGTH
            refused = await donate_gifts.why_refused(unit, token, language) if known else None
            parts = [_p(refused or say("donate.web.thanks", language))]
            if known:
                parts.append(f"<p>{escape(say('donate.web.token', language))} <code>{escape(token)}</code></p>")
                parts.append(self._trace_form(unit, language, token))
            return self._page(unit, language, parts)

    async def trace(self, request: web.Request) -> web.Response:
        """Where the money of a gift went; the token comes in the form, so that no log and no history keeps it."""
        given = await _fields(request)
        token = given.get("token", "")
        async with self.glance() as unit:
            language, status = unit.texts.choose(given.get("language")), 200
            try:
                self._spend(self.looks, request)
                line, lines = await donate_gifts.traced(unit, token, language)
                parts = [_p(each) for each in (line, *lines)]
            except Refused as refused:
                wrong = f"<p class=wrong>{escape(unit.texts.render(refused.text_key, language))}</p>"
                parts, status = [wrong, self._trace_form(unit, language)], _status(refused)
            monthly = await donate_gifts.monthly_of(unit, token)
            if monthly is not None:
                amount = money(monthly.amount, monthly.currency, language)
                parts.append(self._stop_form(unit, language, token, amount))
            return self._page(unit, language, parts, status)

    async def stop(self, request: web.Request) -> web.Response:
        """Stop a monthly gift, for whoever has the token of one of its months."""
        given = await _fields(request)
        token = given.get("token", "")
        async with self.glance() as unit:  # whoever knows no key never gets the writer's lock
            language = unit.texts.choose(given.get("language"))
            if await donate_gifts.monthly_of(unit, token) is None:
                wrong = f"<p class=wrong>{escape(unit.texts.render('donate.bad.token', language))}</p>"
                return self._page(unit, language, [wrong, self._trace_form(unit, language)], 400)
        async with self.unit() as unit:
            await donate_gifts.stop_by_token(unit, token)
            return self._page(unit, language, [_p(unit.texts.render("donate.web.stopped", language))])

    @property
    def _path(self) -> str:
        return urlsplit(self.give_url).path.rstrip("/") + "/give"

    @property
    def _headers(self) -> dict[str, str]:
        return {**HEADERS, "Content-Security-Policy": POLICY.format(pay=self.pay_origin)}

    def _admit(self, unit: Unit, request: web.Request, given: Mapping[str, str]) -> tuple[Way, Money]:
        """What somebody wants to give. Raises `Refused`; writes nothing but the count of this visitor."""
        self._refuse_foreign(unit, request, given)
        way = next((way for way in (Way.CARD, Way.MONTHLY) if way == given.get("way", Way.CARD)), None)
        if way is None:
            raise Refused("donate.web.stale")
        currency, amount = given.get("currency", ""), given.get("other", "").strip() or given.get("amount", "")
        read = donate.read_amount(unit, amount, way, currency, card=True)
        self._spend(self.visitors, request)
        return way, read

    def _spend(self, visitors: Visitors, request: web.Request) -> None:
        if not visitors.spend(request.remote, request.headers.getall("X-Forwarded-For", [])):
            raise Refused(TOO_OFTEN)

    async def _order(self, unit: Unit, way: Way, money: Money, language: str) -> tuple[Order, str]:
        donation = await donate.begin(unit, way, money, language, None, card=True)
        order = await donate_stripe.take_page(unit, donation.id, *donate_stripe.give_pages(self.give_url))
        if order is None:
            raise Refused("donate.closed")
        return order, make_token(unit, donation.id)

    def _refuse_foreign(self, unit: Unit, request: web.Request, given: Mapping[str, str]) -> None:
        home = urlsplit(self.give_url)
        origin = request.headers.get("Origin")
        if origin not in {None, "null", f"{home.scheme}://{home.netloc}"}:
            raise Refused("donate.web.stale")
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
            raise Refused("donate.web.stale")
        made, _, signature = given.get("form", "").partition(".")
        if not MADE.fullmatch(made) or not 0 <= int(unit.now.timestamp()) - int(made) <= FORM_SECONDS:
            raise Refused("donate.web.stale")
        try:
            signed = unit.vault.verify(FORM + made.encode(), bytes.fromhex(signature))
        except ValueError:
            signed = False
        if not signed:
            raise Refused("donate.web.stale")

    def _refused(self, unit: Unit, language: str, refused: Refused) -> web.Response:
        said = unit.texts.render(refused.text_key, language, **refused.params)
        return self._form(unit, language, said, _status(refused))

    def _form(self, unit: Unit, language: str, wrong: str | None = None, status: int = 400) -> web.Response:
        say = unit.texts.render
        made = str(int(unit.now.timestamp()))
        signature = unit.vault.sign(FORM + made.encode()).hex()
        parts = [] if wrong is None else [f"<p class=wrong role=alert>{escape(wrong)}</p>"]
        parts += [
            _p(say("donate.web.what", language)),
            f"<p class=warning>{escape(say('donate.warning', language))}</p>",
        ]
        try:
            blocks = [
                self._currency(unit, language, code, made, signature) for code in donate.terms(unit).currencies
            ]
        except Refused as refused:
            return self._page(unit, language, [_p(say(refused.text_key, language))], 503)
        parts += [*blocks, self._trace_form(unit, language)]
        return self._page(unit, language, parts, 200 if wrong is None else status)

    def _currency(self, unit: Unit, language: str, code: str, made: str, signature: str) -> str:
        say, terms = unit.texts.render, donate.terms(unit)
        choices = "".join(
            f"<label><input type=radio name=amount value={Decimal(amount).scaleb(-digits(code)):f}"
            f"{' checked' * (not number)}> {escape(money(amount, code, language))}</label>"
            for number, amount in enumerate(terms.currencies[code].offered)
        )
        ways = [Way.CARD, *([Way.MONTHLY] if terms.monthly else [])]
        how = "".join(
            f"<label><input type=radio name=way value={way}{' checked' * (way is Way.CARD)}> "
            f"{escape(say(f'donate.web.{way}', language))}</label>"
            for way in ways
        )
        return (
            f"<form method=post action='{escape(self._path)}'><fieldset><legend>{code}</legend>{choices}"
            f"<label>{escape(say('donate.button.other', language))} <input type=text name=other inputmode=decimal "
            f"maxlength=20 autocomplete=off></label></fieldset><fieldset>{how}</fieldset>"
            f"<input type=hidden name=currency value={code}><input type=hidden name=language value={language}>"
            f"<input type=hidden name=form value='{made}.{signature}'>"
            f"<button>{escape(say('donate.button.pay', language))}</button></form>"
        )

    def _trace_form(self, unit: Unit, language: str, token: str = "") -> str:
        say = unit.texts.render
        return (
            f"<form method=post action='{escape(self._path)}/gift'><fieldset><legend>"
            f"{escape(say('donate.web.trace', language))}</legend>"
            f"<input type=hidden name=language value={language}>"
            f"<input type=text name=token maxlength={TOKEN_LENGTH} autocomplete=off value='{escape(token)}'> "
            f"<button>{escape(say('donate.web.look', language))}</button></fieldset></form>"
        )

    def _stop_form(self, unit: Unit, language: str, token: str, amount: str) -> str:
        return (
            f"<form method=post action='{escape(self._path)}/stop'>"
            f"<input type=hidden name=language value={language}>"
            f"<input type=hidden name=token value='{escape(token)}'>"
            f"<button>{escape(unit.texts.render('donate.button.stop', language, amount=amount))}</button></form>"
        )

    def _page(self, unit: Unit, language: str, parts: Sequence[str], status: int = 200) -> web.Response:
        title = escape(unit.texts.render("donate.title", language))
        body = (
            f"<!doctype html><html lang={language}><head><meta charset=utf-8><title>{title}</title>"
            f"<meta name=viewport content='width=device-width'><style>{STYLE}</style></head>"
            f"<body><main><h1>{title}</h1>{''.join(parts)}</main></body></html>"
        )
        return web.Response(text=body, content_type="text/html", status=status, headers=self._headers)


def _language(unit: Unit, request: web.Request) -> str:
    asked = request.query.get("lang")
    if asked is not None:
        return unit.texts.choose(asked)
    spoken = [
        part.partition(";")[0].strip().replace("-", "_")
        for part in request.headers.get("Accept-Language", "").split(",")
    ]
    known = [tag for tag in spoken[:20] if tag.isascii() and tag.replace("_", "").isalnum()]
    return unit.texts.choose(negotiate_locale(known, unit.texts.languages))


def _status(refused: Refused) -> int:
    return 429 if refused.text_key == TOO_OFTEN else 400


def _p(text: str) -> str:
    return f"<p>{escape(text)}</p>"


async def _fields(request: web.Request) -> dict[str, str]:
    """The fields of a form. Another body is refused unread: aiohttp would write the files of one to the disk."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise web.HTTPUnsupportedMediaType
    try:
        form = await request.post()
    except (ValueError, LookupError):
        raise web.HTTPBadRequest from None
    return {name: value for name, value in form.items() if isinstance(value, str)}
