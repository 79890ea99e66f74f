"""Every way the Plex stand-in can be told to misbehave."""

from __future__ import annotations

import http.client
import json
import socket
import time
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from simulator.control import PlexControl, StandInError

SECTIONS = "/library/sections"

SCENES = 3


@pytest.fixture
def rename(plex: PlexControl) -> str:
    """Address of a PUT that renames the first item."""
    return f"/library/metadata/{plex.rating_keys()[0]}?title.value=New"


def title(plex: PlexControl) -> str:
    """Title of the first item."""
    return str(plex.item(plex.rating_keys()[0])["fields"]["title"])


def connection(plex: PlexControl, timeout: float = 10.0) -> http.client.HTTPConnection:
    """A kept-alive connection to the stand-in."""
    return http.client.HTTPConnection(plex.url.removeprefix("http://"), timeout=timeout)


def test_reset_before_leaves_the_edit_undone(plex: PlexControl, rename: str) -> None:
    """The connection breaks and nothing was written."""
    plex.fault("reset_before", method="PUT")
    with pytest.raises(ConnectionResetError) as broken:
        plex.ask("PUT", rename)
    # http.client's "closed without an answer" is a subclass; this one must be a real RST.
    assert broken.type is ConnectionResetError
    assert title(plex) == "Scene 000001"


def test_reset_after_has_done_the_edit(plex: PlexControl, rename: str) -> None:
    """The connection breaks although the edit was carried out."""
    plex.fault("reset_after", method="PUT")
    with pytest.raises(ConnectionResetError) as broken:
        plex.ask("PUT", rename)
    # http.client's "closed without an answer" is a subclass; this one must be a real RST.
    assert broken.type is ConnectionResetError
    assert title(plex) == "New"


def test_a_polite_reset_is_a_closed_connection(plex: PlexControl) -> None:
    """With polite the connection ends without an answer and without RST."""
    plex.fault("reset_before", polite=True)
    with pytest.raises(http.client.RemoteDisconnected):
        plex.ask("GET", SECTIONS)


def test_only_the_wanted_requests_meet_a_fault(plex: PlexControl, rename: str) -> None:
    """Method, path, nth and times choose; everything else goes its way."""
    plex.fault("status", method="PUT", path=r"/library/metadata/\d+", nth=2, times=2, status=500)
    assert plex.ask("GET", SECTIONS).status == 200
    assert [plex.ask("PUT", rename).status for _ in range(5)] == [200, 500, 500, 200, 200]
    rule = plex.faults()[0]
    assert (rule["seen"], rule["hits"]) == (5, 2)


def test_a_fault_without_end(plex: PlexControl) -> None:
    """times=None goes on until the rule is dropped."""
    rule = plex.fault("status", times=None, status=502)
    assert [plex.ask("GET", SECTIONS).status for _ in range(3)] == [502, 502, 502]
    plex.clear_faults(rule)
    assert plex.ask("GET", SECTIONS).status == 200


def test_a_status_carries_its_headers_and_body(plex: PlexControl, rename: str) -> None:
    """Status, headers and body are as told, and the edit is not done."""
    plex.fault("status", status=429, headers={"Retry-After": "7"}, body="slow down")
    answer = plex.ask("PUT", rename)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
    assert answer.body == b"slow down"
    assert title(plex) == "Scene 000001"


def test_a_status_may_lie_about_the_edit(plex: PlexControl, rename: str) -> None:
    """With apply the edit is done although the answer is an error."""
    plex.fault("status", status=504, apply=True)
    assert plex.ask("PUT", rename).status == 504
    assert title(plex) == "New"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_lead_elsewhere(plex: PlexControl, status: int) -> None:
    """A redirect has the wanted status and Location."""
    plex.fault("redirect", status=status, location="http://example.org/login")
    answer = plex.ask("GET", SECTIONS)
    assert (answer.status, answer.headers["Location"]) == (status, "http://example.org/login")


def test_a_login_page_looks_like_success(plex: PlexControl) -> None:
    """html200 is 200 with a page that is no MediaContainer."""
    plex.fault("html200")
    answer = plex.ask("GET", SECTIONS)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html")
    assert b"<form" in answer.body


def test_maintenance_covers_every_address(plex: PlexControl) -> None:
    """With the switch on even /identity is 503 and says why, as XML or as JSON."""
    plex.switches(maintenance="Plex Media Server is currently running database migrations.")
    for target in ("/identity", "/", SECTIONS):
        answer = plex.ask("GET", target, token=None)
        assert answer.status == 503
        root = ET.fromstring(answer.body)
        assert (root.tag, root.attrib["title"]) == ("Response", "Maintenance")
        assert "migrations" in root.attrib["status"]
    answer = plex.ask("GET", "/", headers={"Accept": "application/json"})
    assert json.loads(answer.body)["code"] == 503


def test_maintenance_for_some_requests(plex: PlexControl) -> None:
    """As a fault it ends after the wanted number of requests."""
    plex.fault("maintenance", times=1)
    answers = [plex.ask("GET", "/identity") for _ in range(2)]
    assert [answer.status for answer in answers] == [503, 200]
    assert b"startup maintenance" in answers[0].body


def test_a_cut_body_is_shorter_than_promised(plex: PlexControl) -> None:
    """Truncate sends less than Content-Length says."""
    plex.fault("truncate")
    with pytest.raises(http.client.IncompleteRead):
        plex.ask("GET", SECTIONS)


