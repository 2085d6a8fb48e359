"""The processes of a measurement: the stand-in, the fund, the echo bot. Each ends with its block."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 15.0
"""Seconds that a process may take to end by itself."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """A stand-in for Telegram in a process of its own."""

    url: str
    token: str


@asynccontextmanager
async def stand_in() -> AsyncIterator[StandIn]:
    """Start a stand-in without rates on any free port of loopback."""
    command = [sys.executable, "-m", "sandbox.telegram", "--unthrottled"]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        if process.stdout is None:
            raise RuntimeError("the stand-in was started without a pipe")
        url, token = (await process.stdout.readline()).decode().split()
        yield StandIn(url, token)
    finally:
        await end(process)


@asynccontextmanager
async def bot(
    *module: str, settings: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start `python -m MODULE ...`, with these settings in its environment and no others of the fund."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("PLECHO_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *module, cwd=ROOT, env=known | dict(settings or {})
    )
    try:
        yield process
    finally:
        await end(process)


async def end(process: asyncio.subprocess.Process) -> None:
    """Ask a process to end, and kill it when it does not."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(PATIENCE):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def memory(pid: int) -> int:
    """Resident memory of a process in bytes (Linux: proc_pid_status, VmRSS)."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    if found is None:
        raise RuntimeError("the process has ended")
    return int(found[1]) * 1024
