from __future__ import annotations

import os
import socket
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plexapi import BASE_HEADERS

import plex.client
from errors import ConfigurationError, NextStep, SyncError
from plex.client import PlexClient, SectionInfo, encode_query
from plex.error_types import (
    AuthError,
    BadAddress,
    BadResponse,
    ImageTooLarge,
    ItemGone,
    NotAPlexServer,
    PlexError,
    RateLimited,
    ServerStarting,
    ServerUnavailable,
    ServerUnreachable,
)
from tests.wire import HTML, Asked, Reply, Wire, answer, container, free_port

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent

TOKEN = "not-a-real-token"
PRIVATE = "A title of no concern"

SECTIONS = container(
    '<Directory allowSync="1" refreshing="1" key="2" type="movie" title="Clips &amp; more" '
    'agent="tv.plex.agents.none" scanner="Plex Video Files" updatedAt="1700000000" '
    'scannedAt="1700000001" contentChangedAt="12345">'
    '<Location id="3" path="/data/a"/><Location id="4" path="D:\\b"/></Directory>'
    '<Directory key="5" type="show" title="Shows" agent="tv.plex.agents.series"/>'
    '<Directory key="6" type="artist" title="Music"/>'
    '<Directory key="7" type="photo" title="Photos"/>'
    '<Directory key="8" type="hologram" title="Holograms"/>'
    '<Directory key="watchlist" type="mixed" title="Not a library"/>',
    size="5",
)


def plex_like(asked: Asked, _sock: socket.socket) -> bytes:
    """The few answers that a client needs to come up."""
    if asked.path == "/identity":
        return container(machineIdentifier="machine-1", version="1.43")
    if asked.headers.get("x-plex-token") != TOKEN:
        return answer(b"<html><h1>401 Unauthorized</h1></html>", 401, kind=HTML)
    if asked.path == "/":
        return container(machineIdentifier="machine-1", friendlyName="Den", version="1.43")
    if asked.path == "/library/sections":
        return SECTIONS
    if asked.method == "PUT":
        return answer(kind=HTML)
    return container(path=asked.path)


def client_for(wire: Wire, **options: Any) -> PlexClient:
    """A client for it, with the right token unless told otherwise."""
    return PlexClient(wire.url, options.pop("token", TOKEN), **options)


def fault_of(call: Callable[[], object]) -> SyncError:
    """What a call raises, which is always one of ours."""
    with pytest.raises(SyncError) as raised:
        call()
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None or raised.value.__suppress_context__
    return raised.value


# --- queries -----------------------------------------------------------------------------------


def test_a_query_gives_the_container() -> None:
    """The answer comes back as its MediaContainer element."""
    with Wire(plex_like) as wire, client_for(wire) as client:
        root = client.query("/library/metadata/42")
        assert root is not None
        assert root.attrib == {"path": "/library/metadata/42"}
        assert wire.asked[0].headers["x-plex-token"] == TOKEN


def test_an_edit_gives_none() -> None:
    """Plex confirms with an empty page."""
    with Wire(plex_like) as wire, client_for(wire) as client:
        assert client.query("/library/metadata/42", [("title.value", "x")], method="PUT") is None
        assert wire.paths == ["PUT /library/metadata/42"]


PARAMETERS = [
    ("genre[0].tag.tag", "a,b & c=d?e#f/g%20h+i"),
    ("genre[].tag.tag-", quote("x,y", safe="")),
    ("updatedAt>>", "17"),
    ("file=", "Tōkyō \N{GRINNING FACE} (2024).mkv"),
    ("same", "1"),
    ("same", "2"),
    ("summary.value", "one\ntwo\r\n\tthree ~ \x00"),
    ("empty", ""),
]


def test_names_and_values_arrive_as_they_are_and_in_order() -> None:
    """Whatever stands in a name or value, Plex decodes exactly that, nothing twice or less."""
    with Wire(plex_like) as wire, client_for(wire) as client:
        client.query("/a", PARAMETERS)
        client.query("/a?type=1", PARAMETERS)
        plain, longer = (asked.target.partition("?")[2] for asked in wire.asked)
        assert parse_qsl(plain, keep_blank_values=True, strict_parsing=True) == PARAMETERS
        assert longer == f"type=1&{plain}"
        assert "," not in plain


