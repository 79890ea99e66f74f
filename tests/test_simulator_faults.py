"""How a stand-in misbehaves when it is told to; what a fault does to PlexSync is the matrix's."""

from __future__ import annotations

import http.client
from xml.etree import ElementTree as ET

import pytest

from simulator.control import PlexControl, StandInError
from simulator.environment import wait_for

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


@pytest.mark.parametrize(
    ("action", "after"), [("reset_before", "Scene 000001"), ("reset_after", "New")]
)
def test_a_reset_comes_before_or_after_the_edit(
    plex: PlexControl, rename: str, action: str, after: str
) -> None:
    """The connection breaks, and the edit is not carried out or is."""
    plex.fault(action, method="PUT")
    with pytest.raises(ConnectionResetError) as broken:
        plex.ask("PUT", rename)
    # http.client's "closed without an answer" is a subclass; this one must be a real RST.
    assert broken.type is ConnectionResetError
    assert title(plex) == after


def test_only_the_wanted_requests_meet_a_fault(plex: PlexControl, rename: str) -> None:
    """Method, path, nth and times choose; everything else goes its way."""
    plex.fault("status", method="PUT", path=r"/library/metadata/\d+", nth=2, times=2, status=500)
    assert plex.ask("GET", SECTIONS).status == 200
    assert [plex.ask("PUT", rename).status for _ in range(5)] == [200, 500, 500, 200, 200]
    rule = plex.faults()[0]
    assert (rule["seen"], rule["hits"]) == (5, 2)


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


def test_maintenance_covers_every_address(plex: PlexControl) -> None:
    """While it lasts even /identity is 503 and says why."""
    plex.fault("maintenance", times=None, message="Plex runs database migrations.")
    for target in ("/identity", "/", SECTIONS):
        answer = plex.ask("GET", target, token=None)
        assert answer.status == 503
        root = ET.fromstring(answer.body)
        assert (root.tag, root.attrib["title"]) == ("Response", "Maintenance")
        assert "migrations" in root.attrib["status"]


def test_a_cut_body_is_shorter_than_promised(plex: PlexControl) -> None:
    """Truncate sends less than Content-Length says."""
    plex.fault("truncate")
    with pytest.raises(http.client.IncompleteRead):
        plex.ask("GET", SECTIONS)


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
    wait_for(lambda: plex.faults()[0]["hits"])
    plex.clear_faults()
    with pytest.raises(http.client.RemoteDisconnected):
        client.getresponse()
    client.close()


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


def test_a_fault_that_does_not_exist_is_refused(plex: PlexControl) -> None:
    """A misspelt fault is an error, so that no test passes because nothing went wrong."""
    with pytest.raises(StandInError, match="no fault is called"):
        plex.fault("explode")
    with pytest.raises(StandInError, match=r"unterminated|missing"):
        plex.fault("delay", path="(")
    assert plex.faults() == []
