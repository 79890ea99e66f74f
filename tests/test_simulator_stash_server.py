"""The Stash stand-in's doors, faults and journal, over real sockets."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from simulator.control import StandInError
from simulator.control_stash import StashControl, start_stash
from tests.stash_stand_in import recorded_reply, serving
from tests.wire import self_signed

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "query Version{version{version}}"


@pytest.fixture
def stash() -> Iterator[StashControl]:
    """A stand-in with a scene."""
    with serving(scenes=1) as control:
        yield control


@pytest.fixture
def locked() -> Iterator[StashControl]:
    """A stand-in that asks for a login."""
    with serving(scenes=1, username="admin", password="pw", api_key="the-key") as control:
        yield control


@pytest.mark.parametrize("name", ["unauthenticated-query", "apikey-bad", "apikey-query"])
def test_doors_as_recorded(locked: StashControl, name: str) -> None:
    """Without credentials and with a wrong key it is 401 with an empty body, with the key 200."""
    request, status, headers, _ = recorded_reply(name)
    sent = {key: value.replace("<apikey>", "the-key") for key, value in request["headers"].items()}
    got_status, got_headers, body = locked.post(request["query"], None, sent)
    assert got_status == status
    assert got_headers.get("Www-Authenticate") == headers.get("Www-Authenticate")
    assert got_headers.get("Content-Type") == headers.get("Content-Type")
    assert "Set-Cookie" not in got_headers
    assert (body == b"") == (status == 401)


def test_wrong_key_is_refused_even_where_nobody_has_to_log_in(stash: StashControl) -> None:
    """A stale key locks its owner out though no password is set; an empty one does not."""
    assert stash.post(VERSION)[0] == 200
    assert stash.post(VERSION, None, {"ApiKey": ""})[0] == 200
    assert stash.post(VERSION, None, {"ApiKey": "stale"})[0] == 401


def test_cookie_is_renewed_by_each_reply_and_grows_old(locked: StashControl) -> None:
    """A cookie opens the door for its age; the one in the reply lives on."""
    old = {"Cookie": f"session={locked.cookie()}"}
    locked.options(advance_seconds=3000)
    status, headers, _ = locked.post(VERSION, None, old)
    assert status == 200
    assert headers["Set-Cookie"].endswith("Max-Age=3600; SameSite=Lax")
    fresh = {"Cookie": headers["Set-Cookie"].partition(";")[0]}
    locked.options(advance_seconds=1000)
    assert locked.post(VERSION, None, old)[0] == 401
    assert locked.post(VERSION, None, fresh)[0] == 200
    assert locked.post(VERSION, None, {"Cookie": old["Cookie"][:-8] + "AAAAAAAA"})[0] == 401


def test_key_can_be_read_with_the_cookie(locked: StashControl) -> None:
    """The session cookie is enough to read the API key from the configuration."""
    cookie = {"Cookie": f"session={locked.cookie()}"}
    _, _, body = locked.post("{configuration{general{apiKey username}}}", None, cookie)
    general = json.loads(body)["data"]["configuration"]["general"]
    assert general == {"apiKey": "the-key", "username": "admin"}


def test_screenshot_sends_strangers_to_the_login(locked: StashControl) -> None:
    """Without credentials a cover is a redirect to a page of HTML; a key in the query opens."""
    status, headers, _ = locked.get("/scene/1/screenshot?t=1")
    assert status == 302
    assert headers["Location"].startswith("/login?returnURL=%2Fscene%2F1")
    status, headers, _ = locked.get(headers["Location"])
    assert (status, headers["Content-Type"].partition(";")[0]) == (200, "text/html")
    assert locked.get("/scene/1/screenshot?apikey=the-key")[1]["Content-Type"] == "image/jpeg"
    assert locked.get("/scene/1/screenshot?apikey=wrong")[0] == 401


def test_connection_is_kept(stash: StashControl) -> None:
    """Several requests go over one connection."""
    stash.clear_requests()
    connection = http.client.HTTPConnection("127.0.0.1", stash.port, timeout=10)
    for _ in range(3):
        connection.request("POST", "/graphql", json.dumps({"query": VERSION}))
        assert connection.getresponse().read()
    connection.close()
    counts = stash.counts()
    assert counts["Version"] == 3
    assert counts["connections"] == 2  # ours, and the one that asked for the counts


def test_journal(stash: StashControl) -> None:
    """The journal knows operation, text, variables, headers and status of a request."""
    query = "query Q($i:ID!){findScene(id:$i){id}}"
    stash.post(query, {"i": "1"}, {"X-Who": "me"})
    [entry] = stash.requests()
    assert (entry["operation"], entry["query"], entry["variables"]) == ("Q", query, {"i": "1"})
    assert (entry["status"], entry["headers"]["X-Who"]) == (200, "me")


@pytest.mark.parametrize(
    ("action", "options", "status", "body"),
    [
        ("status", {"status": 502, "body": "bad gateway"}, 502, b"bad gateway"),
        ("html200", {}, 200, b"<!DOCTYPE html>"),
        ("unauthorized", {}, 401, b""),
        ("graphql_error", {"message": "database is locked"}, 200, b'{"errors": [{"message": "data'),
    ],
)
def test_faults_that_answer(
    stash: StashControl, action: str, options: dict[str, Any], status: int, body: bytes
) -> None:
    """A fault answers in place of Stash, once, and only what it is meant for."""
    stash.fault(action, operation="Version", **options)
    assert stash.post("{version{version}}")[2].startswith(b'{"data"')
    got_status, _, got = stash.post(VERSION)
    assert got_status == status
    assert got.startswith(body)
    assert stash.post(VERSION)[2].startswith(b'{"data"')
    assert [(rule["seen"], rule["hits"]) for rule in stash.faults()] == [(2, 1)]


def test_faults_of_the_wire(stash: StashControl) -> None:
    """Resets, cut bodies and hung replies break the request as they say."""
    edit = 'mutation E{sceneUpdate(input:{id:1,title:"t"}){id}}'
    stash.fault("reset_before", operation="E")
    with pytest.raises(ConnectionError):
        stash.post(edit)
    assert stash.scene(1)["title"] != "t"
    stash.fault("reset_after", operation="E")
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        stash.post(edit)
    assert stash.scene(1)["title"] == "t"
    stash.fault("truncate", query="version")
    with pytest.raises(http.client.IncompleteRead):
        stash.post(VERSION)
    for action in ("hang", "hang_body"):
        stash.fault(action)
        with pytest.raises(TimeoutError):
            stash.post(VERSION, timeout=0.1)
    stash.clear_faults()
    assert stash.post(VERSION)[0] == 200


def test_close_after_a_reply_that_promised_more(stash: StashControl) -> None:
    """A kept connection can be closed under the client's feet."""
    stash.fault("close")
    connection = http.client.HTTPConnection("127.0.0.1", stash.port, timeout=10)
    connection.request("POST", "/graphql", json.dumps({"query": VERSION}))
    reply = connection.getresponse()
    assert reply.read()
    assert reply.headers.get("Connection") is None
    assert connection.sock.recv(1) == b""
    connection.close()


