"""Lists in pages, and `expand[]` (docs.stripe.com/api/pagination, docs.stripe.com/api/expanding_objects)."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from sandbox.stripe.core import Stripe
from sandbox.stripe.shapes import expandable
from sandbox.stripe.wire import JsonDict, copied, malformed, missing

MOST: Final = 100
USUAL: Final = 10
DEEPEST: Final = 4
Filter = Callable[[JsonDict], bool]
Reader = Callable[[str], None]
"""Called with each resource that an answer would show; raises when the key may not read it."""


def page(stripe: Stripe, kind: str, params: JsonDict, url: str, wanted: Filter = lambda _body: True) -> JsonDict:
    """Return a page of the objects of a kind that are `wanted` and in the interval `created`, newest first."""
    table = stripe.table(kind)
    limit = limit_of(params)
    cursors = [name for name in ("starting_after", "ending_before") if name in params]
    if len(cursors) > 1:
        raise malformed("You can only pass one of starting_after and ending_before.", param="ending_before")
    for name in cursors:
        if table.get(params[name]) is None:
            raise missing(kind, params[name], param=name, status=400)
    backwards = cursors == ["ending_before"]
    rows = (
        table.newer_than(params["ending_before"]) if backwards else table.older_than(params.get("starting_after"))
    )
    found = _first((body for body in rows if wanted(body) and _in_interval(params, body)), limit + 1)
    data = found[:limit]
    if backwards:
        data.reverse()
    return {"object": "list", "data": data, "has_more": len(found) > limit, "url": url}


def listed(bodies: Iterable[JsonDict], url: str) -> JsonDict:
    """Return a short list inside an object, whole."""
    return {"object": "list", "data": list(bodies), "has_more": False, "url": url}


def equal(params: JsonDict, **fields: str) -> Filter:
    """Return a filter: each parameter that was given equals the object's field of that name."""
    asked = [(params[name], where) for name, where in fields.items() if name in params]
    return lambda body: all(body[where] == value for value, where in asked)


def expanded(stripe: Stripe, body: JsonDict, paths: Iterable[str], may_read: Reader) -> JsonDict:
    """Return a copy of `body` with the objects that `paths` name in the place of their ids."""
    whole: JsonDict = copied(body)
    for path in paths:
        # Stripe counts `data` as a level too.
        steps = path.split(".")
        inside_list = whole.get("object") == "list"
        if inside_list != (steps[0] == "data"):
            raise _not_expandable(path)
        if len(steps) > DEEPEST:
            raise malformed(f"You cannot expand more than {DEEPEST} levels of a property.", param="expand")
        if inside_list:
            _expand_each(stripe, whole["data"], steps[1:], may_read, path)
        else:
            _expand(stripe, whole, steps, may_read, path)
    return whole


def _expand(stripe: Stripe, body: JsonDict, steps: list[str], may_read: Reader, path: str) -> None:
    name, rest = steps[0], steps[1:]
    value = _opened(stripe, body, name, may_read, path, last=not rest)
    if not rest or value is None or isinstance(value, str):
        return
    if value.get("object") == "list":
        if rest[0] != "data":
            raise _not_expandable(path)
        _expand_each(stripe, value["data"], rest[1:], may_read, path)
    else:
        _expand(stripe, value, rest, may_read, path)


def _expand_each(stripe: Stripe, bodies: list[JsonDict], steps: list[str], may_read: Reader, path: str) -> None:
    for body in bodies if steps else ():
        _expand(stripe, body, steps, may_read, path)


def _opened(stripe: Stripe, body: JsonDict, name: str, may_read: Reader, path: str, *, last: bool) -> Any:  # noqa: ANN401 - JSON
    """Return a field, with the object in the place of its id; what is no reference is only passed through."""
    kind = str(body.get("object", ""))
    include = stripe.included.get((kind, name))
    if include is not None:
        body.setdefault(name, copied(include(body)))
    elif name not in body or (last and not expandable(kind, name)):
        raise _not_expandable(path)
    found = stripe.find(body[name]) if isinstance(body[name], str) and expandable(kind, name) else None
    if found is not None:
        may_read(found["object"])
        body[name] = copied(found)
    return body[name]


def _not_expandable(path: str) -> Exception:
    return malformed(f"This property cannot be expanded ({path}).", param="expand")


def limit_of(params: JsonDict) -> int:
    """Return how many objects a page is to have; raises for none or more than a hundred."""
    limit = int(params.get("limit", USUAL))
    if not 1 <= limit <= MOST:
        raise malformed(f"Invalid limit: must be between 1 and {MOST}", param="limit")
    return limit


def _first(rows: Iterator[JsonDict], most: int) -> list[JsonDict]:
    found = []
    for body in rows:
        found.append(body)
        if len(found) == most:
            break
    return found


def _in_interval(params: JsonDict, body: JsonDict) -> bool:
    asked = params.get("created")
    if asked is None:
        return True
    created = int(body["created"])
    if isinstance(asked, int):
        return created == asked
    compare: dict[str, Callable[[int], bool]] = {
        "gt": created.__gt__, "gte": created.__ge__, "lt": created.__lt__, "lte": created.__le__
    }  # fmt: skip
    return all(compare[name](moment) for name, moment in asked.items())
