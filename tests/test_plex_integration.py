"""The contracts between worker and Plex, each against mocks at plexapi's edge.

Runs under pytest and under unittest alike, with nothing installed but requirements.txt.
"""

from __future__ import annotations

import inspect
import socket
import tempfile
import unittest
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock, call, patch
from xml.etree.ElementTree import Element, fromstring

import plexapi.exceptions
import requests

import plex.client
from errors import ConfigurationError, PermanentError, TransientError
from log import Log
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
from worker.processor import SyncWorker

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


class TheClient(unittest.TestCase):
    """plex.client.PlexClient, between the worker and plexapi."""

    def test_hands_its_timeout_to_plexapi(self) -> None:
        """PlexServer gets timeout=read_timeout, and is made only when the server is needed."""
        with patch("plex.client.PlexServer") as server:
            client = PlexClient(
                "http://plex:32400/", "t0ken", connect_timeout=2.0, read_timeout=17.0
            )
            server.assert_not_called()
            assert client.server is server.return_value
            assert client.server is server.return_value
            server.assert_called_once()
            assert server.call_args.args[:2] == ("http://plex:32400", "t0ken")
            assert server.call_args.kwargs["timeout"] == 17.0
            client.close()
        assert plex.client.PlexServer is not None

    def test_both_timeouts_reach_the_socket_layer(self) -> None:
        """Below plexapi the connect timeout holds beside the read timeout."""
        client = PlexClient("http://plex:32400", "t0ken", connect_timeout=2.0, read_timeout=17.0)
        ours, plexs = socket.socketpair()
        with patch("socket.create_connection", side_effect=TimeoutError("no answer")) as connect:
            with self.assertRaises(PlexTemporaryError):
                _ = client.server
            assert connect.call_args.args == (("plex", 32400), 2.0)
            connect.side_effect = None
            connect.return_value = opened = MagicMock(wraps=ours, setsockopt=MagicMock())
            plexs.shutdown(socket.SHUT_WR)  # it takes the request, and hangs up
            with self.assertRaises(PlexTemporaryError):
                _ = client.server
            assert connect.call_args.args == (("plex", 32400), 2.0)
        last_but_one, last = [step for step in opened.method_calls if step[0] == "settimeout"][-2:]
        assert last_but_one == last == call.settimeout(17.0)  # before reading, and while reading
        client.close()
        ours.close()
        plexs.close()

    def test_translates_plexapi_s_own_fault_on_the_way_out(self) -> None:
        """A fault in PlexServer's constructor leaves the client as one of our classes."""
        client = PlexClient("http://plex:32400", "t0ken")
        fault = plexapi.exceptions.Unauthorized("(401) x")
        with patch("plex.client.PlexServer", side_effect=fault):
            with self.assertRaises(AuthError) as raised:
                _ = client.server
            assert "t0ken" not in str(raised.exception)
        client.close()


class TheMatcher(unittest.TestCase):
    """plex.matcher.find_plex_item_by_path."""

    def test_an_item_is_found_by_its_path(self) -> None:
        """Of several files that Plex names, the one with exactly that path is given."""
        library = section("/elsewhere/A Film.mp4", PATH)
        found = find_plex_item_by_path(library, PATH)
        assert found is not None
        assert found.ratingKey == 43
        (key,) = library.fetchItems.call_args.args
        assert key == "/library/sections/3/all?type=1&file=A%20Film.mp4"
        assert library.fetchItems.call_args.kwargs["maxresults"]

    def test_no_item_is_none(self) -> None:
        """A path that Plex does not have gives None, even when the filter gave others."""
        assert find_plex_item_by_path(section(), PATH) is None
        assert find_plex_item_by_path(section("/elsewhere/A Film.mp4"), PATH) is None
        assert find_plex_item_by_path(section(PATH), "") is None


