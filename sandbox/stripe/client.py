"""The client API from Python: donors, their banks, and the clock, for tests and the demo's play.

`async with Bank(server.url) as bank`. A donor pays on the Checkout page itself, as a browser would. What people or
banks could not do raises `Refused`, a declined card `Declined`.
"""

import html
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Self

import aiohttp

from sandbox.stripe.calls import FaultKind
from sandbox.stripe.keys import Right
from sandbox.stripe.wire import JsonDict

GOOD_CARD: Final = "4242424242424242"
SECURE_CARD: Final = "4000002760003184"
SECURE_DECLINED_CARD: Final = "4000008400001629"
"""Their bank asks first; see `Bank.authenticate`."""
DECLINED_CARD: Final = "4000000000000002"
RUSSIAN_CARD: Final = "4000006430000009"
GOOD_IBAN: Final = "DE89370400440532013000"
FAILING_IBAN: Final = "DE62370400440532013001"
MONTH: Final = timedelta(days=31, hours=2)
"""Far enough for one monthly invoice to be made and charged."""
OK, BAD, FOUND = 200, 400, 303
_ALERT: Final = re.compile(r"role='alert'>(.*?)</p>", re.DOTALL)


class Refused(Exception):
    """The stand-in refused an act; `status` is the HTTP status."""

    def __init__(self, status: int, text: str) -> None:
        """Say why."""
        super().__init__(f"{status}: {text}")
        self.status = status


class Declined(Exception):
    """The Checkout page said no, in these words."""


