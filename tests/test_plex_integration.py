"""The contracts between worker and Plex, each against mocks at plexapi's edge."""

from __future__ import annotations

import inspect
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock, call, patch
from xml.etree.ElementTree import Element, fromstring

import plexapi.exceptions
import pytest
import requests

import plex.client
from faults import ConfigurationError, PermanentError, TransientError
from plex.client import PlexClient
from plex.exceptions import (
    AuthError,
    PlexNotFound,
    PlexPermanentError,
    PlexTemporaryError,
    translate_plex_exception,
)
from plex.matcher import find_plex_item_by_path
from store import ledger
from store.store import Store
from validation.config import PlexSyncConfig
from worker import processor
from worker.log import Log
from worker.processor import SyncWorker

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/media/films/A Film.mp4"
ITEM = f"""<MediaContainer size="1" librarySectionID="3">
  <Video ratingKey="42" type="movie" title="Film One" studio="Old">
    <Media><Part file="{PATH}"/></Media><Genre tag="Foreign"/>
  </Video>
</MediaContainer>"""


def section(*paths: str) -> MagicMock:
    """A library section that holds one item for each path, whatever it is asked."""
    items = []
    for number, path in enumerate(paths):
        part = SimpleNamespace(file=path, size=1)
        items.append(SimpleNamespace(ratingKey=42 + number, media=[SimpleNamespace(parts=[part])]))
    found = MagicMock(key=3, type="movie", title="Films", locations=["/media/films"])
    found.fetchItems.return_value = items
    return found


class Town:
    """A worker on a real store with a mocked Plex and no Stash."""

    def __init__(self, store: Store) -> None:
        self.client = MagicMock(spec=PlexClient, machine_identifier="m1", friendly_name="Den")
        found = section(PATH)
        self.client.section_infos.return_value = [found]
        self.client.section.return_value = found
        self.client.query.side_effect = self._answer
        self.log = MagicMock(spec=Log, is_redacted=False)
        self.store = store
        config = PlexSyncConfig(plex_url="http://plex:32400", plex_token="t0ken")
        self.worker = SyncWorker(store, MagicMock(), self.log, config=config)
        self.fault: Exception | None = None

    def _answer(
        self, path: str, params: Any = (), *, method: str = "GET", meanwhile: object = None
    ) -> Element | None:
        if self.fault:
            raise self.fault
        return None if method == "PUT" else fromstring(ITEM)

    @property
    def edits(self) -> list[dict[str, str]]:
        """The parameters of each edit that was sent."""
        calls = self.client.query.call_args_list
        return [dict(call.args[1]) for call in calls if call.kwargs.get("method") == "PUT"]

    def process(self, **changes: Any) -> Any:
        """Give the worker a job, the mocked client in place of the real one."""
        data = {"path": PATH, "title": "New", "studio": "Studio"}
        job = {"scene_id": 7, "update_type": "metadata", "data": data} | changes
        with patch.object(self.worker, "_get_plex_client", return_value=self.client):
            return self.worker._process_job(job)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A worker, its store closed afterwards."""
    store = Store(str(tmp_path))
    yield Town(store)
    store.close()


def test_the_client_hands_its_timeout_to_plexapi() -> None:
    """PlexServer gets timeout=read_timeout, and is made only when the server is needed."""
    with patch("plex.client.PlexServer") as server:
        client = PlexClient("http://plex:32400/", "t0ken", connect_timeout=2.0, read_timeout=17.0)
        server.assert_not_called()
        assert client.server is server.return_value
        assert client.server is server.return_value
        server.assert_called_once()
        assert server.call_args.args[:2] == ("http://plex:32400", "t0ken")
        assert server.call_args.kwargs["timeout"] == 17.0
        client.close()
    assert plex.client.PlexServer is not None


def test_both_timeouts_reach_the_socket_layer() -> None:
    """Below plexapi the connect timeout holds beside the read timeout."""
    client = PlexClient("http://plex:32400", "t0ken", connect_timeout=2.0, read_timeout=17.0)
    ours, plexs = socket.socketpair()
    with patch("socket.create_connection", side_effect=TimeoutError("no answer")) as connect:
        with pytest.raises(PlexTemporaryError):
            _ = client.server
        assert connect.call_args.args == (("plex", 32400), 2.0)
        connect.side_effect = None
        connect.return_value = opened = MagicMock(wraps=ours, setsockopt=MagicMock())
        plexs.shutdown(socket.SHUT_WR)  # it takes the request, and hangs up
        with pytest.raises(PlexTemporaryError):
            _ = client.server
        assert connect.call_args.args == (("plex", 32400), 2.0)
    last_but_one, last = [step for step in opened.method_calls if step[0] == "settimeout"][-2:]
    assert last_but_one == last == call.settimeout(17.0)  # before reading, and while reading
    client.close()
    ours.close()
    plexs.close()


def test_an_item_is_found_by_its_path() -> None:
    """Of several files that Plex names, the one with exactly that path is given."""
    library = section("/elsewhere/A Film.mp4", PATH)
    found = find_plex_item_by_path(library, PATH)
    assert found is not None
    assert found.ratingKey == 43
    (key,) = library.fetchItems.call_args.args
    assert key == "/library/sections/3/all?type=1&file=A%20Film.mp4"
    assert library.fetchItems.call_args.kwargs["maxresults"]


def test_no_item_is_none() -> None:
    """A path that Plex does not have gives None, even when the filter gave others."""
    assert find_plex_item_by_path(section(), PATH) is None
    assert find_plex_item_by_path(section("/elsewhere/A Film.mp4"), PATH) is None
    assert find_plex_item_by_path(section(PATH), "") is None


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (ConnectionRefusedError(), PlexTemporaryError),
        (requests.ConnectionError("refused"), PlexTemporaryError),
        (requests.ReadTimeout("slow"), PlexTemporaryError),
        (plexapi.exceptions.NotFound("(404) not_found"), PlexNotFound),
        (plexapi.exceptions.BadRequest("(400) bad_request"), PlexPermanentError),
        (plexapi.exceptions.Unauthorized("(401) unauthorized"), AuthError),
        (plexapi.exceptions.BadRequest("(503) service_unavailable"), PlexTemporaryError),
        (RuntimeError("who knows"), PlexTemporaryError),
    ],
)
def test_what_plexapi_raises_becomes_ours(raised: Exception, expected: type[Exception]) -> None:
    """Exceptions become one of our classes, never with the token or the URL in them."""
    fault = translate_plex_exception(raised)
    assert isinstance(fault, expected)
    assert isinstance(fault, (TransientError, PermanentError))


def test_plexapi_s_own_fault_is_translated_on_the_way_out() -> None:
    """A fault in PlexServer's constructor leaves the client as one of our classes."""
    client = PlexClient("http://plex:32400", "t0ken")
    with patch("plex.client.PlexServer", side_effect=plexapi.exceptions.Unauthorized("(401) x")):
        with pytest.raises(AuthError) as raised:
            _ = client.server
        assert "t0ken" not in str(raised.value)
    client.close()


