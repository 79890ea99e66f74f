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

if TYPE_CHECKING:
    from .transport import StashTransport

LARGEST_ANSWER = 64 * 2**20
_QUOTED = 200
#: The code of the error that a question with an unknown field gets, whatever the status.
_INVALID = "GRAPHQL_VALIDATION_FAILED"
_NO_WORD = re.compile(r"[^\s/]{60,}")
# While its database is not open, Stash answers every other question with an internal error.
_NOT_READY = {"SETUP": "is not set up yet", "NEEDS_MIGRATION": "waits for its database migration"}


class StashGraphQL:
    """Stash's GraphQL endpoint.

    Before the first question it reads Stash's API key, while the cookie still
    opens the door; the key stays in memory, for when the cookie is dead.
    """

    def __init__(self, transport: StashTransport) -> None:
        self._transport = transport
        self._credentials = transport.credentials
        self._where = transport.connection.url

    def ask(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        once: bool = False,
    ) -> Mapping[str, Any]:
        """Ask one question and give its ``data``.

        With ``once`` it changes something, so a doubtful connection is not tried twice.

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
        self, document: str, variables: Mapping[str, Any] | None, *, once: bool = False
    ) -> Mapping[str, Any]:
        question = {"query": document, "variables": dict(variables or {})}
        try:
            reply = self._transport.exchange(
                "POST", "/graphql", limit=LARGEST_ANSWER, question=question, once=once
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
            data = self._ask(queries.API_KEY, None)
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
            system = self._ask(queries.SYSTEM_STATUS, None).get("systemStatus")
        except SyncError:
            return  # the first error says more
        status = system.get("status") if isinstance(system, Mapping) else None
        why = _NOT_READY.get(status) if isinstance(status, str) else None
        if why:
            raise StashUnavailable(f"Stash at {self._where} {why}. {AGAIN}") from None

    def _first_error(self, answer: object) -> str:
        """Quote Stash's first message: one line, short, without secrets."""
        errors = answer.get("errors") if isinstance(answer, Mapping) else None
        first = errors[0] if isinstance(errors, list) and errors else None
        message = first.get("message") if isinstance(first, Mapping) else None
        if not isinstance(message, str) or not message.strip():
            return "it gave no reason"
        line = " ".join(self._credentials.blank(message).split()).rstrip(".")
        # Nobody's words: somebody else's cookie, a token, or what came in place of one.
        line = _NO_WORD.sub("***", line)
        return line if len(line) <= _QUOTED else line[:_QUOTED] + "…"


def _is_invalid(answer: object) -> bool:
    """Say whether an answer carries the error of a question that does not fit the schema."""
    errors = answer.get("errors") if isinstance(answer, Mapping) else None
    for error in errors if isinstance(errors, list) else ():
        extensions = error.get("extensions") if isinstance(error, Mapping) else None
        if isinstance(extensions, Mapping) and extensions.get("code") == _INVALID:
            return True
    return False


def _decoded(body: bytes) -> object:
    """Decode JSON, None for anything else."""
    try:
        decoded: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return decoded
