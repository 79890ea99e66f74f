"""Canary secrets in a full run: hooks, tasks, faults, redirects, proxies; then a search for them.

Planted are a Plex token, an older one, Stash's cookies and its API key, and a
login in .netrc. Searched is everything that was written, said or sent.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from log import Log
from tests.installation import Installation, installation, wait_for
from tests.wire import Wire, answer

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Setting up is a whole day of use; each of the tests may be the one that pays for it.
pytestmark = pytest.mark.timeout(240)
TOKEN = "canary-plex-token-8f3a"
OLD_TOKEN = "canary-old-plex-token-77b1"
API_KEY = "canary-stash-api-key-c0de"
NETRC = "canary-netrc-password-5d5d"
PROXY_LOGIN = "canary-proxy-password-e1e1"


class Watch:
    """Looks at /proc for this installation's processes until told to stop."""

    def __init__(self, folder: Path) -> None:
        self._folder = os.fsencode(folder)
        self._over = threading.Event()
        self.seen: set[bytes] = set()
        self.processes: set[int] = set()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join(10)

    def _look(self) -> None:
        # Of what ran before nothing is ours, and to read it all over and over takes half a core.
        others = set(Path("/proc").iterdir())
        while not self._over.wait(0.01):
            for process in set(Path("/proc").iterdir()) - others:
                with contextlib.suppress(OSError):
                    command = (process / "cmdline").read_bytes()
                    if self._folder in command and b"plexsync.py" in command:
                        self.processes.add(int(process.name))
                        self.seen.add(command)
                        self.seen.add((process / "environ").read_bytes())


