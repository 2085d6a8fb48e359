"""The process's own port: health, metrics and, when Telegram is to call us, the webhook.

Knows nothing of the fund: what it answers is handed in as callables.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web

from web.webhook import Webhook

LARGEST_BODY = 1024 * 1024
"""Bytes of a request's body; an update of the Bot API is far smaller."""


def build_app(
    health: Callable[[], Awaitable[Mapping[str, bool]]],
    metrics: Callable[[], bytes],
    webhook: Webhook | None = None,
    routes: Sequence[web.AbstractRouteDef] = (),
) -> web.Application:
    """An application with `/health` and `/metrics`, the webhook if there is one, and whatever else is given."""

    async def answer_health(_: web.Request) -> web.Response:
        parts = await health()
        return web.json_response(dict(parts), status=200 if all(parts.values()) else 503)

    async def answer_metrics(_: web.Request) -> web.Response:
        return web.Response(body=metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    app = web.Application(client_max_size=LARGEST_BODY)
    app.router.add_get("/health", answer_health)
    app.router.add_get("/metrics", answer_metrics)
    if webhook is not None:
        app.router.add_post(webhook.path, webhook.receive)
    app.add_routes(routes)
    return app


def make_runner(app: web.Application) -> web.AppRunner:
    """Serves an application; sites are added to it.

    Packed bodies stay packed: nobody sends us any, and a megabyte of one would be unpacked to a gigabyte before
    its size is looked at.
    """
    return web.AppRunner(app, access_log=None, shutdown_timeout=1, auto_decompress=False)
