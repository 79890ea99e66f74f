"""Nonsense and malice from Stash, from Plex and from settings, through the real worker.

What comes in on a hook's stdin is in tests/test_hook.py. Here the worker lives in
this process between real sockets, so that an exception that gets out is seen.
"""

from __future__ import annotations

import gzip
import json
import re
import time
import tracemalloc
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errors import SyncError
from plex.client import PlexClient
from plex.item import read_items
from plex.libraries import Libraries
from plex.listing import count, pages
from simulator.library import catalogue_file
from stash.client import StashClient
from stash.connection import StashConnection
from tests.fault_environment import FaultEnvironment, fault_environment
from tests.installation import installation
from tests.wire import Asked, Reply, Wire, answer
from worker.processor import search_plex

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

# The machine may be busy with other tests: slowness here says nothing.
FUZZ = settings(
    deadline=None,
    database=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
SCENES = 6
NASTY = st.text(
    st.sampled_from(
        "ab1 /\\.:,;=&?#%<>\"'\0\x01\x02\x1b\n\r\t\x7f\x85\u202e\u2028é\U0001f600\ud800"
    ),
    max_size=20,
)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | NASTY
JSON = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NASTY, inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    *("id", "title", "details", "date", "rating100", "director", "organized", "updated_at"),
    *("studio", "performers", "tags", "groups", "files", "paths"),
)
PIECES = {
    "id": st.sampled_from(["1", 1, -1, "0", 10**30, None]),
    "files": st.lists(st.fixed_dictionaries({}, optional={"path": NASTY, "size": SCALAR})),
    "paths": st.fixed_dictionaries({"screenshot": NASTY | st.just("http://192.0.2.1/x?t=1")}),
    "performers": st.lists(st.fixed_dictionaries({"id": SCALAR, "name": NASTY}), max_size=2),
}
SCENE = st.fixed_dictionaries(
    {}, optional={name: JSON | PIECES.get(name, NASTY) for name in FIELDS}
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, stand_ins: Any) -> Iterator[FaultEnvironment]:
    """One environment for all examples of a property."""
    with fault_environment(tmp_path_factory.mktemp("shared"), *stand_ins, stash_timeout=2) as env:
        yield env


@pytest.fixture
def env(tmp_path: Path, stand_ins: Any) -> Iterator[FaultEnvironment]:
    """An environment of its own."""
    with fault_environment(tmp_path, *stand_ins, stash_timeout=2) as made:
        yield made


def no_defect(env: FaultEnvironment) -> None:
    """Say that nothing happened which nobody foresaw, and that the log can be read."""
    text = env.log()
    assert "unforeseen" not in text
    assert "Traceback" not in text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028]", text)
    assert max(map(len, text.encode().splitlines()), default=0) < 60_000
    assert not env.foreign.asked


class Saying:
    """A server that says what ``body`` is at the time."""

    def __init__(self) -> None:
        self.body: Any = None
        self.asked: list[Asked] = []

    def __call__(self, asked: Asked, _sock: socket.socket) -> bytes:
        """Answer one request."""
        self.asked.append(asked)
        return answer(self.body(asked) if callable(self.body) else self.body, kind=KIND)


KIND = "application/json"


def as_json(value: Any) -> bytes:
    """JSON, with what JSON has no words for written as Python does."""
    return json.dumps(value).encode()


def ends_well(question: Callable[[], object]) -> SyncError | None:
    """Ask; give the typed error, None for an answer. Any other exception fails the test."""
    try:
        question()
    except SyncError as fault:
        if len(fault.message.encode()) > 4000:
            pytest.fail("a message of that length does not fit a line")
        return fault
    return None


@pytest.fixture(scope="module")
def odd_stash() -> Iterator[tuple[Saying, StashClient]]:
    """A Stash that says anything, and a client that asks it."""
    saying = Saying()
    with ExitStack() as stack:
        wire = stack.enter_context(Wire(saying))
        connection = StashConnection("http", "127.0.0.1", wire.port, "session", "cookie-value")
        client = StashClient(connection, connect_timeout=2, read_timeout=2)
        stack.callback(client.close)
        yield saying, client


