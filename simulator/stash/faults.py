"""Misbehaviour on demand: rules that say which request meets which fault.

The form of a rule is that of the Plex stand-in, with GraphQL's own two matches.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Any, Final

ACTIONS: Final = (
    "delay",
    "hang",
    "hang_body",
    "reset_before",
    "reset_after",
    "truncate",
    "close",
    "html200",
    "status",
    "unauthorized",
    "graphql_error",
)
# These answer by themselves: what was asked is not done.
INSTEAD: Final = frozenset({"html200", "status", "unauthorized", "graphql_error"})
_MATCHES: Final = {"method", "path", "operation", "query", "nth", "times"}
LOGIN_PAGE: Final = (
    b"<!DOCTYPE html><html><head><title>Login</title></head><body>"
    b"<form action='/login' method='post'><input name='username'></form></body></html>"
)


class BadRuleError(Exception):
    """A fault rule that says nothing sensible."""


@dataclass(slots=True)
class Rule:
    """One fault and the requests that meet it.

    ``path`` and ``query`` are regular expressions searched in the request's
    target and in its GraphQL text, ``operation`` is the operation's exact name.
    The first ``nth - 1`` matching requests go free, then ``times`` requests meet
    the fault (None is all of them). ``options`` are the action's own.
    """

    rule_id: int
    action: str
    match: dict[str, Any]
    options: dict[str, Any]
    path: re.Pattern[str]
    query: re.Pattern[str]
    nth: int = 1
    times: int | None = 1
    seen: int = 0
    hits: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    def seconds(self, default: float) -> float:
        """How long the fault lasts."""
        return float(self.options.get("seconds", default))

    def fits(self, method: str, target: str, operation: str, query: str) -> bool:
        """Whether a request is one of those the rule is about."""
        wanted = str(self.match.get("method") or method)
        named = self.match.get("operation") or operation
        return (
            wanted.upper() == method
            and named == operation
            and self.path.search(target) is not None
            and self.query.search(query) is not None
        )

    def as_dict(self) -> dict[str, Any]:
        """The rule as it was given, and what became of it."""
        counts = {"seen": self.seen, "hits": self.hits}
        rule = {"id": self.rule_id, "match": self.match, "action": self.action}
        return {**rule, **self.options, **counts}


class FaultPlan:
    """The rules in force; the first that matches a request is the one it meets."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._next_id = 1

    def add(self, wanted: dict[str, Any]) -> Rule:
        """Put a rule in force.

        Args:
            wanted: ``{"match": {...}, "action": ..., ...}``, see ``Rule``; the
                action's own options stand beside ``action``: ``seconds``,
                ``status``, ``body``, ``content_type``, ``headers``, ``message``.

        Raises:
            BadRuleError: the action does not exist, or a match is nonsense.
        """
        options = {key: value for key, value in wanted.items() if key not in {"match", "action"}}
        match, action = dict(wanted.get("match") or {}), str(wanted.get("action"))
        if action not in ACTIONS:
            raise BadRuleError(f"no fault is called {action!r}; there are {ACTIONS}")
        if set(match) - _MATCHES:
            raise BadRuleError(f"match takes {sorted(_MATCHES)}, not {sorted(match)}")
        try:
            path = re.compile(match.get("path") or "")
            query = re.compile(match.get("query") or "")
        except re.error as error:
            raise BadRuleError(f"that is no regular expression: {error}") from error
        nth, times = int(match.get("nth") or 1), match.get("times", 1)
        with self._lock:
            rule = Rule(self._next_id, action, match, options, path, query, nth, times)
            self._next_id += 1
            self._rules.append(rule)
        return rule

    def rules(self) -> list[dict[str, Any]]:
        """Every rule, used up or not."""
        return [rule.as_dict() for rule in self._rules]

    def remove(self, rule_id: int | None = None) -> None:
        """Drop one rule, or all; requests that hang because of it are let go."""
        with self._lock:
            gone = [one for one in self._rules if rule_id is None or one.rule_id == rule_id]
            self._rules = [one for one in self._rules if one not in gone]
        for rule in gone:
            rule.released.set()

    def meet(self, method: str, target: str, operation: str, query: str) -> Rule | None:
        """The fault this request meets, which is counted, or None."""
        with self._lock:
            for rule in self._rules:
                if not rule.fits(method, target, operation, query):
                    continue
                rule.seen += 1
                if rule.seen < rule.nth or (rule.times is not None and rule.hits >= rule.times):
                    continue
                rule.hits += 1
                return rule
        return None