class Run:
    """What a full run wrote, said and sent."""

    def __init__(self) -> None:
        self.env: Installation
        self.said: list[str] = []
        self.watch: Watch
        self.files: dict[str, bytes] = {}
        self.modes: dict[str, int] = {}
        self.plex: list[dict[str, Any]] = []
        self.stash: list[dict[str, Any]] = []
        self.stash_log: list[list[str]] = []
        self.foreign: list[Any] = []
        self.cookies: set[str] = set()
        self.stash_port = 0


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Run everything once, with all that could go wrong on the way."""
    folder = tmp_path_factory.mktemp("secrets")
    run = Run()
    home = folder / "home"
    home.mkdir()
    (home / ".netrc").write_text(f"machine 127.0.0.1\nlogin me\npassword {NETRC}\n")
    (home / ".netrc").chmod(0o600)
    with pytest.MonkeyPatch.context() as patch, Wire(lambda *_: answer()) as foreign:
        proxy = f"http://me:{PROXY_LOGIN}@127.0.0.1:{foreign.port}"
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            patch.setenv(name, proxy)
            patch.setenv(name.lower(), proxy)
        for name in ("NO_PROXY", "no_proxy"):
            patch.delenv(name, raising=False)
        patch.setenv("HOME", str(home))
        patch.setenv("PLEXAPI_CONFIG_PATH", str(home / "none.ini"))
        with installation(
            folder,
            scenes=6,
            plex={"token": TOKEN},
            stash={"api_key": API_KEY, "username": "me"},
            plex_read_timeout=1,
        ) as env:
            run.env, run.stash_port = env, env.stash.port
            run.watch = Watch(env.config_dir)
            try:
                live(run, env, foreign)
            finally:
                run.watch.stop()
            collect(run, env, foreign)
        yield run


def live(run: Run, env: Installation, foreign: Wire) -> None:
    """Hooks, tasks, and one trouble after another."""
    env.save(1, title="quiet")
    env.settled()
    say(run, env.hook(2))
    for mode in ("check_connection", "sync_all", "preview", "test_connection", "libraries"):
        say(run, env.run(mode=mode))
    away = f"{foreign.url}/there?X-Plex-Token=none"
    for action, options in (
        ("status", {"status": 401}),
        ("status", {"status": 500, "body": f"token {TOKEN} is bad"}),
        ("redirect", {"location": away}),
        ("redirect", {"location": away, "status": 307}),
        ("html200", {}),
        ("truncate", {}),
        ("raw", {}),
        ("reset_after", {}),
    ):
        env.plex.fault(action, times=None, **options)
        env.save(3, title=f"during {action} {len(run.said)}")
        say(run, env.run(mode="check_connection"))
        wait_for(
            lambda: (
                env.query("SELECT * FROM hold")
                or env.query("SELECT * FROM dirty WHERE attempts > 0")
            )
        )
        env.plex.clear_faults()
        touch(env)
        env.settled()
    # A token that was right once, and one that was pasted into other boxes.
    env.settings(plex_token=OLD_TOKEN)
    say(run, env.run(mode="check_connection"))
    env.save(4, title="with the old token")
    wait_for(lambda: env.query("SELECT * FROM hold WHERE reason = 'AuthError'"))
    say(run, env.hook(5))
    env.settings(
        plex_url=f"http://me:{TOKEN}@127.0.0.1/?X-Plex-Token={TOKEN}", path_map=f"{TOKEN} => x"
    )
    say(run, env.run(mode="check_connection"))
    env.save(4, title="with the token everywhere")
    wait_for(lambda: env.query("SELECT * FROM hold WHERE reason = 'SettingsError'"))
    env.settings()
    touch(env)
    env.settled()
    # A Stash that refuses the cookie, quotes it, and leads elsewhere.
    cookie = env.stash.cookie()
    run.cookies.add(cookie)
    for action, options in (
        ("unauthorized", {}),
        (
            "graphql_error",
            {"message": f"cookie {cookie} key {API_KEY} refused", "query": "findScene"},
        ),
        ("status", {"status": 302, "headers": {"Location": away}}),
    ):
        env.stash.fault(action, times=8, path="^/graphql", **options)
        say(run, env.hook(6))
        say(run, env.run(mode="sync_all"))
        env.stash.clear_faults()
        touch(env)
        env.settled()
    # A worker that dies, and one that finds a settings map of another kind.
    env.kill_workers()
    env.stash.settings("PlexSync", {"plex_token": [TOKEN], "plex_url": {"x": TOKEN}})
    say(run, env.hook(6))
    wait_for(lambda: env.query("SELECT * FROM hold WHERE reason = 'SettingsError'"))
    env.settings()
    touch(env)
    env.settled()


def touch(env: Installation) -> None:
    """Let the worker look at once, as "Sync all" does."""
    time.sleep(0.05)
    env.run(mode="retry_failed")


def say(run: Run, answered: dict[str, Any]) -> None:
    """Keep what a process wrote to stdout and stderr."""
    run.said.append(json.dumps(answered))


def collect(run: Run, env: Installation, foreign: Wire) -> None:
    """Keep everything that the run left behind."""
    run.modes[""] = stat.S_IMODE(env.data.stat().st_mode)
    for path in sorted(env.data.rglob("*")):
        if path.is_file():
            run.files[path.name] = path.read_bytes()
            run.modes[path.name] = stat.S_IMODE(path.stat().st_mode)
    run.plex = env.plex.requests()
    run.stash = env.stash.requests()
    run.stash_log = env.stash.log()
    run.foreign = list(foreign.asked)
    for request in run.stash:
        headers = {name.lower(): value for name, value in request["headers"].items()}
        for cookie in headers.get("cookie", "").split(";"):
            if cookie.strip().startswith("session="):
                run.cookies.add(cookie.strip().removeprefix("session="))
    newest = env.query("SELECT value FROM meta WHERE key = 'connection'")[0]["value"]
    run.cookies.add(json.loads(newest)["SessionCookie"]["Value"])


SECRETS = (TOKEN, OLD_TOKEN, API_KEY, NETRC, PROXY_LOGIN)


def test_the_canaries_were_used(run: Run) -> None:
    """The token opened Plex, cookie and API key opened Stash: there was something to leak."""
    sent = [request["headers"].get("x-plex-token") for request in run.plex]
    assert TOKEN in sent
    assert OLD_TOKEN in sent
    assert len(run.cookies) > 3
    keys = [
        value
        for request in run.stash
        for name, value in request["headers"].items()
        if name.lower() == "apikey"
    ]
    assert API_KEY in keys
    assert len(run.said) > 15
    assert any("plexsync.log" in name for name in run.files)
    assert run.watch.processes


def test_nothing_written_holds_a_secret(run: Run) -> None:
    """No file of the data directory holds one, but the store the newest way to Stash."""
    for name, content in run.files.items():
        for secret in SECRETS:
            assert secret.encode() not in content, f"{secret} in {name}"
        if not name.startswith("plexsync.sqlite"):
            for cookie in run.cookies:
                assert cookie.encode() not in content, f"a cookie in {name}"


def test_nothing_said_holds_a_secret(run: Run) -> None:
    """Neither stdout, nor stderr, nor Stash's log, nor a progress line holds one."""
    for text in [*run.said, *(line for _, line in run.stash_log)]:
        for secret in (*SECRETS, *run.cookies):
            assert secret not in text


