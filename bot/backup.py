"""One file that holds the data and the attachments, sealed under the server's key.

Never in it: the database of key grants and the keyring. So a backup alone opens nothing, and what was shredded
since stays unreadable: restoring also removes the rows of every shredded subject. It is written with mode 0600,
appears under its name only when whole, and never replaces a file.

SQLite is copied by its online backup, beside a running bot; PostgreSQL by `pg_dump`. The attachments are copied
after the database, so none that a row names is missing, but for what was erased in between.

Nothing here is done in threads: a command does nothing else meanwhile, and a signal that ends it must leave nobody
behind who still writes. The key grants are copied in memory: a second file of them on this disk, left by a process
that was killed, would open what is erased later.
"""

import asyncio
import io
import os
import shutil
import sqlite3
import tarfile
from contextlib import closing, suppress
from pathlib import Path, PurePosixPath
from typing import Final

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from bot.alone import STAGING, passing, sweep_left, turn
from bot.database import make_engine
from bot.problems import Problem
from bot.resources import PRIVATE, make_directories, refuse_half_restored, restore_mark, unreachable
from bot.sealed_stream import SealedReader, SealedWriter
from bot.settings import Settings
from migrations.schema import version
from vault.files import shred_file, sweep_partial, write_private, written_aside
from vault.keyring import Keyring

SQLITE: Final = "plecho.db"
POSTGRES: Final = "plecho.pgdump"
FILES: Final = "files"
COPYING: Final = ".copy"
"""Two copies of the key grants are made one after the other: the older one must not come last."""

LIBPQ: Final = {
    "PGHOST": "host",
    "PGPORT": "port",
    "PGUSER": "user",
    "PGPASSWORD": "password",
    "PGDATABASE": "database",
    "PGSSLMODE": "ssl",
}
"""What PostgreSQL's tools call what the driver is told."""


async def make_backup(settings: Settings, keyring: Keyring, target: Path) -> int:
    """Write a backup to `target` and return its size in bytes. Raises `Problem`."""
    refuse_half_restored(settings)
    sweep_left(settings)
    with passing(settings.data_dir, STAGING) as staging:
        dump = await _dump(make_url(settings.data_url), staging)
        return _write_archive(keyring, dump, settings.files, target)


async def unpack_backup(settings: Settings, keyring: Keyring, source: Path, *, force: bool) -> None:
    """Put a backup's data and attachments in place of what is there. Raises `Problem`.

    Refuses to replace existing data unless `force`, or what a restore that was cut off has left. The schema may be
    an older one, and rows of shredded subjects may be back: nothing opens the data but a restore until
    `finish_restore`, which is called once the schema is up to date and all is swept.
    """
    make_directories(settings)
    url = make_url(settings.data_url)
    mark = restore_mark(settings)
    if not force and not mark.exists() and await _holds_data(url, settings.files):
        raise Problem("there is data already; stop every process and use --force to replace it")
    with passing(settings.data_dir, STAGING) as staging:
        _read_archive(keyring, source, staging)
        again = mark.exists()
        write_private(mark, b"")
        try:
            await _load(url, staging)
        except Problem:  # nothing has changed
            if not again:
                await shred_file(mark)
            raise
        _replace_files(staging / FILES, settings.files)


async def finish_restore(settings: Settings) -> None:
    """Let the restored data be used: all of it is on the disk, and nothing is back that may not be."""
    await asyncio.to_thread(os.sync)
    await shred_file(restore_mark(settings))


def copy_grants(settings: Settings, target: Path) -> None:
    """Copy the key grants to `target`, over the copy that is there: an older one would undo erasures.

    Raises `Problem`. For SQLite, beside a running bot; PostgreSQL has tools of its own for that.
    """
    url = make_url(settings.grants_url)
    if url.get_backend_name() != "sqlite":
        raise Problem("PLECHO_KEYS_URL names PostgreSQL: copy it with pg_dump, over the last copy")
    sweep_left(settings)
    with turn(settings.data_dir, COPYING), closing(sqlite3.connect(":memory:")) as copy:
        _copy_sqlite(Path(str(url.database)), copy)
        try:
            write_private(target, copy.serialize())
        except OSError as error:
            raise Problem(f"{target}: cannot be written ({error.strerror})") from None


def _write_archive(keyring: Keyring, dump: Path, files: Path, target: Path) -> int:
    try:
        sweep_partial(target.parent)
        with (
            written_aside(target, exclusive=True) as out,
            SealedWriter(out, keyring.servers) as sealed,
            tarfile.open(fileobj=sealed, mode="w|") as archive,
        ):
            archive.add(dump, dump.name)
            for path in sorted(files.rglob("*")):
                if path.is_file():
                    _add_file(archive, path, f"{FILES}/{path.relative_to(files).as_posix()}")
        return target.stat().st_size
    except FileExistsError:
        raise Problem(f"{target} exists; a backup never replaces a file") from None
    except OSError as error:
        raise Problem(f"{target}: cannot be written ({error.strerror})") from None


