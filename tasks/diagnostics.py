"""The task "Diagnostics": one text from which a stranger can tell what is wrong, and nothing else.

It is made of what cannot name anything: counts, times, versions, names of our own
settings, fields and classes of faults, ids of scenes. Texts of the settings, of Stash, of
Plex and of the log are never copied, only whether there are any and of what kind; so there
is nothing to be redacted afterwards (docs/adr/0018-diagnostics-name-nothing.md). Each part
stands by itself: what cannot be asked is named by its fault, and the rest follows.
"""

from __future__ import annotations

import ipaddress
import os
import platform
import re
import sqlite3
import ssl
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import log
from errors import SyncError, counted
from matching.missing import OUTSIDE
from plex.transport import plugin_version
from store import history, holds, meta, overview, queue, schema
from tasks import check_connection, page, page_words
from validation.config import DEFAULTS, SETTINGS
from validation.path_map import read_path_map
from validation.settings_reader import split_list
from validation.sync_fields import FIELDS
from worker import launcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tasks.task import Task

#: Name of the file in the data directory.
FILE = "diagnostics.txt"
#: Waiting scenes that are listed for each reason.
SCENES_A_REASON = 20
#: Bytes of the log's end that are counted through.
LOG_END = 512 * 1024
_LINE = re.compile(r"^\S+Z (DEBUG|INFO|WARNING|ERROR) ")
#: A step of a traceback through a file of ours: its name and line say all that is needed.
_STEP = re.compile(r'PlexSync[/\\](?:[a-z_]+[/\\])?([a-z_]+\.py)", line (\d{1,5})')
_VERSION = re.compile(r"[v0-9][0-9A-Za-z.+-]{0,40}\Z")
#: What the counts of the queue count.
_COUNTS = {
    "ready": "ready, looked at next",
    "task": "marked by Sync all",
    "waiting": "waiting for their time",
    "parked": "waiting for a person",
    "held": "held back because much would be taken away",
}
_STASH_FACTS = "query { version { version } systemStatus { os databaseSchema } }"


def run(task: Task) -> str:
    """Write the file; say in Stash's log where it is."""
    path = os.path.join(task.store.directory, FILE)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text(task))
    return f"The diagnostics are in {path}. They hold no token, title, path or address."


def for_page(task: Task) -> dict[str, str]:
    """Give the same to the page's button: ``{name, text}``."""
    return {"name": "plexsync-diagnostics.txt", "text": text(task)}