class TheErrors(unittest.TestCase):
    """plex.exceptions: whatever the libraries raise becomes ours."""

    def test_what_plexapi_raises_becomes_ours(self) -> None:
        """Exceptions become one of our classes, never with the token or the URL in them."""
        cases: list[tuple[Exception, type[Exception]]] = [
            (ConnectionRefusedError(), PlexTemporaryError),
            (requests.ConnectionError("refused"), PlexTemporaryError),
            (requests.ReadTimeout("slow"), PlexTemporaryError),
            (plexapi.exceptions.NotFound("(404) not_found"), PlexNotFound),
            (plexapi.exceptions.BadRequest("(400) bad_request"), PlexPermanentError),
            (plexapi.exceptions.Unauthorized("(401) unauthorized"), AuthError),
            (plexapi.exceptions.BadRequest("(503) service_unavailable"), PlexTemporaryError),
            (RuntimeError("who knows"), PlexTemporaryError),
        ]
        for raised, expected in cases:
            with self.subTest(raised=raised):
                fault = translate_plex_exception(raised)
                assert isinstance(fault, expected)
                assert isinstance(fault, (TransientError, PermanentError))

    def test_the_worker_s_module_gives_them(self) -> None:
        """SyncWorker is made with a config, and the errors are importable from its module."""
        assert "config" in inspect.signature(SyncWorker.__init__).parameters
        assert processor.TransientError is TransientError
        assert processor.PermanentError is PermanentError
        assert issubclass(PlexNotFound, TransientError)


