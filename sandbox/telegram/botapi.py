"""The HTTP side of the Bot API: token, method, faults, answer, log.

Order of checks as with Telegram: the token (401), the method (404), the parameters (400), then what the
method itself refuses. A fault planned for the call comes before or after the act, as its kind says.
"""

from collections.abc import Awaitable
from http import HTTPStatus

from aiohttp import web

from sandbox.telegram.calls import Call, Fault
from sandbox.telegram.core import Telegram
from sandbox.telegram.methods.table import METHODS, Method
from sandbox.telegram.validate import Parameters, received
from sandbox.telegram.wire import ApiError, JsonDict, dumps, forbidden, too_many_requests


class BotApi:
    """Answers `/bot<token>/<method>` and `/file/bot<token>/<path>`."""

    def __init__(self, telegram: Telegram, token: str) -> None:
        """Serve the bot that has `token`."""
        self._telegram = telegram
        self._token = token

    def routes(self) -> list[web.AbstractRouteDef]:
        """Return the routes to add to the application."""
        return [
            web.route("*", "/bot{token}/{method}", self.call),
            web.get("/file/bot{token}/{path:.+}", self.download),
        ]

    async def call(self, request: web.Request) -> web.Response:
        """Run one call."""
        if request.match_info["token"] != self._token:
            return _answer(ApiError(401, "Unauthorized").body(), 401)
        method = METHODS.get(request.match_info["method"].lower())
        if method is None:
            return _answer(ApiError(404, "Not Found").body(), 404)
        try:
            parameters = await received(request, self._telegram.limits.upload_bytes)
        except ApiError as error:
            return _answer(error.body(), error.code)
        fault = self._telegram.faults.take(method.name, _chat(parameters))
        body = await self._run(method, parameters, fault)
        status = 200 if body["ok"] else int(body["error_code"])
        self._note(method, parameters, body, fault)
        if fault is not None and fault.kind in {"hang_up", "lost_answer"} and request.transport is not None:
            request.transport.abort()
        if fault is not None and fault.kind == "garbage":
            return web.Response(text="<html>502</html>", content_type="text/html")
        return _answer(body, status)

    async def download(self, request: web.Request) -> web.Response:
        """Return a file's bytes."""
        if request.match_info["token"] != self._token:
            return _answer(ApiError(401, "Unauthorized").body(), 401)
        wanted = request.match_info["path"]
        file = next((f for f in self._telegram.world.files.values() if f.path == wanted), None)
        if file is None:
            return _answer(ApiError(404, "Not Found").body(), 404)
        if len(file.content) > self._telegram.limits.download_bytes:
            return _answer(ApiError(400, "Bad Request: file is too big").body(), 400)
        return web.Response(body=file.content, content_type="application/octet-stream")

    async def _run(self, method: Method, parameters: Parameters, fault: Fault | None) -> JsonDict:
        try:
            _play(fault)
            result = method.run(self._telegram, parameters)
            if isinstance(result, Awaitable):
                result = await result
        except ApiError as error:
            return error.body()
        return {"ok": True, "result": result}

    def _note(self, method: Method, parameters: Parameters, body: JsonDict, fault: Fault | None) -> None:
        if method.name == "getUpdates":
            return
        calls = self._telegram.calls
        call = Call(
            calls.next_seq(),
            method.name,
            _chat(parameters),
            self._telegram.clock.seconds(),
            body["ok"],
            200 if body["ok"] else body["error_code"],
            body.get("description"),
            fault.kind if fault else None,
            parameters.values,
        )
        calls.add(call)


def _play(fault: Fault | None) -> None:
    if fault is None:
        return
    if fault.kind == "retry_after":
        raise too_many_requests(fault.seconds)
    if fault.kind in {"server_error", "hang_up"}:
        raise ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")
    if fault.kind == "forbidden":
        raise forbidden("bot was blocked by the user")


def _chat(parameters: Parameters) -> int | str | None:
    chat = parameters.values.get("chat_id")
    if isinstance(chat, str) and chat.removeprefix("-").isdigit():
        return int(chat)
    return chat


def _answer(body: JsonDict, status: int) -> web.Response:
    return web.Response(body=dumps(body).encode(), status=status, content_type="application/json")