def text(task: Task) -> str:
    """Give the diagnostics; no part of it raises."""
    lines = [
        "PlexSync diagnostics",
        time.strftime("made: %Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "Holds no token, cookie, title, path, host or name of a library.",
    ]
    settings: dict[str, object] = {}
    parts: list[tuple[str, Callable[[], Iterator[str]]]] = [
        ("Versions", lambda: _versions(task)),
        ("Stash", lambda: _stash(task, settings)),
        ("Settings", lambda: _settings(settings)),
        ("Check connection", lambda: _check(task, settings)),
        ("Queue and holds", lambda: _queue(task)),
        ("What waits", lambda: _waiting(task)),
        ("What was compared", lambda: _compared(task)),
        ("Last task that came to its end", lambda: _task(task)),
        ("Log", lambda: _log(task)),
    ]
    for title, part in parts:
        lines += ["", f"## {title}"]
        try:
            lines += part()
        except SyncError as fault:
            lines.append(_fault(fault))
        except Exception as error:  # noqa: BLE001 - the other parts are worth having
            lines.append(f"could not be read: {type(error).__name__}")
    return "\n".join(lines) + "\n"


def _versions(task: Task) -> Iterator[str]:
    yield f"PlexSync: {_version(plugin_version())}"
    yield f"Python: {platform.python_version()} ({sys.implementation.name}, {sys.platform})"
    yield f"SQLite: {sqlite3.sqlite_version}, TLS: {ssl.OPENSSL_VERSION}"
    yield f"machine: {platform.system()} {platform.machine()}"
    version = task.connection.execute("PRAGMA user_version").fetchone()[0]
    yield f"database: version {version}, {os.path.getsize(task.store.path(schema.FILE))} bytes"


def _stash(task: Task, settings: dict[str, object]) -> Iterator[str]:
    facts = task.stash.ask(lambda client: client.query(_STASH_FACTS, {}))
    version, status = facts.get("version") or {}, facts.get("systemStatus") or {}
    schema_version = status.get("databaseSchema")
    number = schema_version if isinstance(schema_version, int) else "unknown"
    yield f"Stash: {_version(version.get('version'))}"
    yield f"system: {_word(status.get('os'))}, schema {number}"
    connection = meta.get(task.connection, meta.CONNECTION) or {}
    where = _kind_of_host(str(connection.get("Host") or ""))
    yield f"reached by: {_word(connection.get('Scheme'))}, {where}"
    yield f"session cookie: {'given' if connection.get('SessionCookie') else 'none'}"
    settings.update(task.stash.settings())
    yield f"scenes: {task.stash.ask(lambda client: client.count_scenes())}"


def _settings(settings: Mapping[str, object]) -> Iterator[str]:
    """Say what is set: values of ours and numbers as they are, of all else only its kind."""
    if not settings:
        yield "none were read"
    for name in sorted(SETTINGS):
        value = settings.get(name)
        if value in (None, "", 0, False):
            yield f"{name}: default{_default_of(name)}"
        elif isinstance(value, (bool, int, float)):
            yield f"{name}: {value}"
        else:
            yield f"{name}: {_kind_of_setting(name, str(value))}"
    others = len(set(settings) - set(SETTINGS))
    if others:
        yield f"unknown settings: {others}"


def _default_of(name: str) -> str:
    """Say in brackets what is the default, where that is no text."""
    default = DEFAULTS[name]
    if isinstance(default, bool):
        return " (yes)" if default else " (no)"
    return f" ({default:g})" if isinstance(default, (int, float)) else ""


def _kind_of_setting(name: str, value: str) -> str:
    if name == "plex_url":
        try:
            parts = urlsplit(value.strip())
            port = parts.port or "no port"
        except ValueError:
            return "no address"
        if parts.scheme not in {"http", "https"}:
            return "no http or https before it"
        path = ", with a path" if parts.path.strip("/") else ""
        return f"{parts.scheme}, {_kind_of_host(parts.hostname or '')}, {port}{path}"
    if name == "path_map":
        path_map, problems = read_path_map(value)
        count = len(path_map.rules) + len(problems)
        return f"{counted(count, 'rule')}, {len(problems)} not well formed"
    if name == "sync_fields":
        named = split_list(value)
        known = [field for field in named if field in FIELDS]
        return f"{', '.join(known)}; {len(named) - len(known)} unknown"
    if name in {"plex_libraries", "exclude_tags"}:
        return counted(len(split_list(value)), "name")
    return f"set ({counted(len(value), 'character')})"


def _kind_of_host(host: str) -> str:
    bare = host.strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        if bare.lower() == "localhost":
            return "localhost"
        if bare.lower().endswith(".plex.direct"):
            return "a plex.direct name"
        return "a name with dots" if "." in bare else "a name without dots" if bare else "no host"
    kind = "loopback" if address.is_loopback else "private" if address.is_private else "public"
    kind = "every interface" if address.is_unspecified else kind
    return f"IPv{address.version}, {kind}"


def _check(task: Task, settings: Mapping[str, object]) -> Iterator[str]:
    if not settings:
        yield "not asked: the settings could not be read"
        return
    config = task.parse_settings(settings)
    try:
        with task.open_plex(config) as client:
            root = client.query("/identity")
            yield f"Plex: {_version(None if root is None else root.get('version'))}"
            kinds = [section.type for section in client.section_infos()]
            for kind in sorted(set(kinds)):
                yield f"libraries of kind {_word(kind)}: {kinds.count(kind)}"
    except SyncError:  # what follows says why
        yield "Plex: did not answer all that was asked"
    found = check_connection.check(task, settings, saved=False)
    yield f"Check connection: good; {found.files}"


def _queue(task: Task) -> Iterator[str]:
    connection, now = task.connection, time.time()
    yield f"worker: {'alive' if task.is_held(launcher.WORKER_LOCK) else 'asleep'}"
    counts = queue.counts(connection)
    for name, count in counts.items():
        yield f"{_COUNTS[name]}: {count}"
    if bulk := page.bulk_of(task, counts["task"]):
        stopped = "interrupted" if bulk["interrupted"] else "stopped"
        how = "running" if bulk["running"] else stopped
        yield f"Sync all: {how}, {bulk['left']} of {bulk['total']} scenes to go"
    for hold in holds.all_holds(connection):
        setting = f", setting {_word(hold.setting)}" if hold.setting else ""
        yield (
            f"all wait for {hold.lane}: {_word(hold.reason)}{setting}, for "
            f"{_span(now - hold.since)}, {counted(hold.attempts, 'attempt')}, "
            f"next in {_span(hold.until - now)}"
        )


def _waiting(task: Task) -> Iterator[str]:
    connection, now = task.connection, time.time()
    groups = overview.groups(connection)
    if not groups:
        yield "nothing"
    for group in groups:
        title, advice = page_words.of_reason(_word(group.reason))
        yield f"{_word(group.reason)}: {group.size}, of them {group.parked} need a person"
        yield f"  meaning: {title}. {advice}"
        for row in overview.page(connection, group.reason, limit=SCENES_A_REASON):
            due = "when retried or saved" if row.due_at is None else f"in {_span(row.due_at - now)}"
            outside = ", its path lies in no folder of Plex, path_map applied"
            outside = outside if OUTSIDE in row.message else ""
            tries = counted(row.attempts, "attempt")
            yield f"  {row.kind} {row.id}: {tries}, next look {due}{outside}"
        if group.size > SCENES_A_REASON:
            yield f"  and {group.size - SCENES_A_REASON} more"


def _compared(task: Task) -> Iterator[str]:
    connection = task.connection
    yield "what came of the last look at each scene, whenever that was:"
    for outcome, count in sorted(overview.looked_at(connection).items()):
        yield f"  {_word(outcome) or 'none'}: {count}"
    yield f"last look at any scene: {_ago(meta.get(connection, meta.LAST_LOOK))}"
    yield f"last Sync all that came to its end: {_ago(meta.get(connection, meta.SYNCED_ALL))}"
    yield f"changes kept in the history: {len(history.page(connection, limit=1000))}"


def _task(task: Task) -> Iterator[str]:
    last = meta.get(task.connection, meta.LAST_TASK)
    if last is None:
        yield "none so far"
        return
    how = "ended well" if last.get("ok") else "failed"
    yield f"{last['name']}: {how}, {_ago(last['at'])}"


def _log(task: Task) -> Iterator[str]:
    """Count the log's end by level, and the places in our own files that a defect names."""
    levels: Counter[str] = Counter()
    places: Counter[str] = Counter()
    path = task.store.path(log.FILE)
    if not os.path.exists(path):
        yield "there is none"
        return
    with open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - LOG_END))
        for line in file.read(LOG_END).decode(errors="replace").splitlines():
            if found := _LINE.match(line):
                levels[found[1]] += 1
            if "Traceback" in line and (steps := _STEP.findall(line)):
                places[" > ".join(f"{name}:{number}" for name, number in steps[-3:])] += 1
    yield ", ".join(f"{level} {count}" for level, count in sorted(levels.items())) or "empty"
    for place, count in places.most_common(10):
        yield f"a defect of PlexSync at {place}: {counted(count, 'time')}"


def _fault(fault: SyncError) -> str:
    """Say a fault by its class and setting; its message names what it is about."""
    advice = getattr(type(fault), "advice", "")
    setting = f", setting {_word(fault.setting)}" if fault.setting else ""
    return f"failed: {fault.reason} ({page_words.of_reason(fault.reason)[0]}){setting}. {advice}"


def _span(seconds: float) -> str:
    whole = int(max(seconds, 0))
    if whole < 120:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h"


def _ago(at: float | None) -> str:
    return f"{_span(time.time() - at)} ago" if at else "never"


def _version(given: object) -> str:
    return given if isinstance(given, str) and _VERSION.match(given) else "unknown"


def _word(given: object) -> str:
    """Give a word of a server's or of ours; anything that could be more than a name is hidden."""
    found = given if isinstance(given, str) else ""
    return found if re.fullmatch(r"[A-Za-z0-9_]{0,40}", found) else "(hidden)"
