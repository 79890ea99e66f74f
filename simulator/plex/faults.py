"""Misbehaviour on demand: rules that say which request meets which fault."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Any, Final

from simulator.plex.wire import Reply, Request

ACTIONS: Final = (
    "delay",
    "hang_headers",
    "hang_body",
    "slow_drip",
    "reset_before",
    "reset_after",
    "truncate",
    "html200",
    "status",
    "redirect",
    "maintenance",
    "huge_body",
    "entity_bomb",
    "content_type",
    "close",
    "raw",
)
# These answer by themselves: what was asked is not done.
INSTEAD: Final = frozenset(
    {"html200", "status", "redirect", "maintenance", "huge_body", "entity_bomb"}
)
STARTING: Final = "Plex Media Server is currently running startup maintenance tasks."

_LOGIN_PAGE: Final = (
    b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>"
    b"<form action='/login'><input name='user'><input name='password'></form></body></html>"
)


class BadRuleError(Exception):
    """A fault rule that says nothing sensible."""


@dataclass(slots=True, eq=False)
class Rule:
    """One fault and the requests that meet it.

    ``path`` is a regular expression searched in the raw target (path and
    query). The first ``nth - 1`` matching requests go free, then ``times``
    requests meet the fault (None is all of them). ``options`` are the action's own.
    """

    rule_id: int
    action: str
    method: str = ""
    path: re.Pattern[str] = field(default_factory=lambda: re.compile(""))
    nth: int = 1
    times: int | None = 1
    options: dict[str, Any] = field(default_factory=dict)
    seen: int = 0
    hits: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    def seconds(self, default: float) -> float:
        """How long the fault lasts."""
        return float(self.options.get("seconds", default))

    def as_dict(self) -> dict[str, Any]:
        """The rule as it was given, and what became of it."""
        match = {
            "method": self.method,
            "path": self.path.pattern,
            "nth": self.nth,
            "times": self.times,
        }
        return {
            "id": self.rule_id,
            "match": match,
            "action": self.action,
            **self.options,
            "seen": self.seen,
            "hits": self.hits,
        }


class FaultPlan:
    """The rules in force; the first that matches a request is the one it meets."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._next_id = 1

    def add(self, wanted: dict[str, Any]) -> Rule:
        """Put a rule in force.

        Args:
            wanted: ``{"match": {"method", "path", "nth", "times"}, "action": ..., ...}``
                with the action's own options beside ``action``.

        Raises:
            BadRuleError: For an action that does not exist or a broken pattern.
        """
        options = {k: v for k, v in wanted.items() if k not in {"match", "action"}}
        match = dict(wanted.get("match") or {})
        action = wanted.get("action")
        if action not in ACTIONS:
            raise BadRuleError(f"no fault is called {action!r}; there are {ACTIONS}")
        if set(match) - {"method", "path", "nth", "times"}:
            raise BadRuleError(f"match takes method, path, nth and times, not {sorted(match)}")
        try:
            path = re.compile(match.get("path") or "")
        except re.error as error:
            raise BadRuleError(f"path is no regular expression: {error}") from error
        times = match.get("times", 1)
        with self._lock:
            rule = Rule(
                rule_id=self._next_id,
                action=action,
                method=str(match.get("method") or "").upper(),
                path=path,
                nth=int(match.get("nth") or 1),
                times=None if times is None else int(times),
                options=options,
            )
            self._next_id += 1
            self._rules.append(rule)
        return rule

    def rules(self) -> list[dict[str, Any]]:
        """Every rule, used up or not."""
        return [rule.as_dict() for rule in self._rules]

    def remove(self, rule_id: int | None = None) -> None:
        """Drop one rule, or all; requests that hang because of it are let go."""
        with self._lock:
            gone = [r for r in self._rules if rule_id is None or r.rule_id == rule_id]
            self._rules = [r for r in self._rules if r not in gone]
        for rule in gone:
            rule.released.set()

    def meet(self, request: Request) -> Rule | None:
        """The fault this request meets, which is counted, or None."""
        if not self._rules:
            return None
        with self._lock:
            for rule in self._rules:
                if rule.method and rule.method != request.method:
                    continue
                if not rule.path.search(request.target):
                    continue
                rule.seen += 1
                if rule.seen < rule.nth or (rule.times is not None and rule.hits >= rule.times):
                    continue
                rule.hits += 1
                return rule
        return None


def answer(rule: Rule, request: Request) -> Reply:
    """The reply of a fault that answers by itself (those of ``INSTEAD``)."""
    options = rule.options
    headers = [(str(k), str(v)) for k, v in (options.get("headers") or {}).items()]
    if rule.action == "html200":
        return Reply(200, _LOGIN_PAGE, "text/html", headers)
    if rule.action == "maintenance":
        return maintenance(request, str(options.get("text") or STARTING))
    if rule.action == "redirect":
        status = int(options.get("status", 302))
        return Reply(status, b"", "text/html", [("Location", str(options["location"])), *headers])
    if rule.action == "entity_bomb":
        return Reply(200, entity_bomb(int(options.get("levels", 9))), "text/xml;charset=utf-8")
    if rule.action == "huge_body":
        filler = b"x" * int(options.get("bytes", 64 * 1024 * 1024))
        body = b'<?xml version="1.0"?>\n<MediaContainer size="0"><!--' + filler
        return Reply(200, body + b"--></MediaContainer>", "text/xml;charset=utf-8")
    status = int(options.get("status", 500))
    body = str(options.get("body", "")).encode()
    return Reply(status, body, str(options.get("content_type", "text/html")), headers)


def maintenance(request: Request, text: str) -> Reply:
    """The 503 of a server that is starting or migrating, for any path."""
    if "application/json" in request.headers.get("accept", ""):
        body = f'{{"code":503,"title":"Maintenance","status":"{text}"}}'.encode()
        return Reply(503, body, "application/json")
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Response code="503" title="Maintenance" status="{text}"/>\n'
    ).encode()
    return Reply(503, body, "text/xml;charset=utf-8")


def entity_bomb(levels: int) -> bytes:
    """A document of a few hundred bytes that wants to become 10 to the ``levels`` of them."""
    lines = ['<!ENTITY e0 "ha">']
    for level in range(1, levels + 1):
        ten = f"&e{level - 1};" * 10
        lines.append(f'<!ENTITY e{level} "{ten}">')
    return (
        '<?xml version="1.0"?>\n<!DOCTYPE MediaContainer [\n'
        + "\n".join(lines)
        + f'\n]>\n<MediaContainer size="1" title1="&e{levels};"></MediaContainer>\n'
    ).encode()