@FUZZ
@given(
    JSON
    | st.fixed_dictionaries({"data": JSON | SCENE})
    | st.fixed_dictionaries(
        {
            "data": st.fixed_dictionaries(
                {},
                optional={
                    "findScene": JSON | SCENE,
                    "findScenes": JSON
                    | st.fixed_dictionaries({"scenes": st.lists(SCENE, max_size=2)}),
                    "configuration": JSON | st.fixed_dictionaries({"plugins": JSON}),
                },
            ),
            "errors": JSON,
        }
    )
)
def test_any_json_from_stash_is_a_value_or_a_typed_error(
    odd_stash: tuple[Saying, StashClient], value: Any
) -> None:
    """Whatever GraphQL answers, each question ends, in a value or in one of our errors."""
    saying, client = odd_stash
    saying.body = as_json(value)
    saying.asked.clear()
    for question in (
        client.settings,
        client.count_scenes,
        lambda: client.read_scenes([1]),
        lambda: client.read_scenes([1, 2]),
        lambda: client.scenes_after(0, 100),
        lambda: client.stamps_after(0),
        lambda: client.scenes_with_path("/a", "/a".__eq__),
    ):
        ends_well(question)
    assert len(saying.asked) < 60


@FUZZ
@given(st.binary(max_size=200))
def test_any_bytes_from_stash_are_a_typed_error(
    odd_stash: tuple[Saying, StashClient], body: bytes
) -> None:
    """What is no JSON at all is one of our errors."""
    saying, client = odd_stash
    saying.body = body
    with pytest.raises(SyncError):
        client.read_scenes([1])


@FUZZ
@given(SCENE)
def test_any_scene_from_stash_leaves_the_worker_well(shared: FaultEnvironment, scene: Any) -> None:
    """A scene of any content is synced, skipped or postponed, and never kills the worker."""
    env = shared

    def say(asked: Asked, _sock: socket.socket) -> bytes:
        query = json.loads(asked.body or b"{}").get("query", "")
        data: dict[str, Any] = {"configuration": {"plugins": {"PlexSync": env.given}}}
        if "findScene(" in query:
            data["findScene"] = {**scene, "id": "1"}
        return answer(as_json({"data": data}), kind=KIND)

    with Wire(say) as wire:
        env.stash_proxy.open(target=wire.port)
        env.mark([1])
        env.live(1)
        env.stash_proxy.open()
    no_defect(env)


@FUZZ
@given(
    st.dictionaries(
        st.sampled_from(
            [
                *("plex_url", "plex_token", "path_map", "plex_libraries", "plex_read_timeout"),
                *("sync_fields", "exclude_tags", "tag_rules", "redact_logs"),
                *("content_rating", "only_organized"),
            ]
        ),
        SCALAR | JSON | st.just("x" * 100_000),
        max_size=4,
    )
)
def test_any_settings_leave_the_worker_well(
    shared: FaultEnvironment, wrong: dict[str, Any]
) -> None:
    """Settings of any type and length are used or held against, and never kill the worker."""
    env = shared
    before = dict(env.given)
    # Nothing is to be sent to whatever address the text happens to be.
    wrong.pop("plex_url", None) if str(wrong.get("plex_url")).startswith("http") else None
    try:
        env.stash.settings("PlexSync", json.loads(as_json({**before, **wrong})))
        env.mark([1])
        env.clock.now += 400
        env.live(1)
    finally:
        env.settings(**before)
        env.clock.now += 4000
    no_defect(env)


ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        [
            *("ratingKey", "key", "type", "title", "summary", "thumb", "art", "librarySectionID"),
            *("file", "tag", "role", "name", "locked", "id", "updatedAt", "size", "totalSize"),
            *("machineIdentifier", "friendlyName", "uuid", "contentChangedAt", "scannedAt"),
        ]
    ),
    NASTY | st.integers().map(str) | st.just("9" * 5000) | st.just("@192.0.2.1/x"),
    max_size=5,
)
TAGS = st.sampled_from(
    [
        *("Video", "Directory", "Media", "Part", "Role", "Genre", "Field", "Location", "Guid"),
    ]
)
ELEMENTS: st.SearchStrategy[Any] = st.recursive(
    st.tuples(TAGS, ATTRIBUTES, st.just([])),
    lambda inner: st.tuples(TAGS, ATTRIBUTES, st.lists(inner, max_size=3)),
    max_leaves=8,
)


NOT_IN_XML = re.compile("[^\\t -\U0010ffff]")


def as_xml(element: tuple[str, dict[str, str], list[Any]]) -> str:
    """An element; what XML cannot hold goes in as a reference, as Plex does it."""
    tag, attributes, children = element
    written = " ".join(
        f"{name}={quoteattr(NOT_IN_XML.sub(_reference, value))}"
        for name, value in attributes.items()
    )
    return f"<{tag} {written}>{''.join(map(as_xml, children))}</{tag}>"