def test_half_a_surrogate_is_sent_as_a_question_mark() -> None:
    """Text that UTF-8 cannot hold costs that character and not the edit."""
    with Wire(plex_like) as wire, client_for(wire) as client:
        client.query("/a", [("title", "x\ud800y")])
        assert wire.asked[0].target == "/a?title=x%3Fy"


def test_headers_for_paging_are_sent() -> None:
    """The caller's headers travel beside our own."""
    with Wire(plex_like) as wire, client_for(wire) as client:
        client.query("/a", headers={"X-Plex-Container-Size": "50"})
        assert wire.asked[0].headers["x-plex-container-size"] == "50"


def test_an_address_may_have_a_path() -> None:
    """Plex behind a proxy's path is asked below it, and the path is left out of faults."""
    with Wire(lambda *_: answer(status=404)) as wire:
        with PlexClient(f" {wire.url}/plex/ ", TOKEN) as client:
            fault = fault_of(lambda: client.query("/library/metadata/1"))
        assert isinstance(fault, ItemGone)
        assert "/plex" not in fault.message
        assert wire.paths == ["GET /plex/library/metadata/1"]


FAULTS: list[tuple[str, bytes, type[PlexError]]] = [
    ("/library/metadata/1", answer(status=404), ItemGone),
    ("/a", answer(status=401), AuthError),
    ("/a", answer(status=498), AuthError),
    ("/a", answer(status=429, Retry_After="9"), RateLimited),
    ("/a", answer(status=520), ServerUnavailable),
    (
        "/a",
        answer(b'<Response code="503" title="Maintenance" status="busy"/>', 503),
        ServerStarting,
    ),
    ("/a", answer(b"<html>Log in</html>", kind=HTML), NotAPlexServer),
    ("/a", answer(b"<Other/>"), NotAPlexServer),
    ("/a", answer(b"OK", kind="text/plain"), NotAPlexServer),
    ("/a", answer(b'{"MediaContainer": {}}', kind="application/json"), NotAPlexServer),
    ("/a", answer(b'<Response code="200" status="OK"/>'), BadResponse),
    ("/a", answer(b"<MediaContainer><Video>"), BadResponse),
    ("/a", answer(b'<?xml version="1.0" encoding="nonsense"?><MediaContainer/>'), BadResponse),
    ("/a", answer(b'<MediaContainer a="&b;"/>'), BadResponse),
]


@pytest.mark.parametrize(
    ("path", "reply", "kind"), FAULTS, ids=[str(n) for n in range(len(FAULTS))]
)
def test_a_query_raises_only_our_own(path: str, reply: bytes, kind: type[PlexError]) -> None:
    """Every way to fail is one of our classes, with nothing of the libraries behind it."""
    with Wire(lambda *_: reply) as wire, client_for(wire) as client:
        fault = fault_of(lambda: client.query(path, [("title.value", PRIVATE)]))
    assert type(fault) is kind
    shown = "".join(traceback.format_exception(fault)) + str(vars(fault))
    assert PRIVATE not in shown
    assert TOKEN not in shown


def test_an_edit_s_answer_is_looked_at_too() -> None:
    """A stranger's XML does not confirm an edit."""
    with Wire(lambda *_: answer(b"<Other/>")) as wire, client_for(wire) as client:
        fault = fault_of(lambda: client.query("/library/metadata/1", method="PUT"))
    assert isinstance(fault, NotAPlexServer)


def test_retry_after_comes_through() -> None:
    """The seconds that the server asks for reach the worker."""
    with Wire(lambda *_: answer(status=429, Retry_After="9")) as wire, client_for(wire) as client:
        assert fault_of(lambda: client.query("/a")).retry_after == 9.0


