"""The Checkout page at a session's url: plain HTML, on which a person pays with a test card or account, or leaves.

What is typed is checked as Checkout does; a declined card is told on the page and may be followed by another. Paid
sessions lead to `success_url`, whose `{CHECKOUT_SESSION_ID}` is filled in; the link back leads to `cancel_url`.
"""

import html
from http import HTTPStatus
from typing import Final

from aiohttp import web

from sandbox.stripe import sessions
from sandbox.stripe.core import Stripe
from sandbox.stripe.means import COUNTRIES, Means, Payer, bank_account, card, wallet
from sandbox.stripe.terms import spoken
from sandbox.stripe.wire import JsonDict, NotAllowed, StripeError

SUBMIT: Final = {"donate": "Donate", "book": "Book", "subscribe": "Subscribe", "pay": "Pay"}
ASKED: Final = (
    "<p>Your bank asks: is it you who pays?</p><form method='post'>"
    "<button name='passed' value='yes'>Complete</button> <button name='passed' value='no'>Fail</button></form>"
)
"""What 3-D Secure shows with Stripe's test cards."""
STYLE: Final = (
    "body{font:16px system-ui,sans-serif;max-width:26rem;margin:2rem auto;padding:0 1rem}"
    "label{display:block;margin:.8rem 0}input,select{width:100%;font:inherit;padding:.4rem;box-sizing:border-box}"
    "button{font:inherit;padding:.6rem 1.2rem;width:100%}.error{color:#a00}.total{font-size:1.6rem}"
)


class Checkout:
    """The page of every session."""

    def __init__(self, stripe: Stripe) -> None:
        """Serve the sessions of `stripe`."""
        self._stripe = stripe

    def routes(self) -> list[web.AbstractRouteDef]:
        """Return the routes to add to the application."""
        return [web.get("/c/pay/{id}", self.show), web.post("/c/pay/{id}", self.submit)]

    async def show(self, request: web.Request) -> web.Response:
        """Show the page."""
        return self._page(self._session(request))

    async def submit(self, request: web.Request) -> web.Response:
        """Pay; leads to `success_url`, or shows the page again and why."""
        session = self._session(request)
        form = {name: str(value).strip() for name, value in (await request.post()).items()}
        if session["status"] == "open":
            try:
                if "passed" in form:
                    sessions.authenticate(self._stripe, session, passed=form["passed"] == "yes")
                else:
                    sessions.pay(self._stripe, session, _means(form), _payer(form, session))
            except StripeError as error:
                return self._page(session, error.message, form)
            except NotAllowed as error:
                return self._page(session, str(error), form)
        if session["status"] != "complete":
            return self._page(session)
        return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": _success(session)})

    def _session(self, request: web.Request) -> JsonDict:
        self._stripe.settle()
        session = self._stripe.table("checkout.session").get(request.match_info["id"])
        if session is None:
            raise web.HTTPNotFound(text="No such page.")
        return session

    def _page(self, session: JsonDict, problem: str = "", form: dict[str, str] | None = None) -> web.Response:
        if session["status"] == "open" and sessions.is_asked(self._stripe, session):
            body = ASKED
        elif session["status"] == "open":
            body = _form(self._stripe, session, problem, form or {})
        elif session["status"] == "complete":
            body = f"<p>You have paid.</p><p><a href='{html.escape(_success(session))}'>Continue</a></p>"
        else:
            body = "<p>This page has expired. Please begin again.</p>" + _back(session)
        page = (
            "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Checkout</title>"
            "<meta name='viewport' content='width=device-width'>"
            f"<style>{STYLE}</style></head><body>{body}</body></html>"
        )
        status = HTTPStatus.PAYMENT_REQUIRED if problem else HTTPStatus.OK
        return web.Response(text=page, content_type="text/html", status=status)


def _form(stripe: Stripe, session: JsonDict, problem: str, form: dict[str, str]) -> str:
    def value(name: str, default: str = "") -> str:
        return html.escape(form.get(name, default), quote=True)

    lines = "".join(
        f"<p>{html.escape(item['description'] or '')}</p>" for item in sessions.items_of(stripe, session)
    )
    total = spoken(session["amount_total"], session["currency"]).upper()
    every = " every month" if session["mode"] == "subscription" else ""
    countries = "".join(f"<option>{letters}</option>" for letters in sorted(COUNTRIES.values()))
    error = f"<p class='error' role='alert'>{html.escape(problem)}</p>" if problem else ""
    ways = {"card": "Card", "sepa_debit": "SEPA Direct Debit", "link": "Link"}
    methods = "".join(
        f"<option value='{kind}'>{ways[kind]}</option>" for kind in session["payment_method_types"] if kind in ways
    )
    account = (
        f"<label>IBAN (for direct debit) <input name='iban' value='{value('iban')}'></label>"
        if "sepa_debit" in session["payment_method_types"]
        else ""
    )
    return (
        f"{lines}<p class='total'>{total}{every}</p>{error}<form method='post'>"
        f"<label>Email <input name='email' type='email' value='{value('email', session['customer_email'] or '')}'>"
        f"</label><label>Pay with <select name='method'>{methods}</select></label>"
        f"<label>Card number <input name='number' value='{value('number', '4242 4242 4242 4242')}'></label>"
        "<label>Card issued in <select name='issued'><option value=''>as the number says</option>"
        f"{countries}</select></label>{account}"
        f"<label>Name <input name='name' value='{value('name', 'Test Donor')}'></label>"
        f"<button>{SUBMIT.get(session['submit_type'] or '', 'Pay')}</button></form>{_back(session)}"
    )


def _back(session: JsonDict) -> str:
    address = session["cancel_url"]
    return f"<p><a href='{html.escape(address, quote=True)}'>Back</a></p>" if address else ""


def _success(session: JsonDict) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _means(form: dict[str, str]) -> Means:
    if form.get("method") == "sepa_debit":
        return bank_account(form.get("iban", ""))
    if form.get("method") == "link":
        return wallet(form.get("issued", ""))
    return card(form.get("number", ""), form.get("issued", ""))


def _payer(form: dict[str, str], session: JsonDict) -> Payer:
    email = form.get("email") or session["customer_email"] or ""
    if "@" not in email:
        raise NotAllowed("Your email is incomplete.")
    return Payer(email, form.get("name") or "Test Donor")
