"""GraphQL questions to one Stash, and what its errors mean."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from errors import SyncError
from net.answer import BodyTooLongError

from . import queries
from .exceptions import AGAIN, OLDEST_STASH, StashAnswerError, StashQueryRefused, StashUnavailable
from .transport import StashTransport

if TYPE_CHECKING:
    from .connection import StashConnection

LARGEST_ANSWER = 64 * 2**20
_QUOTED = 200
#: The code of the error that a question with an unknown field gets, whatever the status.
_INVALID = "GRAPHQL_VALIDATION_FAILED"
_NO_WORD = re.compile(r"[^\s/]{60,}")
# While its database is not open, Stash answers every other question with an internal error.
_NOT_READY = {"SETUP": "is not set up yet", "NEEDS_MIGRATION": "waits for its database migration"}


class StashGraphQL:
    """Stash's GraphQL endpoint; safe for several threads. The timeouts are as in `net.exchange`.

    Before the first question it reads Stash's API key, while the cookie still
    opens the door; the key stays in memory, for when the cookie is dead.
    """

    def __init__(
        self, connection: StashConnection, connect_timeout: float, read_timeout: float
    ) -> None:
        self._transport = StashTransport(connection, connect_timeout, read_timeout)
        self._credentials = self._transport.credentials
        self._where = connection.url

    def close(self) -> None:
        """Close the idle connections; it stays usable."""
        self._transport.close()

    def query(
        self, document: str, variables: Mapping[str, Any], *, once: bool = False
    ) -> Mapping[str, Any]:
        """Ask one question and give its ``data``.

        With ``once`` it changes something, so it is sent once: where the connection breaks,
        nobody knows whether it was done. Only stash/mutations.py asks for that.

        Raises:
            StashAnswerError: Stash answered with errors (data beside them does
                not count), not in JSON, or with more than 64 MiB.
            StashQueryRefused: Stash does not know a field of the question.
        """
        if self._credentials.should_ask_for_key():
            self._read_key()
        try:
            return self._ask(document, variables, once=once)
        except StashAnswerError:
            self._raise_if_not_ready()
            raise

    def _ask(
        self, document: str, variables: Mapping[str, Any], *, once: bool = False
    ) -> Mapping[str, Any]:
        question = {"query": document, "variables": dict(variables)}
        try:
            reply = self._transport.exchange(
                "/graphql", limit=LARGEST_ANSWER, question=question, once=once
            )
        except BodyTooLongError:
            raise StashAnswerError(
                f"Stash's answer is longer than {LARGEST_ANSWER // 2**20} MiB. {AGAIN}"
            ) from None
        answer = _decoded(reply.body)
        # Stash answers 422 where it is asked for application/json. Since 0.29 it is 400 where
        # it is not, which a proxy that makes headers its own may bring about.
        refuses = reply.status == HTTPStatus.UNPROCESSABLE_ENTITY or (
            reply.status == HTTPStatus.BAD_REQUEST and _is_invalid(answer)
        )
        if reply.status != HTTPStatus.OK and not refuses:
            raise self._transport.unexpected(reply)
        if refuses:
            said = self._first_error(answer)
            refusal = StashQueryRefused(
                f"Stash does not understand PlexSync's question: {said}. "
                f"PlexSync needs Stash {OLDEST_STASH} or newer. Update Stash: until then nothing "
                "is sent to Plex, and nothing is lost."
            )
            refusal.quoted = said
            raise refusal
        data = answer.get("data") if isinstance(answer, Mapping) else None
        if not isinstance(answer, Mapping) or not ("data" in answer or "errors" in answer):
            raise StashAnswerError(
                f"What answers at {self._where}/graphql does not answer in GraphQL. {AGAIN}"
            )
        if answer.get("errors") or not isinstance(data, Mapping):
            said = self._first_error(answer)
            fault = StashAnswerError(f"Stash answered with an error: {said}. {AGAIN}")
            fault.quoted = said
            raise fault
        return data

    def _read_key(self) -> None:
        try:
            data = self._ask(queries.API_KEY, {})
        except StashAnswerError:
            return  # without the key PlexSync works as long as the cookie does
        except SyncError:
            self._credentials.forget_key()
            raise
        configuration = data.get("configuration")
        general = configuration.get("general") if isinstance(configuration, Mapping) else None
        if isinstance(general, Mapping):
            self._credentials.keep_key(general.get("apiKey"))

    def _raise_if_not_ready(self) -> None:
        """Blame the server instead of the scene while Stash is not up."""
        try:
            system = self._ask(queries.SYSTEM_STATUS, {}).get("systemStatus")
        except SyncError:
            return  # the first error says more
        status = system.get("status") if isinstance(system, Mapping) else None
        why = _NOT_READY.get(status) if isinstance(status, str) else None
        if why:
            raise StashUnavailable(f"Stash at {self._where} {why}. {AGAIN}") from None

    def _first_error(self, answer: object) -> str:
        """Quote Stash's first message: one line, short, without secrets."""
        message = next((one.get("message") for one in _errors(answer)), None)
        if not isinstance(message, str) or not message.strip():
            return "it gave no reason"
        line = " ".join(self._credentials.blank(message).split()).rstrip(".")
        # Nobody's words: somebody else's cookie, a token, or what came in place of one.
        line = _NO_WORD.sub("***", line)
        return line if len(line) <= _QUOTED else line[:_QUOTED] + "…"


def _errors(answer: object) -> list[Mapping[str, Any]]:
    errors = answer.get("errors") if isinstance(answer, Mapping) else None
    return [one for one in errors if isinstance(one, Mapping)] if isinstance(errors, list) else []


def _is_invalid(answer: object) -> bool:
    """Say whether an answer carries the error of a question that does not fit the schema."""
    extensions = [error.get("extensions") for error in _errors(answer)]
    return any(isinstance(one, Mapping) and one.get("code") == _INVALID for one in extensions)


def _decoded(body: bytes) -> object:
    """Decode JSON, None for anything else."""
    try:
        decoded: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return decoded