def test_nobody_there_is_said_for_every_call() -> None:
    """A refused connection is the same fault whatever was asked."""
    with PlexClient(f"http://127.0.0.1:{free_port()}", TOKEN) as client:
        calls: list[Callable[[], object]] = [
            lambda: client.query("/a"),
            lambda: client.upload("/a", b"x"),
            client.probe,
            lambda: client.server,
            client.section_infos,
            lambda: client.machine_identifier,
            lambda: client.friendly_name,
        ]
        assert {type(fault_of(call)) for call in calls} == {ServerUnreachable}


def test_a_wrong_token_is_said_for_every_call_that_needs_it() -> None:
    """401 anywhere pauses the queue and names plex_token."""
    with Wire(plex_like) as wire, client_for(wire, token="other") as client:
        calls: list[Callable[[], object]] = [
            lambda: client.query("/a"),
            lambda: client.upload("/a", b"x"),
            lambda: client.server,
            client.section_infos,
            lambda: client.friendly_name,
        ]
        for call in calls:
            fault = fault_of(call)
            assert isinstance(fault, AuthError)
            assert isinstance(fault, ConfigurationError)
            assert (fault.setting, fault.next_step) == ("plex_token", NextStep.PAUSE)
        assert client.probe() == "machine-1"


@pytest.mark.parametrize("token", ["a\r\nX-Evil: 1", "tökén", "two words", "\x7f"])
def test_a_token_that_cannot_be_one_is_not_sent(token: str) -> None:
    """It is a fault of plex_token, told without repeating it."""
    with Wire(plex_like) as wire, client_for(wire, token=token) as client:
        for call in (lambda: client.query("/a"), lambda: client.server):
            fault = fault_of(call)
            assert isinstance(fault, AuthError)
            assert token not in fault.message
        assert wire.asked == []


def test_without_a_token_none_is_sent() -> None:
    """Plex may be set to let its own network in without one."""
    with Wire(plex_like) as wire, client_for(wire, token=" ") as client:
        fault_of(lambda: client.query("/a"))
        assert "x-plex-token" not in wire.asked[0].headers


@pytest.mark.parametrize("url", ["", "plex:32400", "http://", "http://[::1", "ftp://plex"])
def test_an_unusable_address_harms_nobody_until_it_is_used(url: str) -> None:
    """Making and showing the client works; asking names plex_url."""
    with PlexClient(url, TOKEN) as client:
        assert TOKEN not in repr(client)
        assert isinstance(fault_of(lambda: client.query("/a")), BadAddress)
        assert isinstance(fault_of(lambda: client.server), BadAddress)


def test_a_client_shows_no_secret() -> None:
    """Its repr has the host, and neither token nor password nor path."""
    with PlexClient("https://me:passw0rd@plex.local:32400/hidden?a=b", TOKEN) as client:
        assert repr(client) == "<PlexClient https://plex.local:32400>"


# --- damaged and hostile markup ----------------------------------------------------------------


def test_characters_that_xml_forbids_are_left_out() -> None:
    """Old summaries hold control characters, raw or as references; the rest is still read."""
    body = "<MediaContainer a='1\x0b2&#x0;3&#11;4&#x9;ü'/>".encode() + b"<!-- \x01 -->"
    with Wire(lambda *_: answer(body)) as wire, client_for(wire) as client:
        root = client.query("/a")
        assert root is not None
        assert root.get("a") == "1234\tü"


def test_bytes_that_are_no_utf_8_are_replaced() -> None:
    """One bad byte does not cost a page of items."""
    body = b"<MediaContainer a='x\xffy'/>"
    with Wire(lambda *_: answer(body)) as wire, client_for(wire) as client:
        root = client.query("/a")
        assert root is not None
        assert root.get("a") == "x\ufffdy"