def test_a_slow_answer_arrives_whole(plex: PlexControl) -> None:
    """slow_drip sends the body in pieces, and all of it."""
    whole = plex.ask("GET", SECTIONS).body
    plex.fault("slow_drip", bytes=100, seconds=0.01)
    assert plex.ask("GET", SECTIONS).body == whole


@pytest.mark.parametrize("action", ["hang_headers", "hang_body"])
def test_a_hanging_answer_runs_into_the_clients_patience(plex: PlexControl, action: str) -> None:
    """Nothing, or half a body, and then silence until the rule is dropped."""
    plex.fault(action)
    client = connection(plex, timeout=0.3)
    client.request("GET", SECTIONS, headers={"X-Plex-Token": plex.token})
    with pytest.raises(TimeoutError):
        client.getresponse().read()
    client.close()
    plex.clear_faults()


def test_dropping_the_rule_lets_go(plex: PlexControl) -> None:
    """A request that hangs ends when its rule is dropped, not only when it times out."""
    plex.fault("hang_headers")
    client = connection(plex)
    client.request("GET", SECTIONS, headers={"X-Plex-Token": plex.token})
    while not plex.faults()[0]["hits"]:
        time.sleep(0.01)
    plex.clear_faults()
    with pytest.raises(http.client.RemoteDisconnected):
        client.getresponse()
    client.close()


def test_a_delay_only_delays(plex: PlexControl, rename: str) -> None:
    """Delay answers as usual, later."""
    plex.fault("delay", seconds=0.2)
    started = time.monotonic()
    assert plex.ask("PUT", rename).status == 200
    assert time.monotonic() - started >= 0.2
    assert title(plex) == "New"


def test_latency_is_for_every_request(plex: PlexControl) -> None:
    """latency() lets each Plex request wait, and control requests not."""
    plex.latency(100)
    started = time.monotonic()
    plex.ask("GET", "/identity")
    plex.ask("GET", "/identity")
    assert time.monotonic() - started >= 0.2


def test_an_entity_bomb_is_small(plex: PlexControl) -> None:
    """The document is tiny and defines entities within entities."""
    plex.fault("entity_bomb")
    answer = plex.ask("GET", SECTIONS)
    assert len(answer.body) < 2000
    assert answer.body.count(b"<!ENTITY") == 10


def test_a_huge_body_is_as_large_as_told(plex: PlexControl) -> None:
    """huge_body answers well-formed XML of the wanted size."""
    plex.fault("huge_body", bytes=3_000_000)
    body = plex.ask("GET", SECTIONS).body
    assert len(body) > 3_000_000
    assert ET.fromstring(body).tag == "MediaContainer"


def test_the_content_type_can_be_wrong(plex: PlexControl) -> None:
    """The right body under a wrong type."""
    plex.fault("content_type", content_type="application/pdf")
    answer = plex.ask("GET", SECTIONS)
    assert answer.headers["Content-Type"] == "application/pdf"
    assert ET.fromstring(answer.body).tag == "MediaContainer"


def test_close_breaks_the_promise_to_keep_alive(plex: PlexControl) -> None:
    """The answer says Keep-Alive, and the connection is closed after it all the same."""
    plex.fault("close")
    client = connection(plex)
    headers = {"X-Plex-Token": plex.token}
    client.request("GET", SECTIONS, headers=headers)
    reply = client.getresponse()
    reply.read()
    assert reply.headers["Connection"] == "Keep-Alive"
    assert client.sock is not None
    assert client.sock.recv(1) == b""
    client.close()


def test_idle_connections_are_closed(plex: PlexControl) -> None:
    """A connection that says nothing for keepalive_seconds is closed by the server."""
    plex.switches(keepalive_seconds=1)
    client = connection(plex)
    client.request("GET", "/identity")
    reply = client.getresponse()
    reply.read()
    assert reply.headers["Keep-Alive"] == "timeout=1"
    assert client.sock is not None
    assert client.sock.recv(1) == b""
    client.close()


def test_bytes_that_are_no_http(plex: PlexControl) -> None:
    """Raw answers whatever bytes it is told, like a server that wants TLS."""
    plex.fault("raw", body="\x15\x03\x01\x00\x02\x02\x16")
    with pytest.raises(http.client.BadStatusLine):
        plex.ask("GET", SECTIONS)


def test_requests_that_are_no_http_do_no_harm(plex: PlexControl) -> None:
    """Nonsense from a client ends its connection, and others are served."""
    with socket.create_connection(("127.0.0.1", int(plex.url.rpartition(":")[2])), 5) as sock:
        sock.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert sock.recv(10) == b""
    assert plex.ask("GET", "/identity").status == 200


def test_faults_are_in_the_journal(plex: PlexControl) -> None:
    """The journal names the fault a request met, and counts it."""
    plex.fault("reset_before", path="/identity")
    with pytest.raises(ConnectionResetError):
        plex.ask("GET", "/identity")
    plex.ask("GET", "/identity")
    met = [(entry["fault"], entry["status"]) for entry in plex.requests()]
    assert met == [("reset_before", 0), ("", 200)]
    assert plex.counts()["faults"] == 1


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "explode"},
        {"action": "delay", "match": {"pathh": "x"}},
        {"action": "delay", "match": {"path": "("}},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(plex: PlexControl, rule: dict[str, Any]) -> None:
    """A misspelt fault is an error, so that no test passes because nothing went wrong."""
    with pytest.raises(StandInError, match="400"):
        plex.call("POST", "/sim/faults", rule)
    assert plex.faults() == []
