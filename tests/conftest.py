"""What tests share: a Plex and an environment for each file, and no quiet skips in CI."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from simulator.control import PlexControl, start_plex
from store.store import Store
from tests.fault_environment import StandIns, stand_ins_behind_proxies
from tests.matching_environment import Environment, start_environment

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
#: Seconds: a test that hangs is a failing test; the longest honest one is far below this.
TIMEOUT = 60


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give each test its time, where there is a plugin that takes it.

    Not an option of pyproject.toml, for pytest alone would refuse that: the contract tests
    have to run with nothing but requirements.txt and pytest.
    """
    if config.pluginmanager.hasplugin("timeout") and config.getoption("timeout") is None:
        config.option.timeout = TIMEOUT


#: Files that take longest. They begin first, or one of them is all that is left in the end.
LONG = (
    "test_crash_matrix",
    "test_from_plex_crashes",
    "test_plays_crashes",
    "test_many_entities",
    "test_many_at_once",
    "test_bench",
    "test_disk_and_clock",
    "test_plan",
    "test_undo",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first."""
    items.sort(key=lambda item: item.path.stem not in LONG)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """An empty store's connection."""
    store = Store(str(tmp_path / "data"))
    try:
        yield store.connection
    finally:
        store.close()


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """Folder that holds PlexSync.yml, as Stash would have it in its plugins folder."""
    return ROOT


@pytest.fixture(scope="module")
def one_plex(request: pytest.FixtureRequest) -> Iterator[PlexControl]:
    """One Plex for a file of tests, with as many scenes as its ``SCENES`` says, or 4."""
    with start_plex(getattr(request.module, "SCENES", 4)) as made:
        yield made


@pytest.fixture
def plex(one_plex: PlexControl) -> PlexControl:
    """The file's Plex as it was when it started."""
    one_plex.reset()
    return one_plex


@pytest.fixture(scope="module")
def stand_ins(request: pytest.FixtureRequest) -> Iterator[StandIns]:
    """Plex and Stash for a file, with its ``SCENES``, each behind a proxy: they cost a second."""
    with stand_ins_behind_proxies(request.module.SCENES) as made:
        yield made


@pytest.fixture(scope="module")
def one_env(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Environment]:
    """One Plex and one store for a file, with as many scenes as its ``ENV_SCENES`` says, or 6."""
    with start_environment(
        tmp_path_factory.mktemp("env"), getattr(request.module, "ENV_SCENES", 6)
    ) as made:
        yield made


@pytest.fixture
def env(one_env: Environment) -> Environment:
    """The environment as new; files about whole installations have one of their own."""
    one_env.again()
    return one_env


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name each skipped test where CI reads the outcome."""
    if os.environ.get("PLEXSYNC_NO_SKIPS"):
        for report in terminalreporter.stats.get("skipped", []):
            terminalreporter.write_line(f"skipped where nothing may be: {report.nodeid}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that skipped anything when .ci/run asked for everything."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("PLEXSYNC_NO_SKIPS") or reporter is None:
        return
    if reporter.stats.get("skipped") and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