BOMB = (
    b'<?xml version="1.0"?><!-- x --><!DOCTYPE a ['
    b'<!ENTITY e0 "ha">'
    + b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 12))
    + b"]><MediaContainer a='&e11;'/>"
)


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        BOMB.decode().encode("utf-16"),
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "%s">]><MediaContainer>&b;</MediaContainer>',
        b'<!DOCTYPE a SYSTEM "%s"><MediaContainer/>',
    ],
    ids=["bomb", "wide bomb", "file", "dtd"],
)
def test_markup_that_declares_anything_is_refused(body: bytes, tmp_path: Path) -> None:
    """Neither a bomb nor a reference to a file or an address is looked into."""
    (tmp_path / "secret.txt").write_text("of no business")
    with Wire(plex_like) as outside:
        body = body.replace(b"%s", f"{outside.url}/dtd".encode())
        with Wire(lambda *_: answer(body)) as wire, client_for(wire) as client:
            fault = fault_of(lambda: client.query("/a"))
            assert isinstance(fault, NotAPlexServer)
            assert isinstance(fault_of(lambda: client.server), NotAPlexServer)
        assert outside.asked == []


def test_absurd_depth_does_no_harm() -> None:
    """A tree far deeper than Python's stack is built, read and freed."""
    deep = b"<MediaContainer>" + b"<a>" * 200_000 + b"</a>" * 200_000 + b"</MediaContainer>"
    with Wire(lambda *_: answer(deep)) as wire, client_for(wire) as client:
        root = client.query("/a")
        assert root is not None
        assert sum(1 for _ in root.iter()) == 200_001


# --- the other calls ---------------------------------------------------------------------------


def test_an_upload_sends_the_bytes_as_they_are() -> None:
    """An image goes out by POST, whole and unchanged."""
    image = bytes(range(256)) * 400
    with Wire(plex_like) as wire, client_for(wire) as client:
        client.upload("/library/metadata/42/posters", image)
        assert wire.paths == ["POST /library/metadata/42/posters"]
        assert wire.asked[0].body == image
        assert wire.asked[0].headers["x-plex-token"] == TOKEN


def test_an_image_that_is_too_large_is_told() -> None:
    """413 to an upload is about the image, not about the scene's texts."""
    with Wire(lambda *_: answer(status=413)) as wire, client_for(wire) as client:
        fault = fault_of(lambda: client.upload("/library/metadata/42/posters", b"x"))
        assert isinstance(fault, ImageTooLarge)


def test_a_probe_sends_no_token() -> None:
    """Whether it is Plex at all is asked before it is trusted with the token."""
    with Wire(plex_like) as wire, client_for(wire) as client:
        assert client.probe() == "machine-1"
        assert wire.paths == ["GET /identity"]
        assert TOKEN not in str(wire.asked)


@pytest.mark.parametrize("reply", [container(), answer(), answer(b"<a/>"), answer(status=404)])
def test_a_probe_tells_what_is_not_plex(reply: bytes) -> None:
    """Whoever cannot say which Plex it is, is none."""
    with Wire(lambda *_: reply) as wire, client_for(wire) as client:
        assert isinstance(fault_of(client.probe), NotAPlexServer)


def test_identity_and_name_are_asked_for_once() -> None:
    """They are remembered, while a probe always asks."""
    with Wire(plex_like) as wire, client_for(wire) as client:
        for _ in range(2):
            assert client.machine_identifier == "machine-1"
            assert client.friendly_name == "Den"
        assert wire.paths == ["GET /identity", "GET /"]
        client.probe()
        assert wire.paths[2:] == ["GET /identity"]


def test_the_name_comes_with_the_server_that_is_there_anyway() -> None:
    """What plexapi's server was told already is not asked for again."""
    with Wire(plex_like) as wire, client_for(wire) as client:
        assert client.server.friendlyName == "Den"
        asked = len(wire.paths)
        assert client.friendly_name == "Den"
        assert len(wire.paths) == asked


#: Two libraries are equal whatever Plex sent beside what is compared.
ANY_ELEMENT = Element("Directory")