def test_the_worker_takes_its_configuration() -> None:
    """SyncWorker is made with a config, and the errors are importable from its module."""
    assert "config" in inspect.signature(SyncWorker.__init__).parameters
    assert processor.TransientError is TransientError
    assert processor.PermanentError is PermanentError
    assert issubclass(PlexNotFound, TransientError)


def test_the_worker_makes_its_client_from_the_configuration_once(town: Town) -> None:
    """The client is made when first needed, with both timeouts of the settings."""
    with patch("worker.processor.PlexClient") as make:
        config = PlexSyncConfig(
            plex_url="http://plex:32400",
            plex_token="t0ken",
            plex_connect_timeout=3.0,
            plex_read_timeout=9.0,
        )
        worker = SyncWorker(town.store, MagicMock(), town.log, config=config)
        make.assert_not_called()
        assert worker._get_plex_client() is worker._get_plex_client()
        make.assert_called_once()
        assert make.call_args.kwargs["connect_timeout"] == 3.0
        assert make.call_args.kwargs["read_timeout"] == 9.0


def test_a_job_finds_its_item_and_updates_it(town: Town) -> None:
    """One edit goes to the item that holds the path, locks included, and is recorded."""
    look = town.process()
    (edit,) = town.edits
    assert (edit["id"], edit["title.value"], edit["studio.value"]) == ("42", "New", "Studio")
    assert edit["title.locked"] == edit["studio.locked"] == "1"
    assert look.items == [42]
    entry = ledger.entry(town.store.connection, "m1", 42)
    assert entry is not None
    assert entry.scene == 7
    assert not entry.pending


def test_a_job_that_changes_nothing_sends_nothing(town: Town) -> None:
    """Where Plex already says the same there is a read and no edit."""
    town.process(data={"path": PATH, "title": "Film One", "studio": "Old"})
    assert town.edits == []


def test_a_job_without_a_path_is_permanent(town: Town) -> None:
    """Without a path Plex is not even asked."""
    with pytest.raises(PermanentError, match="no file path"):
        town.process(data={"title": "New"})
    town.client.query.assert_not_called()


def test_an_unknown_update_type_is_logged_and_permanent(town: Town) -> None:
    """A job of a kind nobody knows is said in the log and not tried again."""
    with pytest.raises(PermanentError, match="poster"):
        town.process(update_type="poster")
    town.log.error.assert_called_once()
    assert "poster" in town.log.error.call_args.args[0]
    town.client.query.assert_not_called()


def test_an_item_that_is_not_there_is_plex_not_found(town: Town) -> None:
    """A file that Plex does not know yet is transient: PlexNotFound."""
    town.client.section.return_value = section()
    with pytest.raises(PlexNotFound) as raised:
        town.process()
    assert isinstance(raised.value, TransientError)
    assert town.edits == []


@pytest.mark.parametrize("when", ["while looking", "while reading"])
def test_a_passing_fault_is_temporary(town: Town, when: str) -> None:
    """A server that does not answer makes the job temporary, whichever request it was."""
    if when == "while looking":
        town.client.section.return_value.fetchItems.side_effect = requests.ReadTimeout("slow")
    else:
        town.fault = translate_plex_exception(requests.ReadTimeout("slow"))
    with pytest.raises(PlexTemporaryError):
        town.process()
    assert ledger.entry(town.store.connection, "m1", 42) is None


def test_a_fault_while_writing_leaves_what_was_intended(town: Town) -> None:
    """When the edit itself fails, the ledger knows what may have arrived."""
    answer = town._answer

    def refuse_edits(
        path: str, params: Any = (), *, method: str = "GET", **_: object
    ) -> Element | None:
        if method == "PUT":
            raise PlexTemporaryError("Plex hung up.")
        return answer(path, params, method=method)

    town.client.query.side_effect = refuse_edits
    with pytest.raises(PlexTemporaryError):
        town.process()
    entry = ledger.entry(town.store.connection, "m1", 42)
    assert entry is not None
    assert '"New"' in entry.pending
    assert not entry.base


def test_without_settings_the_queue_waits(town: Town) -> None:
    """A worker without a configuration raises what pauses the queue, and parks nothing."""
    worker = SyncWorker(town.store, MagicMock(), town.log)
    with pytest.raises(ConfigurationError):
        worker._process_job({"scene_id": 7, "update_type": "metadata", "data": {"path": PATH}})
