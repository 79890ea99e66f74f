"""Every fault of Plex and of Stash over real sockets: its name, what follows, what it costs.

The table is printed by ``pytest -s`` and kept in .cache/fault-matrix.txt.
"""

from __future__ import annotations

import contextlib
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fault_environment import FaultEnvironment, StandIns, fault_environment
from tests.fault_rows import PLEX_ROWS, STASH_ROWS, Row
from tests.wire import self_signed

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = Path(__file__).resolve().parent.parent / ".cache" / "fault-matrix.txt"
# One file a row, for the rows are shared out to several processes.
ROWS = TABLE.with_suffix("")
SCENES = 6
LINE = "{:<6} {:<30} {:<18} {:<9} {:>8} {:>9}  {}"


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    """Keep and print what was seen."""
    yield
    head = LINE.format("server", "fault", "error", "then", "busiest/m", "last m", "afterwards")
    seen = [path.read_text() for path in sorted(ROWS.glob("*.txt"))]
    text = "\n".join([head, "-" * len(head), *seen, ""])
    TABLE.write_text(text)
    sys.stdout.write("\n" + text)


@contextlib.contextmanager
def environment_for(
    row: Row,
    tmp_path: Path,
    stand_ins: StandIns,
    **options: Any,
) -> Iterator[FaultEnvironment]:
    """An environment in which a row's fault can happen."""
    plex, stash, proxies = stand_ins
    timeout = row.slow or 5.0
    options = {"plex_connect_timeout": timeout, "plex_read_timeout": timeout, **options}
    with fault_environment(tmp_path, plex, stash, proxies, stash_timeout=timeout, **options) as env:
        yield env


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A certificate that nobody trusts; made once, for it is made by hand."""
    return self_signed(tmp_path_factory.mktemp("tls"))


def name_of(row: Row) -> str:
    """A row's name for pytest."""
    return row.name


def check(row: Row, env: FaultEnvironment, server: str) -> None:
    """Live through one row from before the fault to long after it."""
    for scene in range(1, SCENES + 1):
        env.edit(scene, f"before {row.name} {scene}")
    env.live(5)
    assert not env.rows()
    assert env.in_step()
    row.act(env)
    env.forget()
    env.unseen = server if row.unseen else ""
    for scene in range(1, SCENES + 1):
        env.edit(scene, f"after {row.name} {scene}")
    env.live(60 if row.slow else 180)
    busiest, lately = env.meters[server].busiest(), env.meters[server].lately(60)
    seen = happened(env)
    env.unseen = ""
    row.clear(env)
    for entry in env.rows():
        if entry.due_at is None:
            env.edit(entry.id, f"again {row.name} {entry.id}")
    env.live(25 * 3600 if row.then == "wait" else 3700, until_done=True)
    left = len(env.rows())
    outcome = "in step" if env.in_step() and not left else f"{left} left"
    error, then = seen
    ROWS.mkdir(parents=True, exist_ok=True)
    number = (PLEX_ROWS if server == "plex" else STASH_ROWS).index(row)
    line = LINE.format(server, row.name, error or "-", then, busiest, lately, outcome)
    (ROWS / f"{server}-{number:02}.txt").write_text(line)
    assert (error, then) == (row.error, row.then)
    assert busiest <= row.most
    if not row.slow:
        assert lately <= row.idle
    assert outcome == "in step"
    assert not env.foreign.asked
    assert "Traceback" not in env.log()


def happened(env: FaultEnvironment) -> tuple[str, str]:
    """Say what the fault did: its error and what follows."""
    for hold in env.holds():
        return hold.reason, hold.lane
    rows = env.rows()
    if not rows:
        tried = [line for line in env.log().splitlines() if "next look" in line]
        return ("", "nothing") if not tried else (reason_in(tried[-1]), "later")
    reason = rows[0].reason
    if all(row.due_at is None for row in rows):
        return reason, "park"
    return reason, "wait" if reason in {"ItemGone", "NotInPlexYet"} else "later"


def reason_in(line: str) -> str:
    """Give the error that a line of the log names."""
    return line.rpartition("(")[2].partition(",")[0]


# Each row with plex_libraries or without; with both in the long mode.
PLEX_CASES = [
    pytest.param(
        row,
        named,
        id=f"{row.name}, {'named' if named else 'all'} libraries",
        marks=() if named == bool(number % 2) else pytest.mark.soak,
    )
    for number, row in enumerate(PLEX_ROWS)
    for named in (False, True)
]


@pytest.mark.parametrize(("row", "libraries"), PLEX_CASES)
def test_plex_fault(
    row: Row, libraries: bool, tmp_path: Path, stand_ins: Any, tls: ssl.SSLContext
) -> None:
    """A fault of Plex has its name, its next step and its bound, and leaves nothing behind."""
    named = stand_ins[0].state()["sections"][0]["title"] if libraries else None
    with environment_for(row, tmp_path, stand_ins, plex_libraries=named, tls=tls) as env:
        check(row, env, "plex")


@pytest.mark.parametrize("row", STASH_ROWS, ids=name_of)
def test_stash_fault(row: Row, tmp_path: Path, stand_ins: Any, tls: ssl.SSLContext) -> None:
    """A fault of Stash has its name, its next step and its bound, and leaves nothing behind."""
    with environment_for(row, tmp_path, stand_ins, tls=tls) as env:
        check(row, env, "stash")