def _reference(found: re.Match[str]) -> str:
    return "?" if "\ud800" <= found[0] <= "\udfff" else f"\x00{ord(found[0])};"


@FUZZ
@given(
    ATTRIBUTES,
    st.lists(ELEMENTS, max_size=3),
    st.sampled_from(
        [
            "^/identity",
            "^/library/sections(/all)?$",
            r"^/library/sections/\d+/all",
            "^/library/metadata",
        ]
    ),
)
def test_any_xml_from_plex_leaves_the_worker_well(
    shared: FaultEnvironment, attributes: dict[str, str], elements: list[Any], where: str
) -> None:
    """Whatever Plex answers to any question, the worker goes on and asks nobody else."""
    env = shared
    xml = as_xml(("MediaContainer", attributes, elements)).replace("\x00", "&#")
    body = xml.encode("utf-8", "replace").decode()
    env.clock.now += 4000
    env.worker.worker.context.forget_plex()
    env.plex.fault("status", status=200, body=body, content_type="text/xml", path=where, times=None)
    try:
        env.mark([1, 2])
        env.live(1)
    finally:
        env.plex.clear_faults()
    no_defect(env)


@FUZZ
@given(st.binary(max_size=300), st.sampled_from(["text/xml", "text/html", "", "a/b;charset=x"]))
def test_any_bytes_from_plex_are_a_typed_error_or_nothing(body: bytes, kind: str) -> None:
    """Bytes that are no answer of Plex are one of our errors, packed or not."""
    for said in (
        answer(body, kind=kind),
        answer(gzip.compress(body), kind=kind, Content_Encoding="gzip"),
        answer(b"<MediaContainer>" + body + b"</MediaContainer>", kind=kind),
    ):
        with Wire(always(said)) as wire, client_for(wire) as client:
            for question in (client.probe, lambda: read_items(client, [1]), client.section_infos):
                ends_well(question)


def always(said: bytes) -> Reply:
    """A server that only ever says this."""
    return lambda _asked, _sock: said


def client_for(wire: Wire, read_timeout: float = 5.0) -> PlexClient:
    """A client for a wire."""
    return PlexClient(
        wire.url, "token", connect_timeout=2, read_timeout=read_timeout, client_identifier="x"
    )


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE m [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(12))
    + ']><MediaContainer title1="&m;"><Video ratingKey="1" title="&m;"/></MediaContainer>'
)
OUTSIDE = (
    '<?xml version="1.0"?><!DOCTYPE m [<!ENTITY x SYSTEM "{url}">]>'
    '<MediaContainer machineIdentifier="1"><Video ratingKey="1">&x;</Video></MediaContainer>'
)
DEEP = "<MediaContainer>" + "<a>" * 400_000 + "</a>" * 400_000 + "</MediaContainer>"
WIDE = '<MediaContainer><Video ratingKey="1" title="' + "x" * 20_000_000 + '"/></MediaContainer>'


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        OUTSIDE.format(url="file:///etc/hostname"),
        OUTSIDE.format(url="http://127.0.0.1:1/"),
        '<!DOCTYPE m SYSTEM "http://127.0.0.1:1/x.dtd"><MediaContainer/>',
        DEEP,
        WIDE,
        "<MediaContainer " + " ".join(f'a{n}="1"' for n in range(200_000)) + "/>",
    ],
    ids=["bomb", "file", "address", "dtd", "deep", "wide", "attributes"],
)
def test_dangerous_xml_costs_little(body: str) -> None:
    """Entities are refused unread; depth and width cost memory in proportion, and seconds."""
    sent = body.encode()
    with Wire(lambda _asked, _sock: answer(sent)) as wire, client_for(wire) as client:
        before = time.process_time()
        tracemalloc.start()
        fault = ends_well(lambda: read_items(client, [1]))
        assert (fault is not None) == ("<!DOCTYPE" in body)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 400_000_000
        assert time.process_time() - before < 30