def test_section_infos_tell_whether_a_library_changed() -> None:
    """One request tells every library's kind, places and counters; what is no library is left."""
    with Wire(plex_like) as wire, client_for(wire) as client:
        infos = client.section_infos()
        assert infos[0] == SectionInfo(
            key=2,
            title="Clips & more",
            type="movie",
            locations=("/data/a", "D:\\b"),
            content_changed_at=12345,
            scanned_at=1700000001,
            uuid="",
            element=ANY_ELEMENT,
        )
        assert infos[1] == SectionInfo(5, "Shows", "show", (), 0, 0, "", ANY_ELEMENT)
        assert [info.key for info in infos] == [2, 5, 6, 7, 8]
        assert wire.paths == ["GET /library/sections"]


def test_sections_are_plexapi_s_own_objects() -> None:
    """Each library has the class of its type, from one request after the server's own."""
    with Wire(plex_like) as wire, client_for(wire) as client:
        client.server  # noqa: B018 - one request of its own
        sections = [client.section(info) for info in client.section_infos()]
        assert [type(section).__name__ for section in sections] == [
            "MovieSection",
            "ShowSection",
            "MusicSection",
            "PhotoSection",
            "LibrarySection",
        ]
        assert (sections[0].key, sections[0].title) == (2, "Clips & more")
        assert sections[0].locations == ["/data/a", "D:\\b"]
        client.section(client.section_infos()[0])
        assert wire.paths == ["GET /", "GET /library/sections", "GET /library/sections"]


# --- plexapi -----------------------------------------------------------------------------------


def test_the_server_is_made_once_even_by_four_threads() -> None:
    """It is lazy, and asked for together it is still one request and one object."""
    with Wire(plex_like) as wire, client_for(wire) as client, ThreadPoolExecutor(4) as threads:
        assert wire.asked == []
        servers = list(threads.map(lambda _: client.server, range(8)))
        assert all(server is servers[0] for server in servers)
        assert servers[0].friendlyName == "Den"
        assert wire.paths == ["GET /"]


def test_a_server_that_could_not_be_made_is_tried_again() -> None:
    """A failure is not remembered."""
    replies = [answer(status=503), container(machineIdentifier="m")]
    with Wire(lambda *_: replies.pop(0)) as wire, client_for(wire) as client:
        assert isinstance(fault_of(lambda: client.server), ServerUnavailable)
        assert client.server.machineIdentifier == "m"


def test_the_server_is_made_with_our_session_and_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plexapi is given the address, the token, our bounded session and the read timeout."""
    made: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def recorder(*args: Any, **kwargs: Any) -> object:
        made.append((args, kwargs))
        return object()

    monkeypatch.setattr(plex.client, "PlexServer", recorder)
    client = PlexClient("http://plex:32400", TOKEN, connect_timeout=3.0, read_timeout=12.5)
    with client:
        assert client.server is client.server
        assert made == [
            (("http://plex:32400", TOKEN), {"session": client._session, "timeout": 12.5})
        ]


def test_plexapi_s_requests_take_our_connections() -> None:
    """There is one way to the server: what plexapi asks and what we ask follow each other on it."""
    with Wire(plex_like) as wire, client_for(wire) as client:
        client.query("/library/metadata/42")
        client.server.query("/library/sections")
        client.query("/library/metadata/42", method="PUT")
        assert wire.connections == 1


def test_plexapi_s_requests_are_bounded_and_named_like_ours() -> None:
    """A library object of plexapi sends our identity and ends in our faults."""
    with Wire(plex_like) as wire:
        with client_for(wire, client_identifier="install-7") as client:
            section = client.section(client.section_infos()[0])
            section.fetchItems("/library/sections/2/all?type=1")
            assert BASE_HEADERS["X-Plex-Client-Identifier"] == "install-7"
            assert BASE_HEADERS["X-Plex-Product"] == "PlexSync"
        for asked in wire.asked:
            assert asked.headers["x-plex-client-identifier"] == "install-7"
            assert asked.headers["x-plex-product"] == "PlexSync"
            assert asked.headers["x-plex-token"] == TOKEN
            assert TOKEN not in asked.target


def test_the_identifier_is_the_same_in_each_process() -> None:
    """Without one from the caller it comes from the address, so Plex sees one device for ever."""
    code = (
        "from plex.client import PlexClient; "
        "print(PlexClient('http://plex:32400', 't')._identifier)"
    )
    seen = {run(code) for _ in range(2)}
    assert len(seen) == 1
    assert seen == {PlexClient("http://plex:32400/", "other")._identifier}


def run(code: str, **environment: str) -> str:
    """What a Python process of its own prints, warnings being errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_plexapi_that_was_loaded_before_us_is_tamed(tmp_path: Path) -> None:
    """What it has read from a config.ini by then is forgotten."""
    config = tmp_path / "config.ini"
    config.write_text("[auth]\nserver_token = from-file\n[log]\nshow_secrets = true\n")
    code = (
        "import plexapi\n"
        "assert plexapi.CONFIG.get('auth.server_token') == 'from-file'\n"
        "from plex.client import PlexServer\n"
        "print(plexapi.CONFIG.get('auth.server_token'), plexapi.CONFIG.get('log.show_secrets'))\n"
    )
    assert run(code, PLEXAPI_CONFIG_PATH=str(config)) == "None None"


