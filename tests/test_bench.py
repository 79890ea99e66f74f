"""The benchmark against what it promises: every row, honest verdicts, nothing left behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import bench
from tools.bench_replay import Asked, in_lanes, overlapping
from tools.bench_row import Row, counted, middle_half, paired, percentile

ROOT = Path(__file__).resolve().parent.parent

#: What design and issues promise a row for.
PROMISED = (
    "hook, whole process",
    "the same : python of an environment",
    "10 hooks one after another",
    "hook that also starts the worker",
    "16 hooks, 8 at once",
    "marks of them that are missing",
    "one PUT through PlexClient : by bare http.client",
    "one question through StashClient : by http.client",
    "save -> visible in Plex, p95",
    "Plex requests for each of them",
    "scene found by its file, library of 500 : 50",
    "scene remembered, library of 500 : 50",
    "50 changed, Plex at 0 ms",
    "50 changed, Plex at 5 ms",
    "Plex requests for each ",
    "20 changed, with pictures: Plex requests for each",
    "500 unchanged scenes: Plex requests",
    "first look, each of 500 : of 50",
    "next look, each of 500 : of 50",
    "worker's peak memory",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the benchmark's temporary files go."""
    return tmp_path_factory.mktemp("bench")


# Whoever asks first waits for the whole run.
pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def table(folder: Path) -> str:
    """What the quick benchmark prints."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.bench", "--quick"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_promised_row_is_there(table: str) -> None:
    """Each number we promise has a row."""
    lines = [line.strip() for line in table.splitlines()]
    assert [row for row in PROMISED if not any(line.startswith(row) for line in lines)] == []


def test_counts_that_do_not_depend_on_the_machine_reach_their_goals(table: str) -> None:
    """Requests, writes and lost marks are the same on every machine, so they must be ok."""
    exact = re.compile(r" *(marks|Plex requests|writes|\d+ unchanged scenes: Plex)")
    lines = [line for line in table.splitlines() if exact.match(line)]
    assert len(lines) >= 7
    assert [line for line in lines if not line.endswith(" ok")] == []


def test_the_last_line_counts_the_verdicts(table: str) -> None:
    """The sum at the end is that of the rows."""
    *rows, last = table.splitlines()
    verdicts = [row.rsplit(None, 1)[-1] for row in rows if row.endswith((" ok", " over"))]
    reached = verdicts.count("ok")
    assert last.startswith(f"{reached} of {len(verdicts)} goals reached, ")


def test_nothing_is_left_behind(table: str, folder: Path) -> None:
    """Neither files nor workers stay."""
    assert table
    assert list(folder.iterdir()) == []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = command.read_bytes()
        except OSError:
            continue
        assert os.fsencode(folder) not in words


def test_a_ratio_is_that_of_the_medians() -> None:
    """One odd pair changes neither the ratio nor the verdict, and the spread shows the middle."""
    row = paired("x", [1.1, 1.1, 50.0, 1.1, 1.1], [1.0, 1.0, 1.0, 1.0, 1.0], 1.2)
    assert row.ratio == pytest.approx(1.1)
    assert row.spread == pytest.approx((1.1, 1.1))
    assert row.verdict == "ok"
    assert " 1.10   1.10 - 1.10  <= 1.2     ok" in row.text()


def test_over_is_over() -> None:
    """A ratio or a number above its goal is "over", a row without a goal says nothing."""
    assert paired("x", [1.21], [1.0], 1.2).verdict == "over"
    assert paired("x", [9.0], [1.0]).verdict == ""
    assert counted("x", 2, 2).verdict == "ok"
    assert counted("x", 2.01, 2).verdict == "over"
    assert counted("x", 1, 0).verdict == "over"


def test_a_single_pair_has_no_spread() -> None:
    """One pair says nothing about the next, and the table does not pretend it does."""
    assert middle_half([1.0]) is None
    assert middle_half([1.0, 2.0, 3.0]) == (1.5, 2.5)


def test_percentile_is_a_value_that_occurred() -> None:
    """The 95th percentile of twenty is the nineteenth; of one, that one."""
    assert percentile(list(range(20, 0, -1)), 0.95) == 19
    assert percentile([7.0], 0.95) == 7.0


def test_strict_and_broken_decide_the_exit_status(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Slow is status 0 unless asked for; what could not be measured is always status 1."""
    slow = {"a": lambda _: iter([Row("slow", "2", holds=False)])}
    assert bench.report(slow, strict=False) == 0
    assert bench.report(slow, strict=True) == 1

    def broken(_: Path) -> list[Row]:
        raise RuntimeError("nobody answered")

    assert bench.report({"b": lambda folder: iter(broken(folder)), **slow}, strict=False) == 1
    said = capsys.readouterr().out
    assert "b: could not be measured to its end: nobody answered" in said
    assert "slow" in said


def test_an_unknown_group_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt --only is an error, not an empty table."""
    with pytest.raises(SystemExit):
        bench.main(["--quick", "--only", "hook,hok"])
    assert "no group hok" in capsys.readouterr().err


def test_what_came_one_after_the_other_is_replayed_so_beside_what_took_long() -> None:
    """A question that two edits were shorter than makes the two no crowd."""
    times = {
        "question": (0.0, 10.0),
        "first": (1.0, 3.0),
        "second": (3.5, 6.0),
        "later": (11.0, 12.0),
    }
    asked = [Asked(at, end, "", "GET", what, {}) for what, (at, end) in times.items()]
    steps = [
        [[one.target for one in lane] for lane in in_lanes(step)] for step in overlapping(asked)
    ]
    assert steps == [[["question"], ["first", "second"]], [["later"]]]