class Bank:
    """Everybody but the fund, on one stand-in."""

    def __init__(self, url: str) -> None:
        """Talk to the stand-in at `url`."""
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close it."""
        if self._session is not None:
            await self._session.close()

    async def pay(
        self,
        session_url: str,
        number: str = GOOD_CARD,
        *,
        issued: str = "",
        iban: str | None = None,
        link: bool = False,
        email: str = "donor@example.org",
        name: str = "Test Donor",
    ) -> str:
        """Pay on the page at `session_url`, by card, bank account or `link`, and return where the page leads.

        It leads to itself when the payer's bank asks them first.

        `issued` is the card's country (two letters) if not the one of its number. Raises `Declined`.
        """
        form = {"email": email, "name": name, "method": "card", "number": number, "issued": issued}
        if iban is not None:
            form |= {"method": "sepa_debit", "iban": iban}
        if link:
            form["method"] = "link"
        return await self._submit(session_url, form)

    async def authenticate(self, session_url: str, *, passed: bool) -> str:
        """Answer the bank, which asked because of a card of 3-D Secure. Raises `Declined`."""
        return await self._submit(session_url, {"passed": "yes" if passed else "no"})

    async def page(self, session_url: str) -> str:
        """Return the HTML of a Checkout page."""
        async with self._open.get(session_url) as response:
            return await response.text()

    async def now(self) -> datetime:
        """Tell the stand-in's time."""
        return datetime.fromisoformat((await self._act("clock"))["now"])

    async def advance(self, step: timedelta) -> None:
        """Let time jump forward; everything that is due in between happens in its order."""
        await self._act("clock", seconds=step.total_seconds())

    async def finish_debit(self, payment_intent: str, *, succeed: bool) -> None:
        """Let a bank debit that is on its way arrive or bounce now."""
        await self._act("debit", id=payment_intent, succeed=succeed)

    async def finish_refund(self, refund: str, *, succeed: bool, reason: str = "lost_or_stolen_card") -> None:
        """Let a pending refund arrive, or send a refund back."""
        await self._act("refund", id=refund, succeed=succeed, reason=reason)

    async def dispute(self, charge: str, *, reason: str = "fraudulent", amount: int | None = None) -> str:
        """Dispute a charge as its card's holder and return the dispute's id."""
        return str((await self._act("dispute", id=charge, reason=reason, amount=amount))["id"])

    async def decide(self, dispute: str, *, won: bool, return_fee: bool = False) -> None:
        """Let the card's bank decide a dispute: `won` by the fund or not."""
        await self._act("verdict", id=dispute, won=won, return_fee=return_fee)

    async def change_card(self, subscription: str, number: str, *, issued: str = "") -> None:
        """Let a monthly donor pay with another card from now on."""
        await self._act("means", id=subscription, number=number, issued=issued)

    async def connect(self, country: str = "EE", *, transfers: str = "active") -> str:
        """Open a connected account and return its id; `transfers` is active, pending or inactive."""
        return str((await self._act("account", country=country, transfers=transfers))["id"])

    async def set_capability(self, account: str, transfers: str) -> None:
        """Change whether a connected account may receive transfers."""
        await self._act("capability", id=account, transfers=transfers)

    async def top_up(self, amount: int) -> None:
        """Put available money into the balance, in minor units of the settlement currency."""
        await self._act("topup", amount=amount)

    async def set_rate(self, currency: str, rate: str) -> None:
        """Change an exchange rate: units of the settlement currency for one unit of `currency`."""
        await self._act("terms", rates={currency: rate})

    async def set_terms(self, **durations: timedelta) -> None:
        """Change how long things take, like `balance_after=timedelta(hours=1)` (see `Terms`)."""
        await self._act("terms", **{name: value.total_seconds() for name, value in durations.items()})

    async def restricted_key(self, rights: Mapping[str, Right]) -> str:
        """Return a key with these rights, like `{"checkout_session": "write", "event": "read"}`."""
        return str((await self._act("key", rights=dict(rights)))["key"])

    async def fault(
        self, kind: FaultKind, path: str = "/", *, verb: str = "*", times: int = 1, seconds: float = 1.0
    ) -> None:
        """Plan a fault for the next calls of `verb` to paths that begin with `path` (see `calls.Fault`)."""
        await self._act("fault", kind=kind, path=path, verb=verb, times=times, seconds=seconds)

    async def mend(self) -> None:
        """Forget all planned faults."""
        await self._act("mend")

    async def calls(self, path: str | None = None, *, verb: str | None = None, after: int = 0) -> list[JsonDict]:
        """Return the logged calls of the fund, oldest first."""
        found: list[JsonDict] = await self._act("calls", path=path, verb=verb, after=after)
        return found

    async def objects(self, kind: str) -> list[JsonDict]:
        """Return all objects of a kind (like `charge` or `checkout.session`), oldest first."""
        found: list[JsonDict] = await self._request("GET", f"/bank/objects/{kind}", None)
        return found

    async def endpoint(self, url: str, types: list[str] | None = None) -> str:
        """Register a webhook endpoint for these types (all by default) and return its signing secret."""
        return str((await self._act("endpoint", url=url, types=types))["secret"])

    async def delivered(self) -> list[JsonDict]:
        """Wait until all deliveries under way are answered and return the log of deliveries."""
        found: list[JsonDict] = await self._act("delivered")
        return found

    async def hold(self) -> None:
        """Keep webhook deliveries back."""
        await self._act("hold")

    async def release(self, order: Literal["kept", "reversed", "shuffled"] = "kept") -> None:
        """Deliver what was kept back, one after the other in this order."""
        await self._act("release", order=order)

    async def duplicate(self, count: int) -> None:
        """Deliver every event `count` times from now on."""
        await self._act("copies", count=count)

    async def deliver_again(
        self, event: str, *, secret: str | None = None, skew: int = 0, payload: str | None = None
    ) -> list[int]:
        """Deliver an event now and return the statuses; see `Webhooks.again` for forgeries."""
        answer = await self._act("again", id=event, secret=secret, skew=skew, payload=payload)
        return list(answer["statuses"])

    async def hide_events(self) -> None:
        """Let coming events stay unknown to lists and webhooks, as when Stripe is late."""
        await self._act("hide")

    async def reveal_events(self) -> int:
        """Let hidden events be known, at their places in time, and return how many there were."""
        return int((await self._act("reveal"))["count"])

    async def _submit(self, session_url: str, form: Mapping[str, str]) -> str:
        async with self._open.post(session_url, data=form, allow_redirects=False) as response:
            page = await response.text()
            if response.status == FOUND:
                return response.headers["Location"]
            if response.status == OK and "name='passed'" in page:
                return session_url
        found = _ALERT.search(page)
        raise Declined(html.unescape(found[1]) if found else "the page is no longer open")

    @property
    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("a Bank is used with `async with`")
        return self._session

    async def _act(self, act: str, **body: object) -> Any:  # noqa: ANN401 - JSON out
        return await self._request("POST", f"/bank/{act}", body)

    async def _request(self, verb: str, path: str, body: JsonDict | None) -> Any:  # noqa: ANN401 - JSON out
        async with self._open.request(verb, self._url + path, json=body) as response:
            answer = await response.json()
            if response.status >= BAD:
                raise Refused(response.status, answer.get("error", ""))
            return answer