@pytest.mark.parametrize("told", [True, False], ids=["length told", "without an end"])
def test_a_hundred_megabytes_are_not_read(told: bool) -> None:
    """An answer longer than any of Plex ends at its limit, whether it says so or not."""
    piece = b"<a>" + b"x" * (2**20 - 7) + b"</a>"
    sent = 0

    def pour(_asked: Asked, sock: socket.socket) -> None:
        nonlocal sent
        head = (
            answer(b"", length=100 * 2**20)
            if told
            else (b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\n\r\n")
        )
        sock.sendall(head + b"<MediaContainer>")
        for _ in range(100):
            sock.sendall(piece)
            sent += len(piece)

    with Wire(pour) as wire, client_for(wire, 30) as client:
        tracemalloc.start()
        with pytest.raises(SyncError, match="longer than PlexSync is ready to read"):
            read_items(client, [1])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert sent < 80 * 2**20
    assert peak < 200 * 2**20


@pytest.mark.parametrize(
    "attributes",
    ['totalSize="99999999"', 'size="5" totalSize="1000000"', f'totalSize="{"9" * 5000}"'],
)
def test_a_list_ends_whatever_its_total_says(attributes: str, stand_ins: Any) -> None:
    """An empty page ends a search, though the answer speaks of a million items more."""
    plex, _, _ = stand_ins
    plex.reset()
    with PlexClient(plex.url, plex.token, client_identifier="x") as client:
        libraries = Libraries(client, (), clock=time.monotonic)
        libraries.sections()
        body = f"<MediaContainer {attributes}/>"
        plex.fault(
            "status", status=200, body=body, content_type="text/xml", path="/all", times=None
        )
        plex.clear_requests()
        (matches,) = search_plex(libraries, catalogue_file(1).plex_path)
        assert matches.items == []
        assert plex.counts()["total"] < 10
        for question in (lambda: list(pages(client, 1, 1)), lambda: count(client, 1, 1)):
            ends_well(question)
        assert plex.counts()["total"] < 15
    plex.reset()


HOSTILE = (
    "a\nb\r\nc",
    "\x01e\x02an error that nobody had",
    "\x1b[2J\x1b]0;owned\x07\x1b[31m",
    "x" * 70_000,
    "'; DROP TABLE dirty; -- <b>&amp;</b> %s {0} $(reboot)",
    "\u202egnp.exe\u2028\u0000\ufffe",
)


def test_hostile_titles_and_paths_are_only_text(env: FaultEnvironment) -> None:
    """Titles and paths with control bytes, escapes and traversal are written as text or not at all.

    Nothing appears outside the data directory, and no line of the log can be
    mistaken for another one.
    """
    before = {path for path in env.data.parent.rglob("*") if env.data not in path.parents}
    for scene, title in enumerate(HOSTILE, start=1):
        env.edit(scene, title)
    env.live(5, until_done=True)
    assert not env.rows()
    assert env.title(2) == "e" + "an error that nobody had"
    assert env.title(5) == HOSTILE[4]
    for scene in range(1, SCENES + 1):
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", env.title(scene))
    for scene, path in enumerate(
        (
            "/stash/media/../../../etc/passwd",
            "/stash/media/line\nbreak\x01e\x02.mp4",
            "/stash/media/" + "/".join(["d" * 200] * 20) + "/x.mp4",
            "/stash/media/\x1b[2J.mp4",
            "relative/../x.mp4",
            "/stash/media/,=&?#%00 file=.mp4",
        ),
        start=1,
    ):
        env.stash.set_scene(scene, move=path)
        env.mark([scene])
    env.live(5)
    assert {row.reason for row in env.rows()} <= {"NotInPlexYet", "RequestTooLarge"}
    assert len(env.rows()) == SCENES
    no_defect(env)
    for request in env.plex.requests():
        assert request["target"].isascii()
        assert request["target"].isprintable()
        assert len(request["target"]) < 16_000
    after = {path for path in env.data.parent.rglob("*") if env.data not in path.parents}
    assert after == before


LINE = re.compile(r"\x01[tdiwep]\x02[^\x00-\x08\x0b-\x1f\x7f]*")


def test_hostile_titles_cannot_speak_in_stashs_log(tmp_path: Path) -> None:
    """What tasks and hooks write to stderr are whole lines of the log protocol, none too long."""
    with installation(tmp_path, scenes=SCENES) as env:
        for scene, title in enumerate(HOSTILE, start=1):
            env.stash.set_scene(scene, title=title)
        answers = [
            env.run(mode=mode)
            for mode in ("preview", "sync_all", "check_connection", "retry_failed")
        ]
        answers.append(env.hook(1, input={"title": HOSTILE[1]}))
        env.settled()
        for answered in answers:
            assert "Traceback" not in json.dumps(answered)
            for line in answered["stderr"].split("\n"):
                assert len(line.encode()) < 60_000
                assert not line or LINE.fullmatch(line), line[:200]
        assert "unforeseen" not in env.log()
        assert "Traceback" not in env.log() + env.crash()