def test_neither_a_config_file_nor_the_environment_changes_plexapi(tmp_path: Path) -> None:
    """A config.ini of the account, or PLEXAPI_ variables, add no token, log file or timeout."""
    log = tmp_path / "plexapi.log"
    folder = tmp_path / ".config" / "plexapi"
    folder.mkdir(parents=True)
    (folder / "config.ini").write_text(
        "[auth]\nserver_token = from-file\n[plexapi]\nautoreload = true\ncontainer_size = 7\n"
        f"[log]\nshow_secrets = true\npath = {log}\nlevel = DEBUG\n[header]\nproduct = Other\n"
    )
    code = (
        "import sys, plex.client\n"
        "assert 'plexapi' not in sys.modules\n"
        "plex.client.PlexServer\n"
        "import plexapi, plexapi.base\n"
        "get = plexapi.CONFIG.get\n"
        "print(get('auth.server_token'), get('plexapi.autoreload', True, bool), "
        "plexapi.base.X_PLEX_CONTAINER_SIZE, get('log.show_secrets'), plexapi.TIMEOUT, "
        "plexapi.loglevel)\n"
    )
    seen = run(
        code,
        HOME=str(tmp_path),
        USERPROFILE=str(tmp_path),
        PLEXAPI_AUTH_SERVER_TOKEN="from-environment",
        PLEXAPI_PLEXAPI_TIMEOUT="1",
        PLEXAPI_PLEXAPI_AUTORELOAD="true",
    )
    assert seen == "None False 100 None 30 INFO"
    assert not log.exists()


def test_raw_queries_do_without_plexapi() -> None:
    """The worker's usual path does not pay for importing it."""
    with Wire(plex_like) as wire:
        code = (
            "import sys\n"
            "from plex.client import PlexClient\n"
            f"with PlexClient({wire.url!r}, {TOKEN!r}) as client:\n"
            "    client.query('/a'), client.probe(), client.section_infos()\n"
            "print('plexapi' in sys.modules)\n"
        )
        assert run(code) == "False"


def test_other_names_of_the_module_do_not_exist() -> None:
    """Only PlexServer is made on demand; a typo is still an AttributeError."""
    assert plex.client.PlexServer.__name__ == "PlexServer"
    with pytest.raises(AttributeError, match="PlexSever"):
        _ = plex.client.PlexSever


def reply_by_turn(*replies: bytes) -> Reply:
    """Give the replies one after the other."""
    waiting = list(replies)
    return lambda *_: waiting.pop(0)


def test_a_closed_client_can_be_used_again() -> None:
    """Closing lets go of connections and of nothing else."""
    with Wire(reply_by_turn(container(), container())) as wire, client_for(wire) as client:
        client.query("/a")
        client.close()
        client.query("/a")
        assert wire.connections == 2


@given(st.text())
def test_a_query_is_quoted_as_the_standard_library_does(text: str) -> None:
    """Every text, lone surrogates included, travels as ``urllib.parse.quote`` would write it."""
    assert encode_query([("n", text)]) == "n=" + quote(text, safe="", errors="replace")