class TheWorker(unittest.TestCase):
    """worker.processor.SyncWorker on a real store, with a mocked Plex and no Stash."""

    def setUp(self) -> None:
        """Make a worker."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.store = Store(folder.name)
        self.addCleanup(self.store.close)
        self.client = MagicMock(spec=PlexClient, machine_identifier="m1", friendly_name="Den")
        found = section(PATH)
        self.client.section_infos.return_value = [found]
        self.client.section.return_value = found
        self.client.query.side_effect = self.answer
        self.log = MagicMock(spec=Log, is_redacted=False)
        config = PlexSyncConfig(plex_url="http://plex:32400", plex_token="t0ken")
        self.worker = SyncWorker(self.store, MagicMock(), self.log, config=config)
        self.fault: Exception | None = None

    def answer(
        self, path: str, params: Any = (), *, method: str = "GET", meanwhile: object = None
    ) -> Element | None:
        """Answer as Plex."""
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

    def test_makes_its_client_from_the_configuration_once(self) -> None:
        """The client is made when first needed, with both timeouts of the settings."""
        with patch("worker.processor.PlexClient") as make:
            config = PlexSyncConfig(
                plex_url="http://plex:32400",
                plex_token="t0ken",
                plex_connect_timeout=3.0,
                plex_read_timeout=9.0,
            )
            worker = SyncWorker(self.store, MagicMock(), self.log, config=config)
            make.assert_not_called()
            assert worker._get_plex_client() is worker._get_plex_client()
            make.assert_called_once()
            assert make.call_args.kwargs["connect_timeout"] == 3.0
            assert make.call_args.kwargs["read_timeout"] == 9.0

    def test_a_job_finds_its_item_and_updates_it(self) -> None:
        """One edit goes to the item that holds the path, locks included, and is recorded."""
        plan = self.process()
        (edit,) = self.edits
        assert (edit["id"], edit["title.value"], edit["studio.value"]) == ("42", "New", "Studio")
        assert edit["title.locked"] == edit["studio.locked"] == "1"
        assert plan.items == [42]
        entry = ledger.entry(self.store.connection, "m1", 42)
        assert entry is not None
        assert entry.scene == 7
        assert not entry.pending

    def test_a_path_that_nothing_remembers_is_asked_for_by_the_matcher(self) -> None:
        """find_plex_item_by_path(section, path) is the product's one way to ask, once a look."""
        with patch("worker.processor.find_plex_item_by_path", wraps=find_plex_item_by_path) as find:
            self.process()
            find.assert_called_once()
            assert find.call_args.args[:2] == (self.client.section.return_value, PATH)
            self.process(data={"path": PATH, "title": "Newer"})
            assert find.call_count == 2  # another item may hold the file by now

    def test_the_item_that_the_matcher_gives_is_the_one_that_is_written(self) -> None:
        """Whatever find_plex_item_by_path gives is read, verified and edited; None is not found."""
        found = SimpleNamespace(ratingKey=42)
        with patch("worker.processor.find_plex_item_by_path", return_value=found):
            assert self.process().items == [42]
        with (
            patch("worker.processor.find_plex_item_by_path", return_value=None),
            self.assertRaises(PlexNotFound),
        ):
            self.process(scene_id=8, data={"path": "/media/films/B Film.mp4", "title": "B"})

    def test_a_job_that_changes_nothing_sends_nothing(self) -> None:
        """Where Plex already says the same there is a read and no edit."""
        self.process(data={"path": PATH, "title": "Film One", "studio": "Old"})
        assert self.edits == []

    def test_a_job_without_a_path_is_permanent(self) -> None:
        """Without a path Plex is not even asked."""
        with self.assertRaisesRegex(PermanentError, "no file path"):
            self.process(data={"title": "New"})
        self.client.query.assert_not_called()

    def test_an_unknown_update_type_is_logged_and_permanent(self) -> None:
        """A job of a kind nobody knows is said in the log and not tried again."""
        with self.assertRaisesRegex(PermanentError, "poster"):
            self.process(update_type="poster")
        self.log.error.assert_called_once()
        assert "poster" in self.log.error.call_args.args[0]
        self.client.query.assert_not_called()

    def test_an_item_that_is_not_there_is_plex_not_found(self) -> None:
        """A file that Plex does not know yet is transient: PlexNotFound."""
        self.client.section.return_value = section()
        with self.assertRaises(PlexNotFound) as raised:
            self.process()
        assert isinstance(raised.exception, TransientError)
        assert self.edits == []

    def test_a_passing_fault_is_temporary(self) -> None:
        """A server that does not answer makes the job temporary, whichever request it was."""
        for when in ("while looking", "while reading"):
            with self.subTest(when):
                slow = requests.ReadTimeout("slow")
                fetch = self.client.section.return_value.fetchItems
                fetch.side_effect = slow if when == "while looking" else None
                self.fault = None if when == "while looking" else translate_plex_exception(slow)
                with self.assertRaises(PlexTemporaryError):
                    self.process()
                assert ledger.entry(self.store.connection, "m1", 42) is None

    def test_a_fault_while_writing_leaves_what_was_intended(self) -> None:
        """When the edit itself fails, the ledger knows what may have arrived."""

        def refuse_edits(
            path: str, params: Any = (), *, method: str = "GET", **_: object
        ) -> Element | None:
            if method == "PUT":
                raise PlexTemporaryError("Plex hung up.")
            return self.answer(path, params, method=method)

        self.client.query.side_effect = refuse_edits
        with self.assertRaises(PlexTemporaryError):
            self.process()
        entry = ledger.entry(self.store.connection, "m1", 42)
        assert entry is not None
        assert '"New"' in entry.pending
        assert not entry.base

    def test_each_kind_of_fault_goes_its_own_way(self) -> None:
        """By type alone: not found waits, temporary is tried again, permanent is parked."""
        ways = {PlexNotFound: "wait", PlexTemporaryError: "retry", PlexPermanentError: "park"}
        for kind, way in ways.items():
            with self.subTest(way), patch.object(self.worker.retry_policy, way) as went:
                row, fault = MagicMock(), kind("Plex said so.")
                self.worker.settle(row, fault)
                went.assert_called_once_with(row, fault)

    def test_without_settings_the_queue_waits(self) -> None:
        """A worker without a configuration raises what pauses the queue, and parks nothing."""
        worker = SyncWorker(self.store, MagicMock(), self.log)
        with self.assertRaises(ConfigurationError):
            worker._process_job({"scene_id": 7, "update_type": "metadata", "data": {"path": PATH}})
