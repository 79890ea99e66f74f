"""A worker in this process between two stand-ins, with a clock that tests turn.

Sockets, servers, store and worker are the real ones; only time is ours, so that
a day of outage takes seconds. Each server stands behind a proxy (tests/tcp_proxy.py).
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any

from simulator.control import PlexControl, StashControl, start_plex, start_stash
from simulator.library import catalogue_file
from stash.client import StashClient
from store import holds, meta, queue, schema
from store.enqueue import enqueue
from tests.tcp_proxy import TcpProxy
from tests.wire import Reply, Wire, answer
from worker.process import Resident

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from pathlib import Path

    from store.queue import QueueRow

#: Plex, Stash, and the proxies before them.
StandIns = tuple[PlexControl, StashControl, tuple[TcpProxy, TcpProxy]]
PATH_MAP = "/stash/media => /plex/media"
MOST_STEPS = 50_000


class Clock:
    """Unix seconds that only move when they are told to."""

    def __init__(self) -> None:
        self.now = 1_900_000_000.0

    def __call__(self) -> float:
        """Give them."""
        return self.now


class Meter:
    """Counts a server's requests against the clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: list[tuple[float, int]] = [(clock.now, 0)]

    def note(self, total: int) -> None:
        """Note how many requests there were so far."""
        self._seen.append((self._clock.now, total))

    def busiest(self, seconds: float = 60.0) -> int:
        """Give the most requests within any such time."""
        most, first = 0, 0
        for at, total in self._seen:
            while self._seen[first][0] <= at - seconds:
                first += 1
            most = max(most, total - self._seen[max(first - 1, 0)][1])
        return most

    def lately(self, seconds: float) -> int:
        """Give the requests of the last so many seconds."""
        since = self._clock.now - seconds
        before = [total for at, total in self._seen if at <= since]
        return self._seen[-1][1] - (before[-1] if before else 0)