def test_no_process_shows_a_secret(run: Run) -> None:
    """No argument list and no environment of a process of ours holds one.

    What was in Stash's own environment, such as a proxy with a login, is handed on.
    """
    for text in run.watch.seen:
        for secret in (TOKEN, OLD_TOKEN, API_KEY, NETRC, *run.cookies):
            assert secret.encode() not in text


def test_secrets_go_to_their_own_host_only(run: Run) -> None:
    """The token goes to Plex in a header, cookie and key to Stash, nothing anywhere else."""
    assert run.foreign == []
    for request in run.plex:
        assert TOKEN not in request["target"]
        headers = {name.lower(): str(value) for name, value in request["headers"].items()}
        assert headers.pop("x-plex-token", TOKEN) in {TOKEN, OLD_TOKEN}
        shown = json.dumps(headers)
        assert "authorization" not in headers
        for secret in (*SECRETS, *run.cookies):
            assert secret not in shown
            assert secret not in request["target"]
    for request in run.stash:
        headers = {name.lower(): str(value) for name, value in request["headers"].items()}
        assert headers.get("authorization") is None
        asked = json.dumps([headers, request["query"], request["variables"]])
        for secret in (TOKEN, OLD_TOKEN, NETRC, PROXY_LOGIN):
            assert secret not in asked


def test_the_data_directory_is_private(run: Run) -> None:
    """The directory has mode 0700, and every file in it 0600."""
    assert run.modes.pop("") == 0o700
    assert set(run.modes.values()) == {0o600}


def test_an_exception_does_not_show_a_secret(run: Run) -> None:
    """No message of a hold or of a postponed scene, and no crash file, shows one."""
    crash = run.files.get("worker-crash.log", b"").decode()
    assert "Traceback" not in crash
    messages = json.dumps(
        run.env.query("SELECT message FROM hold") + run.env.query("SELECT message FROM dirty")
    )
    for secret in (*SECRETS, *run.cookies):
        assert secret not in messages + crash


PRIVATE = "Ünser \"private' \\ evening\twith\nline"


@pytest.mark.parametrize("fault", ["", "status", "missing"])
def test_redacted_logs_show_neither_titles_nor_paths(fault: str, tmp_path: Path) -> None:
    """With redact_logs no title and no path gets into the log, a notice or a message."""
    with installation(tmp_path, scenes=3, redact_logs=True, exclude_tags="left out") as env:
        if fault == "status":
            env.plex.fault("status", status=400, method="PUT", times=None)
        if fault == "missing":
            env.plex.delete_item(env.item(1)["ratingKey"])
        env.save(1, title=PRIVATE)
        if fault == "":
            # Kept in Plex by hand: the note about it would quote the title.
            env.settled()
            key = env.item(1)["ratingKey"]
            env.plex.person_sets(key, fields={"title": "By hand, private"})
            env.save(1, title=PRIVATE + "!")
        wait_for(lambda: "scene 1" in env.log())
        wait_for(lambda: not [row for row in env.rows() if not row["attempts"]])
        said = env.hook(2)
        env.settled() if fault == "" else None
        written = env.log() + json.dumps(said) + json.dumps(env.stash.log())
        written += json.dumps(env.query("SELECT message FROM dirty"))
        written += json.dumps(env.query("SELECT value FROM meta WHERE key = 'notice'"))
        for private in ("private", "evening", "Scene 000001", "scene_000001", "/media/"):
            assert private not in written, private


def test_a_title_of_two_letters_is_redacted_where_it_is_quoted(tmp_path: Path) -> None:
    """All else that has these letters stays as it is."""
    log = Log(str(tmp_path))
    log.redact(["Up", ""])
    assert re.fullmatch(r"scene 3 <\w{8}>: Up to date", log.clean(f"scene 3 {'Up'!r}: Up to date"))
    log.close()


def test_a_text_is_redacted_however_a_line_spells_it(tmp_path: Path) -> None:
    """A title with quotes, backslashes and line ends is found in a quoted form, too."""
    log = Log(str(tmp_path))
    log.redact([PRIVATE, "/p/a.mp4"])
    log.info(f"as it is: {PRIVATE}; as Python spells it: {PRIVATE!r}; /p/a.mp4")
    log.close()
    (tmp_path / "plexsync.log").chmod(0o600)
    text = (tmp_path / "plexsync.log").read_text()
    assert "evening" not in text
    assert "a.mp4" not in text
    assert text.count("<") == 3
