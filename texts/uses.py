"""Which text keys the code uses, read from its syntax trees without running it.

- A key stands where something takes one: the first argument of `render` and of a refusal, an argument of a
  parameter called `key` or `text_key` (of any function or class of the code), a default or class attribute of
  that name. There a key must exist.
- A key in an f-string is a pattern: each `{...}` stands for one part between dots, or a piece of it.
- Anywhere else a string that looks like a key counts as a mention, so that tables of keys may be plain data.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

KEY = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)+")
"""What a key looks like; a string without a dot in a key's place is something else, as a question's name."""

KEY_PARAMETERS = frozenset({"key", "text_key"})

REFUSAL_ROOT = "Refused"
"""Root of the tree of errors whose first argument is a key."""

FILLERS = frozenset({"tell_role"})
"""Functions whose other keywords go into the text as they are; so do those of `render` and of a refusal."""

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

HOLE = "[a-z0-9_-]+"
"""What a `{...}` of an f-string may stand for."""


@dataclass(frozen=True, slots=True)
class Use:
    """One place where a key is taken."""

    file: str
    line: int
    pattern: str
    """A regular expression; a plain key is one that matches itself alone."""
    shown: str
    filled: frozenset[str] | None
    """The parameters given there; none when that cannot be known."""


@dataclass(frozen=True, slots=True)
class Uses:
    """All that the code says about keys."""

    taken: tuple[Use, ...]
    """Where a key must exist."""
    mentioned: frozenset[str]
    """Patterns of every string that may be a key."""
    enums: Mapping[str, frozenset[str]]
    """Values of each enum by its class's name."""


@dataclass(frozen=True, slots=True)
class _Taker:
    """What takes a key: at which position, by which name, and whether its other keywords fill the text."""

    position: int
    keyword: str
    fills: bool


def find_uses(files: Iterable[Path], root: Path) -> Uses:
    """Read the sources; file names in the result are relative to `root`."""
    trees = {str(file.relative_to(root)): ast.parse(file.read_text(encoding="utf-8")) for file in files}
    shared, own = _takers(trees)
    taken = (use for file, tree in trees.items() for use in _taken(tree, file, own[file] | shared))
    mentioned = frozenset(pattern for tree in trees.values() for pattern in _mentioned(tree))
    enums = dict(pair for tree in trees.values() for pair in _enums(tree))
    return Uses(tuple(taken), mentioned, enums)


def pattern_of(node: ast.expr | None) -> tuple[str, str] | None:
    """A pattern and how to show it, when an expression is a key or an f-string that begins as one."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return (re.escape(node.value), node.value) if KEY.fullmatch(node.value) else None
    if not isinstance(node, ast.JoinedStr) or not isinstance(node.values[0], ast.Constant):
        return None
    parts = [str(part.value) if isinstance(part, ast.Constant) else None for part in node.values]
    shown = "".join("{...}" if part is None else part for part in parts)
    if not KEY.fullmatch("".join("x" if part is None else part for part in parts)):
        return None
    return "".join(HOLE if part is None else re.escape(part) for part in parts), shown


def _takers(trees: Mapping[str, ast.Module]) -> tuple[dict[str, _Taker], dict[str, dict[str, _Taker]]]:
    """Takers known everywhere, and those of each file itself.

    A name that means a taker in one file and something else in another counts in its own file only.
    """
    own: dict[str, dict[str, _Taker]] = {}
    meanings: dict[str, set[_Taker | None]] = {}
    classes: list[ast.ClassDef] = []
    for file, tree in trees.items():
        nodes = [node for node in ast.walk(tree) if isinstance(node, DEFINITIONS)]
        classes += [node for node in nodes if isinstance(node, ast.ClassDef)]
        found = {node.name: _taker(node) for node in nodes}
        own[file] = {name: taker for name, taker in found.items() if taker}
        for name, taker in found.items():
            if not name.startswith("_"):
                meanings.setdefault(name, set()).add(taker)
    shared = {name: taker for name, many in meanings.items() if len(many) == 1 and (taker := next(iter(many)))}
    shared |= {name: _Taker(0, "key", fills=True) for name in ("render", *_below(classes, REFUSAL_ROOT))}
    return shared, own


def _taker(node: ast.AST) -> _Taker | None:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        names = names[1:] if names[:1] in (["self"], ["cls"]) else names
        names += [argument.arg for argument in node.args.kwonlyargs]
    elif isinstance(node, ast.ClassDef):
        names = [
            item.target.id
            for item in node.body
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
        ]
    else:
        return None
    found = [name for name in names if name in KEY_PARAMETERS]
    return _Taker(names.index(found[0]), found[0], node.name in FILLERS) if found else None


def _below(classes: list[ast.ClassDef], root: str) -> set[str]:
    """A class and all its subclasses, by name."""
    known = {root}
    while True:
        more = {node.name for node in classes if known & {_name(base) for base in node.bases}} - known
        if not more:
            return known
        known |= more


def _taken(tree: ast.Module, file: str, takers: Mapping[str, _Taker]) -> Iterator[Use]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (taker := takers.get(_name(node.func))):
            yield from _called(node, file, taker)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(_name(target) in KEY_PARAMETERS for target in targets):
                yield from _uses(node.value, file, None)


def _called(node: ast.Call, file: str, taker: _Taker) -> Iterator[Use]:
    by_name = {keyword.arg: keyword.value for keyword in node.keywords}
    filled = frozenset(name for name in by_name if name) if taker.fills and None not in by_name else None
    given = by_name.get(taker.keyword)
    if given is None and taker.position < len(node.args):
        given = node.args[taker.position]
    yield from _uses(given, file, filled)


def _uses(node: ast.expr | None, file: str, filled: frozenset[str] | None) -> Iterator[Use]:
    if isinstance(node, ast.IfExp):
        yield from _uses(node.body, file, filled)
        yield from _uses(node.orelse, file, filled)
    elif node is not None and (found := pattern_of(node)):
        yield Use(file, node.lineno, *found, filled)


def _mentioned(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and (found := pattern_of(node)):
            yield found[0]


def _enums(tree: ast.Module) -> Iterator[tuple[str, frozenset[str]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(_name(base) == "StrEnum" for base in node.bases):
            values = {
                item.value.value
                for item in node.body
                if isinstance(item, ast.Assign) and isinstance(item.value, ast.Constant)
            }
            yield node.name, frozenset(str(value) for value in values)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
