"""Whoever turns a refusal into a reply themselves commits what was written before it; so there must be nothing."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from models import errors

ROOT = Path(__file__).parents[3]
MODULES = sorted(
    path
    for folder in ("bot", "handlers", "payments", "services", "web")
    for path in ROOT.glob(f"{folder}/**/*.py")
)
TREE = {name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, errors.Refused)}
NOTHING_BEFORE = {
    "refuse_cut": "that a text was cut is to be remembered, refused or not",
    "intake.typed_value": "reads",
    "submission.give_answer": "refuses before it writes, and runs at every answer typed",
    "rail.quote": "asks",
    "donate_gifts.traced": "reads",
}
"""What may be awaited where its refusal is caught, with no savepoint around it; and why."""


def unguarded(source: str) -> Iterator[str]:
    """What is awaited outside `unit.attempt()` in a `try` that swallows a refusal of the fund's."""
    module = ast.parse(source)
    imported = {
        alias.name
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and node.module == "models.errors"
        for alias in node.names
    }
    for node in ast.walk(module):
        if isinstance(node, ast.Try) and any(_swallows(handler, imported & TREE) for handler in node.handlers):
            for statement in node.body:
                yield from _awaited(statement)


def _swallows(handler: ast.ExceptHandler, refusals: set[str]) -> bool:
    named = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)} if handler.type else set()
    return bool(named & refusals) and not isinstance(handler.body[-1], ast.Raise)


def _awaited(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.AsyncWith) and any("attempt()" in ast.unparse(item) for item in node.items):
        return
    if isinstance(node, ast.Await):
        called = node.value
        yield ast.unparse(called.func if isinstance(called, ast.Call) else called)
    for child in ast.iter_child_nodes(node):
        yield from _awaited(child)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_refused_is_kept(path: Path) -> None:
    """No module catches a refusal of something that may have written already, but in a savepoint."""
    assert set(unguarded(path.read_text(encoding="utf-8"))) <= set(NOTHING_BEFORE)


def test_the_rule_sees_what_it_is_for() -> None:
    """A service that is awaited where its refusal becomes a reply is found, and in a savepoint it is not."""
    bare = "try:\n    await act()\nexcept BadInput:\n    pass\n"
    safe = "try:\n    async with unit.attempt():\n        await act()\nexcept BadInput:\n    pass\n"
    known = "from models.errors import BadInput\nasync def f():\n"
    for source, found in ((bare, ["act"]), (safe, [])):
        assert list(unguarded(known + "".join(f"    {line}\n" for line in source.splitlines()))) == found