def test_unknown_control_requests_are_refused(stash: StashControl) -> None:
    """A mistyped control request is an error, not a no-op."""
    for path, payload in (("/sim/nothing", {}), ("/sim/faults", {"action": "explode"})):
        with pytest.raises(StandInError, match="400"):
            stash.call("POST", path, payload)
    with pytest.raises(StandInError, match="no option colour"):
        stash.options(colour="red")


def test_process(tmp_path: Path) -> None:
    """As a process of its own it says where it listens and speaks of what it lacks."""
    with start_stash(scenes=2, api_key="k", offset_minutes=-300) as stash:
        assert stash.graphql("{findScenes{count}}") == {"findScenes": {"count": 2}}
        assert stash.state()["now"].endswith("-05:00")
    command = [sys.executable, "-m", "simulator.stash", "--schema-dir", str(tmp_path)]
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == 1
    assert "tools/fetch_stash_schema.py" in done.stderr


def test_many_at_once(stash: StashControl) -> None:
    """Requests are served side by side: one that is held up does not hold up another."""
    hung = stash.fault("hang", operation="Version")
    waiting = threading.Thread(target=lambda: _ignoring_reset(stash))
    waiting.start()
    assert stash.graphql("{findScenes{count}}") == {"findScenes": {"count": 1}}
    stash.clear_faults(hung)
    waiting.join()


def _ignoring_reset(stash: StashControl) -> None:
    try:
        stash.post(VERSION)
    except (http.client.HTTPException, OSError):
        return


def test_tls(tmp_path: Path) -> None:
    """With a certificate it speaks https, and a plain client gets nowhere."""
    self_signed(tmp_path)
    with start_stash(scenes=1, tls_cert=tmp_path / "server.pem") as stash:
        assert stash.url.startswith("https://")
        assert stash.graphql("{findScenes{count}}") == {"findScenes": {"count": 1}}
        with pytest.raises(ssl.SSLError):
            ssl.create_default_context().wrap_socket(
                socket.create_connection(("127.0.0.1", stash.port)), server_hostname="127.0.0.1"
            )
