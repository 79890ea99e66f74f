"""The demo against what it promises: it asserts, it cleans up, and docs/demo.md shows it."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from simulator.demo import Demo
from simulator.demo_report import Report, plex_request, shorten
from simulator.environment import TooLongError, env, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
COMMAND = [sys.executable, "-m", "simulator.demo"]

#: The first test waits for a whole run, on a machine that may be busy.
pytestmark = pytest.mark.timeout(120)


def environment(folder: Path) -> dict[str, str]:
    """Ours, with temporary files below ``folder``."""
    return {**os.environ, "TMPDIR": str(folder)}


def processes_of(folder: Path) -> list[str]:
    """Command lines of the processes that have ``folder`` in them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in command:
            found.append(os.fsdecode(command.replace(b"\0", b" ")))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo's temporary files go."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def told(folder: Path) -> subprocess.CompletedProcess[str]:
    """One run of the demo."""
    return subprocess.run(
        COMMAND,
        cwd=ROOT,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )


def requests(text: str) -> list[str]:
    """The requests about items, by method and path, in their order."""
    line = re.compile(
        r"^ +\d{3} ((?:GET|PUT|POST) /library/(?:metadata|sections/1)[^?\s]*)", re.MULTILINE
    )
    return line.findall(text)


def claims(text: str) -> list[str]:
    """Headings and claims, with every number left out."""
    lines = [line for line in text.splitlines() if re.match(r"  ok  |  NO  |\d\. ", line)]
    return [re.sub(r"\d+(\.\d+)?( ms\b| s\b)?", "#", line) for line in lines]


def test_everything_it_tells_really_happened(told: subprocess.CompletedProcess[str]) -> None:
    """It ends with status 0, every claim is ok and it says how many there were."""
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stderr == ""
    oks = [line for line in told.stdout.splitlines() if line.startswith("  ok  ")]
    assert f"All {len(oks)} really happened" in told.stdout
    assert len(oks) >= 13


def test_it_shows_the_way_of_a_scene(told: subprocess.CompletedProcess[str]) -> None:
    """Before and after, the hook's time, Plex's time, and each request are there to be read."""
    text = told.stdout
    assert re.search(r"^    title +Scene 000003 +Letters from the Harbour$", text, re.MULTILINE)
    assert re.search(r"Stash ran the hook in \d+ ms of the save's \d+ ms; the first", text)
    assert re.search(r"Plex had it \d+ ms after Save was pressed", text)
    assert "the hook said: scene 3 is noted, worker started" in text
    assert "200 PUT /library/sections/1/all?type=1&id=20003 sets title, " in text
    corrected = text.partition("\n2. ")[2].partition("\n3. ")[0]
    assert "Plex got 3 requests:" in corrected
    unchanged = text.partition("\n3. ")[2].partition("\n4. ")[0]
    assert "Plex got 2 requests:" in unchanged
    assert "PUT" not in unchanged
    assert "set in Plex by hand and is kept" in " ".join(text.split())


def test_it_can_be_shown_to_anybody(told: subprocess.CompletedProcess[str], folder: Path) -> None:
    """No line is wider than 100 columns, coloured, or names a folder of this machine or a token."""
    assert [line for line in told.stdout.splitlines() if len(line) > 100] == []
    assert "\x1b" not in told.stdout
    for secret in (str(folder), str(ROOT), str(Path.home()), "sim-plex-owner-token"):
        assert secret not in told.stdout


def test_the_docs_show_this_demo(told: subprocess.CompletedProcess[str]) -> None:
    """docs/demo.md has the same chapters and claims; paste a new capture when this fails."""
    text = (ROOT / "docs" / "demo.md").read_text(encoding="utf-8")
    shown = text.partition("<!-- demo:")[2].partition("<!-- end of demo -->")[0]
    assert claims(shown) == claims(told.stdout)
    assert requests(shown) == requests(told.stdout)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
def test_it_leaves_nothing_behind(told: subprocess.CompletedProcess[str], folder: Path) -> None:
    """No process and no file is left."""
    assert told.returncode == 0
    assert processes_of(folder) == []
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
def test_it_leaves_nothing_behind_when_it_is_stopped(tmp_path: Path) -> None:
    """Ended in the middle, it takes the worker and both servers with it."""
    demo = subprocess.Popen(
        COMMAND, cwd=ROOT, env=environment(tmp_path), stdout=subprocess.PIPE, text=True
    )
    assert demo.stdout is not None
    try:
        while "worker started" not in demo.stdout.readline():
            assert demo.poll() is None
        wait_for(lambda: any(" worker " in one for one in processes_of(tmp_path)), 10.0)
        demo.send_signal(signal.SIGTERM)
        demo.stdout.read()
        assert demo.wait(20) == 143
    finally:
        demo.kill()
        demo.stdout.close()
        demo.wait()
    wait_for(lambda: not processes_of(tmp_path), 10.0)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def ruined(tmp_path: Path) -> Iterator[tuple[Demo, io.StringIO]]:
    """A demo whose Plex takes no edits, and what it prints."""
    out = io.StringIO()
    with env(tmp_path) as built:
        built.plex.fault("status", method="PUT", times=None, status=500)
        built.save(1, title="Nobody will see this")
        wait_for(built.worker_log, 30.0)
        yield Demo(built, Report(out), patience=1.0), out


def test_it_says_what_did_not_happen(ruined: tuple[Demo, io.StringIO]) -> None:
    """Against a Plex that takes no edits the first claims are NO and the rest is left out."""
    demo, out = ruined
    demo.tell()
    status = demo.report.close(1.0)
    text = out.getvalue()
    assert status == 1
    assert "  NO  The item that plays this file says about it what the scene says." in text
    assert "did NOT happen" in text
    assert "2. Somebody" not in text
    assert "worker: " in text


def test_a_wait_has_an_end() -> None:
    """What never happens is an error that says how long was waited."""
    with pytest.raises(TooLongError, match="within 0 s"):
        wait_for(lambda: False, 0.02)


def test_a_request_is_shown_by_what_it_sets() -> None:
    """An edit is shown with its address and the names of what it sets, a tag list once."""
    target = (
        "/library/sections/1/all?type=1&id=7&title.value=a%20b&title.locked=1"
        "&genre%5B0%5D.tag.tag=x&genre%5B1%5D.tag.tag=y&genre.locked=1"
    )
    assert plex_request({"method": "PUT", "target": target, "status": 200}) == (
        "200 PUT /library/sections/1/all?type=1&id=7 sets title, genre"
    )
    lost = plex_request({"method": "GET", "target": "/identity", "status": 0})
    assert lost == "under way GET /identity"


def test_cut_text_says_so() -> None:
    """A text that does not fit ends in dots and fits."""
    assert shorten("a\nb", 10) == "a b"
    assert shorten("x" * 11, 10) == "xxxxxxx..."
