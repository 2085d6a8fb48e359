"""The HTTP side of the API: key, version, endpoint, right, idempotency, work, expansion, answer, log.

Refusals before the work leave no trace; what the work answered is kept for its idempotency key. A fault planned
for the call comes before or after the work, as its kind says.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from sandbox.stripe.calls import Call, Fault, paused
from sandbox.stripe.core import API_VERSION, Cause, Stripe, new_id
from sandbox.stripe.endpoint import Endpoint
from sandbox.stripe.forms import decode
from sandbox.stripe.lists import expanded
from sandbox.stripe.methods import find
from sandbox.stripe.wire import JsonDict, StripeError, dumps, malformed

MOST_BYTES: Final = 1024 * 1024
SERVER_ERROR: Final = StripeError(500, "api_error", "An unknown error occurred", executed=True)


@dataclass(slots=True)
class Heard:
    """A call as it was heard."""

    verb: str
    path: str
    given: JsonDict | None
    key: str | None
    version: str | None
    idempotency_key: str | None
    request: str
    account: str | None


@dataclass(slots=True)
class Said:
    """An answer: `first` is the request that an idempotency key replays."""

    status: int
    body: JsonDict
    first: str | None = None


class Api:
    """Answers everything below `/v1/`."""

    def __init__(self, stripe: Stripe) -> None:
        """Serve `stripe`."""
        self._stripe = stripe
        self._overtaken: list[tuple[Heard, Fault]] = []
        """Calls that arrive after another, with the fault that made them late."""

    def routes(self) -> list[web.AbstractRouteDef]:
        """Return the routes to add to the application."""
        return [web.route("*", "/v1/{rest:.*}", self.call)]

    async def call(self, request: web.Request) -> web.StreamResponse:
        """Run one call."""
        self._stripe.settle()
        heard = await _heard(request)
        fault = self._stripe.faults.take(heard.verb, heard.path, heard.given or {})
        if fault is not None and fault.kind == "late":
            self._overtaken.append((heard, fault))
            return _broken_off(request)
        said = self._answered(heard, fault)
        self._note(heard, said, fault)
        self._catch_up(heard.given or {})
        await self._hold_back(heard, fault)
        if fault is not None and fault.kind in {"hang_up", "lost_answer"}:
            return _broken_off(request)
        if fault is not None and fault.kind == "garbage":
            return web.Response(text="<html><title>502</title></html>", content_type="text/html")
        return _response(heard, said, fault)

    def _answered(self, heard: Heard, fault: Fault | None) -> Said:
        try:
            _play(fault)
            if heard.given is None:
                raise malformed("The parameters are not a form.")
            if fault is not None and fault.kind == "doubled":
                self._run(heard, fault)
            return self._run(heard, fault)
        except StripeError as error:
            return Said(error.status, error.body())

    def _catch_up(self, given: JsonDict) -> None:
        """Let the calls arrive that one with these parameters has overtaken."""
        due = [late for late in self._overtaken if late[1].is_about(given)]
        self._overtaken = [late for late in self._overtaken if late not in due]
        for heard, fault in due:
            self._note(heard, self._answered(heard, None), fault)

    async def _hold_back(self, heard: Heard, fault: Fault | None) -> None:
        """Hold the answer back, and its key as busy, until it leaves or the caller is gone."""
        if fault is None or fault.kind not in {"slow", "stall"}:
            return
        answers, owner, key = self._stripe.answers, self._stripe.account_id, heard.idempotency_key or ""
        answers.busy(owner, key)
        try:
            await paused(fault)
        finally:
            answers.idle(owner, key)

    def _run(self, heard: Heard, fault: Fault | None) -> Said:
        key = self._stripe.keys.check(heard.key)
        if heard.version not in {None, API_VERSION}:
            raise malformed(f"Invalid Stripe API version: {heard.version}")
        if heard.account is not None:
            raise malformed("This stand-in does not play calls for a connected account.")
        found = find(heard.verb, heard.path)
        if found is None:
            text = f"Unrecognized request URL ({heard.verb}: {heard.path})."
            raise StripeError(404, "invalid_request_error", text)
        endpoint, names = found
        self._stripe.keys.require(key, endpoint.resource, endpoint.right)
        if heard.verb != "POST" or heard.idempotency_key is None:
            return _after(fault, Said(200, self._work(heard, endpoint, names, key)))
        return self._once(heard, endpoint, names, key, fault)

    def _once(
        self, heard: Heard, endpoint: Endpoint, names: Mapping[str, str], key: str, fault: Fault | None
    ) -> Said:
        stripe, owner, label = self._stripe, self._stripe.account_id, str(heard.idempotency_key)
        fingerprint = json.dumps([heard.verb, heard.path, heard.given], sort_keys=True)
        life = stripe.terms.idempotency_kept.total_seconds()
        kept = stripe.answers.begin(owner, label, fingerprint, heard.request, stripe.clock.seconds(), life)
        if kept is not None:
            return Said(kept.status or 500, kept.body or {}, kept.request)
        try:
            said = Said(200, self._work(heard, endpoint, names, key))
        except StripeError as error:
            stripe.answers.finish(owner, label, error.status, error.body(), keep=error.executed)
            raise
        said = _after(fault, said)
        stripe.answers.finish(owner, label, said.status, said.body, keep=True)
        return said

    def _work(self, heard: Heard, endpoint: Endpoint, names: Mapping[str, str], key: str) -> JsonDict:
        stripe = self._stripe
        values = endpoint.read(heard.given or {})
        paths = values.pop("expand", [])
        stripe.cause = Cause(heard.request, heard.idempotency_key)
        try:
            body = endpoint.run(stripe, names, values)
        finally:
            stripe.cause = Cause()
        return expanded(stripe, body, paths, lambda kind: stripe.keys.require(key, _resource(kind), "read"))

    def _note(self, heard: Heard, said: Said, fault: Fault | None) -> None:
        calls = self._stripe.calls
        error = said.body.get("error")
        calls.add(
            Call(
                calls.next_seq(),
                heard.verb,
                heard.path,
                self._stripe.clock.seconds(),
                said.status,
                error["message"] if isinstance(error, dict) else None,
                fault.kind if fault else None,
                said.first is not None,
                heard.idempotency_key,
                heard.given or {},
            )
        )


async def _heard(request: web.Request) -> Heard:
    try:
        given = decode(request.query_string) | (decode(await request.text()) if request.can_read_body else {})
    except (StripeError, UnicodeDecodeError):
        given = None
    return Heard(
        request.method,
        request.path,
        given,
        _key(request.headers.get("Authorization", "")),
        request.headers.get("Stripe-Version"),
        request.headers.get("Idempotency-Key"),
        new_id("req", 14),
        request.headers.get("Stripe-Account"),
    )


def _key(header: str) -> str | None:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except ValueError:
            return None
    return None


def _play(fault: Fault | None) -> None:
    if fault is None:
        return
    if fault.kind == "rate_limit":
        text = (
            "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits."
        )
        raise StripeError(429, "invalid_request_error", text, code="rate_limit")
    if fault.kind in {"server_error", "hang_up"}:
        raise SERVER_ERROR
    if fault.kind == "down":
        raise StripeError(503, "api_error", "Stripe is temporarily unavailable.")
    if fault.kind == "forbidden":
        raise StripeError(403, "invalid_request_error", "The provided key does not have access to this account.")
    if fault.kind == "invalid":
        raise malformed("Received unknown parameter.", code="parameter_unknown")


def _broken_off(request: web.Request) -> web.Response:
    """End the connection; nobody hears what is answered then."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _after(fault: Fault | None, said: Said) -> Said:
    if fault is not None and fault.kind == "server_error_after":
        return Said(SERVER_ERROR.status, SERVER_ERROR.body())
    return said


def _resource(kind: str) -> str:
    names = {
        "checkout.session": "checkout_session",
        "balance_transaction": "balance",
        "invoice_payment": "invoice",
        "transfer_reversal": "transfer",
    }
    return names.get(kind, kind)


def _response(heard: Heard, said: Said, fault: Fault | None) -> web.Response:
    headers = {"Request-Id": heard.request, "Stripe-Version": API_VERSION}
    if heard.idempotency_key and heard.verb == "POST":
        headers["Idempotency-Key"] = heard.idempotency_key
        headers["Original-Request"] = said.first or heard.request
    if said.first is not None:
        headers["Idempotent-Replayed"] = "true"
    if fault is not None and fault.kind == "server_error_after":
        headers["Stripe-Should-Retry"] = "false"
    body = dumps(said.body).encode()
    return web.Response(body=body, status=said.status, headers=headers, content_type="application/json")
