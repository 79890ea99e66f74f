"""Who may ask the Stash stand-in what, over real sockets."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.installation import wait_for
from tests.stash_stand_in import recorded_reply, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.control import StashControl

VERSION = "query Version{version{version}}"


@pytest.fixture
def stash() -> Iterator[StashControl]:
    """A stand-in with a scene."""
    with serving(scenes=1) as control:
        yield control


@pytest.fixture
def locked() -> Iterator[StashControl]:
    """A stand-in that asks for a login."""
    with serving(scenes=1, username="admin", api_key="the-key") as control:
        yield control


@pytest.mark.parametrize("name", ["unauthenticated-query", "apikey-bad", "apikey-query"])
def test_doors_as_recorded(locked: StashControl, name: str) -> None:
    """Without credentials and with a wrong key it is 401 with an empty body, with the key 200."""
    request, status, headers, _ = recorded_reply(name)
    sent = {key: value.replace("<apikey>", "the-key") for key, value in request["headers"].items()}
    answer = locked.post(request["query"], None, sent)
    assert answer.status == status
    for header in ("Www-Authenticate", "Content-Type"):
        assert answer.headers.get(header) == headers.get(header)
    assert "Set-Cookie" not in answer.headers
    assert (answer.body == b"") == (status == 401)


def test_wrong_key_is_refused_even_where_nobody_has_to_log_in(stash: StashControl) -> None:
    """A stale key locks its owner out though no password is set; an empty one does not."""
    assert stash.post(VERSION).status == 200
    assert stash.post(VERSION, None, {"ApiKey": ""}).status == 200
    assert stash.post(VERSION, None, {"ApiKey": "stale"}).status == 401


def test_cookie_is_renewed_by_each_reply_and_grows_old(locked: StashControl) -> None:
    """A cookie is accepted for its age; the one in the reply lives on."""
    old = {"Cookie": f"session={locked.cookie()}"}
    locked.options(advance_seconds=3000)
    answer = locked.post(VERSION, None, old)
    assert answer.status == 200
    assert answer.headers["Set-Cookie"].endswith("Max-Age=3600; SameSite=Lax")
    fresh = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}
    locked.options(advance_seconds=1000)
    assert locked.post(VERSION, None, old).status == 401
    assert locked.post(VERSION, None, fresh).status == 200
    assert locked.post(VERSION, None, {"Cookie": old["Cookie"][:-8] + "AAAAAAAA"}).status == 401


def test_key_can_be_read_with_the_cookie(locked: StashControl) -> None:
    """The session cookie is enough to read the API key from the configuration."""
    cookie = {"Cookie": f"session={locked.cookie()}"}
    answer = locked.post("{configuration{general{apiKey username}}}", None, cookie)
    general = json.loads(answer.body)["data"]["configuration"]["general"]
    assert general == {"apiKey": "the-key", "username": "admin"}


def test_screenshot_sends_strangers_to_the_login(locked: StashControl) -> None:
    """Without credentials a cover is a redirect to a page of HTML; a key in the query opens."""
    answer = locked.send("GET", "/scene/1/screenshot?t=1")
    assert answer.status == 302
    assert answer.headers["Location"].startswith("/login?returnURL=%2Fscene%2F1")
    answer = locked.send("GET", answer.headers["Location"])
    assert (answer.status, answer.headers["Content-Type"][:9]) == (200, "text/html")
    opened = locked.send("GET", "/scene/1/screenshot?apikey=the-key")
    assert opened.headers["Content-Type"] == "image/jpeg"
    assert locked.send("GET", "/scene/1/screenshot?apikey=wrong").status == 401


def test_a_fault_is_for_the_operation_that_it_names(stash: StashControl) -> None:
    """A fault answers in place of Stash, once, and only what it is meant for."""
    stash.fault("graphql_error", operation="Version", message="database is locked")
    assert stash.post("{version{version}}").body.startswith(b'{"data"')
    assert stash.post(VERSION).body.startswith(b'{"errors": [{"message": "database is locked"')
    assert stash.post(VERSION).body.startswith(b'{"data"')
    assert [(rule["seen"], rule["hits"]) for rule in stash.faults()] == [(2, 1)]


def test_a_page_of_thousands_holds_up_no_other_question() -> None:
    """One of Stash's ten readers is busy with it, so what is asked later is answered earlier."""
    many = "query Many{findScenes(filter:{per_page:-1}){scenes{id title files{path}}}}"
    with serving(scenes=30_000) as stash, ThreadPoolExecutor(1) as threads:
        page = threads.submit(stash.graphql, many)
        wait_for(lambda: stash.counts().get("Many"))
        for _ in range(5):  # how many come while it is read is the machine's affair
            one = stash.graphql("query One($id:ID!){findScene(id:$id){title}}", id="7")
            assert one["findScene"]["title"]
        assert len(page.result()["findScenes"]["scenes"]) == 30_000
        asked = [(one["operation"], one["at"], one["seconds"]) for one in stash.requests()]
    [(began, ended)] = [(at, at + seconds) for name, at, seconds in asked if name == "Many"]
    assert any(began < at and at + seconds < ended for name, at, seconds in asked if name == "One")