class FaultEnvironment:
    """One worker, its store, its two servers.

    Args:
        folder: Where the data directory is made.
        plex: The Plex stand-in, as it was when it started.
        stash: The Stash stand-in.
        proxies: The proxies before Plex and before Stash.
        stash_timeout: Seconds to connect to Stash and to wait for it.
        tls: A certificate that nobody trusts, for those who want one.
        settings: Besides url, token and path_map.
    """

    def __init__(
        self,
        folder: Path,
        plex: PlexControl,
        stash: StashControl,
        proxies: tuple[TcpProxy, TcpProxy],
        stash_timeout: float = 5.0,
        tls: ssl.SSLContext | None = None,
        **settings: Any,
    ) -> None:
        self.plex, self.stash = plex, stash
        self.plex_proxy, self.stash_proxy = proxies
        self.tls = tls
        self._others = contextlib.ExitStack()
        #: A server that is none of ours and is never to be asked anything.
        self.foreign = self._others.enter_context(Wire(lambda _asked, _sock: answer()))
        self.clock = Clock()
        self.data = folder / "plexsync-data"
        self.given: dict[str, Any] = {}
        self.settings(
            plex_url=f"http://127.0.0.1:{self.plex_proxy.port}",
            plex_token=plex.token,
            path_map=PATH_MAP,
            **settings,
        )
        self.scheme, self.host = "http", "127.0.0.1"
        self.cookie = stash.cookie()
        self.wanted: dict[int, str] = {}
        #: "plex" or "stash" while its requests never reach it: then tries are counted.
        self.unseen = ""
        self.forget()
        self.mark([])
        self.worker = Resident(str(self.data), stays=True, clock=self.clock)
        self.worker.stash.make_client = partial(
            StashClient, connect_timeout=stash_timeout, read_timeout=stash_timeout
        )

    def close(self) -> None:
        """Close the worker and what was started besides."""
        self.worker.close()
        self._others.close()

    def impostor(self, reply: Reply) -> int:
        """Start a server that says what it is told to; give its port."""
        return self._others.enter_context(Wire(reply)).port

    def settings(self, **changes: Any) -> None:
        """Change settings, None takes one away; the panel stores the whole map."""
        self.given.update(changes)
        kept = {name: value for name, value in self.given.items() if value is not None}
        self.stash.settings("PlexSync", kept)

    def forget(self) -> None:
        """Count requests from zero."""
        self.plex.clear_requests()
        self.stash.clear_requests()
        self.meters = {"plex": Meter(self.clock), "stash": Meter(self.clock)}

    # What Stash and its hooks do

    def edit(self, scene: int, title: str) -> None:
        """Change a scene in Stash and mark it, as its hook does."""
        self.stash.set_scene(scene, title=title)
        self.wanted[scene] = title
        self.mark([scene])

    def mark(self, scenes: list[int]) -> None:
        """Mark scenes and leave the connection to Stash, as a hook does."""
        self.data.parent.mkdir(exist_ok=True)
        database = schema.open_database(str(self.data))
        try:
            database.execute("BEGIN IMMEDIATE")
            enqueue(database, "scene", scenes, now=self.clock.now)
            meta.put_connection(
                database,
                {
                    "Scheme": self.scheme,
                    "Host": self.host,
                    "Port": self.stash_proxy.port,
                    "SessionCookie": {"Name": "session", "Value": self.cookie},
                    "Dir": str(self.data.parent),
                },
            )
            database.execute("COMMIT")
        finally:
            database.close()

    # What the worker does

    def live(self, seconds: float, *, until_done: bool = False) -> None:
        """Let the worker live so long, or until nothing is left to do."""
        end = self.clock.now + seconds
        while True:
            for _ in range(MOST_STEPS):
                if not self.worker.step():
                    break
            else:
                raise AssertionError("the worker does not come to rest")
            self.note()
            if self.clock.now >= end or (until_done and not self.rows()):
                return
            due = self.worker.breaker.next_look()
            if due is None:
                due = queue.next_due(self.worker.store.connection)
            self.clock.now = min(end, max(due if due is not None else end, self.clock.now + 0.05))

    def note(self) -> None:
        """Note the requests so far in the meters."""
        for name, server in (("plex", self.plex), ("stash", self.stash)):
            tried = sum(hold.attempts for hold in self.holds()) if self.unseen == name else 0
            self.meters[name].note(server.counts()["total"] + tried)

    def rows(self) -> list[QueueRow]:
        """Give the dirty rows, by id."""
        found = self.worker.store.connection.execute(
            f"SELECT {queue.COLUMNS} FROM dirty ORDER BY id"
        )
        return [queue.QueueRow._make(row) for row in found]

    def holds(self) -> list[holds.Hold]:
        """Give the holds."""
        return holds.all_holds(self.worker.store.connection)

    def notice(self) -> str:
        """Give what the next hook would say in Stash's log."""
        return meta.notice(self.worker.store.connection)[0]

    def log(self) -> str:
        """Give the worker's log."""
        path = self.data / "plexsync.log"
        return path.read_text() if path.exists() else ""

    # What Plex has

    def title(self, scene: int) -> str:
        """Give the title of a scene's item."""
        item = self.plex.item_at(catalogue_file(scene).plex_path)
        return str(item["fields"].get("title"))

    def in_step(self) -> bool:
        """Say whether Plex has every title that was wanted, and no tag twice."""
        for scene, title in self.wanted.items():
            item = self.plex.item_at(catalogue_file(scene).plex_path)
            if item["fields"].get("title") != title:
                return False
            for tags in item["tags"].values():
                if len(set(map(str, tags))) != len(tags):
                    return False
        return True


@contextlib.contextmanager
def stand_ins_behind_proxies(scenes: int) -> Iterator[StandIns]:
    """Plex and Stash with so many scenes for one block, and the proxies before them."""
    with (
        start_plex(scenes) as plex,
        start_stash(scenes) as stash,
        TcpProxy(plex.port) as plex_proxy,
        TcpProxy(stash.port) as stash_proxy,
    ):
        yield plex, stash, (plex_proxy, stash_proxy)


@contextlib.contextmanager
def fault_environment(
    folder: Path,
    plex: PlexControl,
    stash: StashControl,
    proxies: tuple[TcpProxy, TcpProxy],
    **options: Any,
) -> Iterator[FaultEnvironment]:
    """An environment for one block; the stand-ins are as new, and the proxies pass."""
    plex.reset()
    stash.clear_faults()
    for proxy in proxies:
        proxy.open()
    env = FaultEnvironment(folder, plex, stash, proxies, **options)
    try:
        yield env
    finally:
        env.close()
        plex.clear_faults()
        stash.clear_faults()
