"""Misbehaviour on demand: rules that say which request meets which fault."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from simulator.wire import Reply, Request

#: The client hears nothing; only after ``reset_after`` what it asked for is done.
SILENT: Final = ("hang_headers", "reset_before", "reset_after", "raw")
#: The client hears the first half of the true answer.
HALF: Final = ("hang_body", "truncate")
#: Faults of the wire: what the client hears of the true answer, if anything.
WIRE: Final = (*SILENT, *HALF, "slow_drip", "delay", "content_type", "close")
STARTING: Final = "Plex Media Server is currently running startup maintenance tasks."
LOGIN_PAGE: Final = (
    b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>"
    b"<form action='/login'><input name='user'><input name='password'></form></body></html>"
)
_XML: Final = "text/xml;charset=utf-8"


@dataclass(slots=True, eq=False)
class Rule:
    """One fault and the requests that meet it.

    Attributes:
        action: One of ``WIRE``, or of those that answer by themselves.
        options: What the action takes: ``seconds``, ``status``, ``body``, ``headers``,
            ``content_type``, ``location``, ``message``, ``bytes``, ``polite`` (no RST),
            ``apply`` (what was asked is done all the same).
        method: Only requests with this method; empty is any.
        path: Regular expression searched in the raw path and query.
        operation: Exact name of the GraphQL operation; empty is any request.
        query: Regular expression searched in the GraphQL text.
        nth: The first matching request that meets the fault.
        times: How many meet it; None is all of them.
        seen: How many requests fitted.
        hits: How many of them met the fault.
    """

    id: int
    action: str
    options: dict[str, Any]
    method: str = ""
    path: str = ""
    operation: str = ""
    query: str = ""
    nth: int = 1
    times: int | None = 1
    seen: int = 0
    hits: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    def wait(self, default: float) -> None:
        """Wait as long as the fault lasts, or until its rule is dropped."""
        self.released.wait(float(self.options.get("seconds", default)))

    def fits(self, request: Request) -> bool:
        """Whether a request is one of those the rule is about."""
        return (
            self.method in {"", request.method}
            and self.operation in {"", request.operation}
            and re.search(self.path, request.target) is not None
            and re.search(self.query, request.query) is not None
        )

    def met(self) -> bool:
        """Count a request that fits; whether it is one of those that meet the fault."""
        self.seen += 1
        if self.seen < self.nth or (self.times is not None and self.hits >= self.times):
            return False
        self.hits += 1
        return True


#: What of a rule says which requests meet it.
_MATCHES: Final = frozenset(("method", "path", "operation", "query", "nth", "times"))


class FaultPlan:
    """The rules in force; the first that matches a request is the one it meets."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self.rules: list[Rule] = []

    def add(self, action: str, match_and_options: Mapping[str, Any]) -> Rule:
        """Put one fault in force, described by the attributes and options of ``Rule``.

        Raises:
            ValueError: The action does not exist.
            re.error: A pattern is none.
        """
        if action not in WIRE and action not in _ANSWERS:
            raise ValueError(f"no fault is called {action!r}; there are {(*WIRE, *_ANSWERS)}")
        match = {name: one for name, one in match_and_options.items() if name in _MATCHES}
        options = {name: one for name, one in match_and_options.items() if name not in _MATCHES}
        for pattern in ("path", "query"):
            re.compile(match.get(pattern, ""))
        with self._lock:
            self._count += 1
            rule = Rule(self._count, action, options, **match)
            self.rules.append(rule)
        return rule

    def remove(self, rule_id: int | None = None) -> None:
        """Drop one rule, or all; requests that hang because of it are let go."""
        with self._lock:
            gone = [rule for rule in self.rules if rule_id in {None, rule.id}]
            self.rules = [rule for rule in self.rules if rule not in gone]
        for rule in gone:
            rule.released.set()

    def meet(self, request: Request) -> Rule | None:
        """The fault this request meets, which is counted, or None."""
        if not self.rules:
            return None
        with self._lock:
            fitting = (rule for rule in self.rules if rule.fits(request))
            return next((rule for rule in fitting if rule.met()), None)


def answer(rule: Rule) -> Reply | None:
    """The reply of a fault that answers by itself; None for the faults of the wire."""
    if rule.action in WIRE:
        return None
    reply = _ANSWERS[rule.action](rule.options)
    reply.headers.extend((rule.options.get("headers") or {}).items())
    return reply


def _maintenance(options: Mapping[str, Any]) -> Reply:
    """The 503 of a Plex that is starting or migrating, for any path."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Response code="503" title="Maintenance" status="{options.get("message", STARTING)}"/>\n'
    )
    return Reply(503, body.encode(), _XML)


def _status(options: Mapping[str, Any]) -> Reply:
    body = str(options.get("body", "")).encode()
    kind = str(options.get("content_type", "text/html"))
    return Reply(int(options.get("status", 500)), body, kind)


def _redirect(options: Mapping[str, Any]) -> Reply:
    location = [("Location", str(options["location"]))]
    return Reply(int(options.get("status", 302)), headers=location)


def _huge_body(options: Mapping[str, Any]) -> Reply:
    filler = b"x" * int(options.get("bytes", 64 * 1024 * 1024))
    body = b'<?xml version="1.0"?>\n<MediaContainer size="0"><!--' + filler
    return Reply(200, body + b"--></MediaContainer>", _XML)


def _entity_bomb(_options: Mapping[str, Any]) -> Reply:
    """A document of a few hundred bytes that wants to become a billion of them."""
    entities = ['<!ENTITY e0 "ha">']
    entities += [f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 10)]
    body = (
        '<?xml version="1.0"?>\n<!DOCTYPE MediaContainer [\n'
        + "\n".join(entities)
        + '\n]>\n<MediaContainer size="1" title1="&e9;"></MediaContainer>\n'
    )
    return Reply(200, body.encode(), _XML)


def _graphql_error(options: Mapping[str, Any]) -> Reply:
    error = {"message": options.get("message", "database is locked"), "path": []}
    body = json.dumps({"errors": [error], "data": None}).encode()
    return Reply(int(options.get("status", 200)), body, "application/json")


_ANSWERS: Final[dict[str, Callable[[Mapping[str, Any]], Reply]]] = {
    "status": _status,
    "redirect": _redirect,
    "html200": lambda _: Reply(200, LOGIN_PAGE),
    "maintenance": _maintenance,
    "huge_body": _huge_body,
    "entity_bomb": _entity_bomb,
    "unauthorized": lambda _: Reply(401, b"", ""),
    "graphql_error": _graphql_error,
}