def _add_file(archive: tarfile.TarFile, path: Path, name: str) -> None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return  # erased since the listing
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def _read_archive(keyring: Keyring, source: Path, staging: Path) -> None:
    (staging / FILES).mkdir(mode=PRIVATE)
    try:
        with source.open("rb") as stream, SealedReader(stream, keyring.servers) as sealed:
            with tarfile.open(fileobj=sealed, mode="r|") as archive:
                for member in archive:
                    _unpack(archive, member, staging)
            while sealed.read(1 << 20):  # what tar leaves unread must be whole too
                pass
    except tarfile.TarError:
        raise Problem(f"{source}: the backup is damaged") from None
    except OSError as error:
        raise Problem(f"{source}: cannot be read ({error.strerror})") from None


def _unpack(archive: tarfile.TarFile, member: tarfile.TarInfo, staging: Path) -> None:
    # Written here rather than by `extractall`: Python 3.11.2 has no filter that keeps names inside the folder.
    name = PurePosixPath(member.name)
    content = archive.extractfile(member) if member.isreg() else None
    inside = not name.is_absolute() and ".." not in name.parts
    known = name.parts[:1] == (FILES,) or str(name) in {SQLITE, POSTGRES}
    if content is None or not inside or not known:
        raise Problem("the backup holds something that no backup holds")
    target = staging / name
    target.parent.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    with content, target.open("wb") as out:
        shutil.copyfileobj(content, out)


async def _dump(url: URL, staging: Path) -> Path:
    if url.get_backend_name() == "sqlite":
        target = staging / SQLITE
        with closing(sqlite3.connect(target)) as copy:
            _copy_sqlite(Path(str(url.database)), copy)
        return target
    target = staging / POSTGRES
    await _run_postgres("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")
    return target


def _copy_sqlite(source: Path, copy: sqlite3.Connection) -> None:
    if not source.exists():
        raise Problem("there is no data yet: nothing to back up")
    with closing(sqlite3.connect(source)) as live:
        live.backup(copy)


async def _load(url: URL, staging: Path) -> None:
    sqlite = url.get_backend_name() == "sqlite"
    dump = staging / (SQLITE if sqlite else POSTGRES)
    if not await asyncio.to_thread(dump.exists):
        raise Problem(f"the backup is of {'PostgreSQL' if sqlite else 'SQLite'}, PLECHO_DATABASE_URL is not")
    if not sqlite:
        options = ("--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction")
        await _run_postgres("pg_restore", url, *options, f"--dbname={url.database}", str(dump))
    else:
        await asyncio.to_thread(_put_sqlite, dump, Path(str(url.database)))


def _put_sqlite(dump: Path, target: Path) -> None:
    for old in (f"{target}-wal", f"{target}-shm"):  # they belong to the replaced file and would spoil the new one
        Path(old).unlink(missing_ok=True)
    dump.chmod(0o600)
    dump.replace(target)


async def _run_postgres(tool: str, url: URL, *arguments: str) -> None:
    path = shutil.which(tool)
    if path is None:
        raise Problem(f"{tool} is missing: install the PostgreSQL client of the server's version")
    process = await asyncio.create_subprocess_exec(
        path, *arguments, env={**os.environ, **_libpq(url)}, stderr=asyncio.subprocess.PIPE
    )
    try:
        _, said = await process.communicate()
    except BaseException:  # nobody waits any more for what it would write
        with suppress(ProcessLookupError):
            process.kill()
        raise
    if process.returncode:
        lines = said.decode(errors="replace").strip().splitlines() or ["it says nothing"]
        raise Problem(f"{tool} failed: {lines[-1]}")


def _libpq(url: URL) -> dict[str, str]:
    """The environment in which PostgreSQL's tools connect as the bot does: to the same server, as safely."""
    _, told = url.get_dialect()().create_connect_args(url)
    known = {name: told.get(word) for name, word in LIBPQ.items()}
    return {name: _listed(value) for name, value in known.items() if value}


def _listed(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


async def _holds_data(url: URL, files: Path) -> bool:
    if await asyncio.to_thread(lambda: any(files.iterdir())):
        return True
    engine = make_engine(url.render_as_string(hide_password=False))
    try:
        return await version(engine) is not None
    except (SQLAlchemyError, OSError) as error:
        raise unreachable("PLECHO_DATABASE_URL", error) from None
    finally:
        await engine.dispose()


def _replace_files(new: Path, files: Path) -> None:
    shutil.rmtree(files)
    shutil.move(new, files)
