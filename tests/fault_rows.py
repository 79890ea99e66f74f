"""The fault matrix as data: what a server does wrong, what PlexSync calls it and does next.

A row's ``then`` says in one word what the worker does while the fault lasts:

    nothing    it is no fault: everything goes through
    plex       the queue as a whole waits for Plex, or for Stash (``stash``)
    settings   the queue as a whole waits for a mended setting
    later      each scene is tried again by its own schedule
    wait       each scene waits on the long schedule of what Plex does not have yet
    park       each scene rests until it is edited

``most`` bounds the requests in the busiest minute of the first three, with six
scenes waiting; ``idle`` those of the last of them.
"""

from __future__ import annotations

import gzip
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.wire import Asked, Reply, answer

if TYPE_CHECKING:
    from tests.fault_environment import FaultEnvironment

Act = Callable[["FaultEnvironment"], object]

#: Asked for a sign of life now and then, by a schedule that gets slower and slower.
#: Whatever refuses us is asked a few times in the first minute: while it starts that passes.
DOWN, SELDOM = 16, 4
#: Each scene tried a few times before the queue slows down.
BUSY = 70
#: Then a single scene every minute.
SUSPECT = 24


def clear(env: FaultEnvironment) -> None:
    """End what any row began."""
    env.plex.clear_faults()
    env.stash.clear_faults()
    env.plex.switches(gzip=False)
    for proxy in (env.plex_proxy, env.stash_proxy):
        proxy.open()
    env.settings(plex_url=f"http://127.0.0.1:{env.plex_proxy.port}", plex_token=env.plex.token)
    env.host, env.scheme = "127.0.0.1", "http"
    env.mark([])


@dataclass(frozen=True)
class Row:
    """One fault.

    ``unseen`` marks one that keeps requests from ever reaching the server, so
    that tries are counted instead; ``slow`` the timeout of one that costs time.
    """

    name: str
    act: Act
    error: str
    then: str
    most: int
    idle: int = SELDOM
    slow: float = 0.0
    unseen: bool = False
    clear: Act = clear


def plex(action: str, **options: Any) -> Act:
    """Let Plex misbehave until it is told to stop."""
    return lambda env: env.plex.fault(action, times=None, **options)


def status(number: int, **options: Any) -> Act:
    """Let Plex answer with a status."""
    return plex("status", status=number, **options)


def elsewhere(number: int) -> Act:
    """Let Plex redirect to the host that environment.foreign listens on."""
    return lambda env: env.plex.fault(
        "redirect", status=number, location=f"{env.foreign.url}/library", times=None
    )


def setting(**changes: Any) -> Act:
    """Change settings; ``{port}`` in a value is the port of Plex's proxy."""

    def act(env: FaultEnvironment) -> None:
        port = env.plex_proxy.port
        env.settings(
            **{
                name: value.format(port=port) if isinstance(value, str) else value
                for name, value in changes.items()
            }
        )

    return act


def both(*acts: Act) -> Act:
    """Do several things."""

    def act(env: FaultEnvironment) -> None:
        for one in acts:
            one(env)

    return act


def tls_at_plex(env: FaultEnvironment) -> None:
    """Put Plex behind a certificate that nobody knows."""
    env.plex_proxy.open(tls=env.tls)


PUT: dict[str, Any] = {"method": "PUT"}
#: Items read alone or many at a time.
ITEM: dict[str, Any] = {"path": r"^/library/metadata/[\d,]+(\?|$)", "method": "GET"}

PLEX_ROWS = (
    Row("refused", lambda t: t.plex_proxy.shut(), "ServerUnreachable", "plex", DOWN, unseen=True),
    Row(
        "name unknown",
        setting(plex_url="http://plex.invalid:{port}"),
        "ServerUnreachable",
        "plex",
        DOWN,
        unseen=True,
    ),
    Row(
        "hang in connect",
        lambda t: t.plex_proxy.jam(),
        "ServerTimeout",
        "plex",
        DOWN,
        slow=0.3,
        unseen=True,
    ),
    Row("hang in headers", plex("hang_headers"), "ServerTimeout", "plex", DOWN, slow=0.3),
    Row("hang in body", plex("hang_body"), "ServerTimeout", "plex", DOWN, slow=0.3),
    Row(
        "slow drip",
        plex("slow_drip", bytes=2, seconds=0.05),
        "ServerTimeout",
        "plex",
        DOWN,
        slow=0.1,
    ),
    Row("reset, all", plex("reset_before"), "ServerUnreachable", "plex", DOWN),
    Row("hung up, all", plex("reset_before", polite=True), "ServerUnreachable", "plex", DOWN),
    Row("not HTTP", plex("raw"), "ServerUnreachable", "plex", DOWN),
    Row(
        "reset before edit", plex("reset_before", **PUT), "ServerUnreachable", "plex", BUSY, SUSPECT
    ),
    Row("reset after edit", plex("reset_after", **PUT), "ServerUnreachable", "later", BUSY),
    Row(
        "edits hang", plex("hang_headers", **PUT), "ServerTimeout", "plex", BUSY, SUSPECT, slow=0.3
    ),
    Row("truncated", plex("truncate"), "BadResponse", "plex", BUSY, SUSPECT),
    Row(
        "half an XML",
        status(200, body='<MediaContainer size="1"><Vid', content_type="text/xml"),
        "BadResponse",
        "plex",
        BUSY,
        SUSPECT,
    ),
    Row(
        "JSON",
        status(200, body='{"MediaContainer": ', content_type="application/json"),
        "NotAPlexServer",
        "settings",
        DOWN,
    ),
    Row("HTML with 200", plex("html200"), "NotAPlexServer", "settings", DOWN),
    Row("HTML to edits", plex("html200", **PUT), "NotAPlexServer", "settings", BUSY, SUSPECT),
    Row("entity bomb", plex("entity_bomb"), "NotAPlexServer", "settings", DOWN),
    Row("huge body", plex("huge_body", bytes=65 * 2**20), "BadResponse", "plex", BUSY, SUSPECT),
    Row(
        "damaged gzip",
        status(200, body="no gzip", content_type="text/xml", headers={"Content-Encoding": "gzip"}),
        "BadResponse",
        "plex",
        BUSY,
        SUSPECT,
    ),
    Row(
        "brotli",
        status(200, body="br", headers={"Content-Encoding": "br"}),
        "BadResponse",
        "plex",
        BUSY,
        SUSPECT,
    ),
    Row("gzip", lambda t: t.plex.switches(gzip=True), "", "nothing", BUSY),
    Row("wrong content type", plex("content_type"), "", "nothing", BUSY),
    Row("keep-alive closed", plex("close"), "", "nothing", BUSY),
    *(
        Row(f"{number} to another host", elsewhere(number), "Redirected", "settings", DOWN)
        for number in (301, 302, 307, 308)
    ),
    Row(
        "302, edits",
        lambda t: t.plex.fault("redirect", location=f"{t.foreign.url}/", times=None, **PUT),
        "Redirected",
        "settings",
        BUSY,
        SUSPECT,
    ),
    Row("400 to all", status(400), "NotAPlexServer", "settings", DOWN),
    Row("400 to edits", status(400, **PUT), "RejectedEdit", "park", BUSY, 0),
    Row("401 to all", status(401), "AuthError", "settings", DOWN),
    Row("401, wrong token", setting(plex_token="not-the-token"), "AuthError", "settings", DOWN),
    Row("401 to edits", status(401, **PUT), "AuthError", "settings", BUSY, SUSPECT),
    Row("403 to edits", status(403, **PUT), "PermissionDenied", "settings", BUSY, SUSPECT),
    Row("403 to all", status(403), "PermissionDenied", "settings", DOWN),
    Row("404 to all", status(404), "NotAPlexServer", "settings", DOWN),
    Row("404 to items", status(404, **ITEM), "NotInPlexYet", "wait", BUSY, BUSY),
    Row("408", status(408), "ServerTimeout", "plex", DOWN),
    Row("409 to edits", status(409, **PUT), "RejectedEdit", "park", BUSY, 0),
    Row("413 to edits", status(413, **PUT), "RequestTooLarge", "park", BUSY, 0),
    Row("429", status(429), "RateLimited", "plex", 6),
    Row("429 to items", status(429, **ITEM), "RateLimited", "plex", 10, 6),
    Row(
        "429, Retry-After", status(429, headers={"Retry-After": "240"}), "RateLimited", "plex", 4, 3
    ),
    Row("498", status(498), "AuthError", "settings", DOWN),
    Row("500 to all", status(500), "ServerUnavailable", "plex", DOWN),
    Row("500 to edits", status(500, **PUT), "ServerError", "plex", BUSY, SUSPECT),
    Row("502", status(502), "ServerUnavailable", "plex", DOWN),
    Row("503 maintenance", plex("maintenance"), "ServerStarting", "plex", DOWN),
    Row("503 overload", status(503, body="<html>busy</html>"), "ServerUnavailable", "plex", DOWN),
    Row(
        "503, Retry-After",
        status(503, headers={"Retry-After": "200"}),
        "ServerUnavailable",
        "plex",
        4,
        3,
    ),
    Row("520", status(520), "ServerUnavailable", "plex", DOWN),
    Row(
        "self-signed",
        both(tls_at_plex, setting(plex_url="https://127.0.0.1:{port}")),
        "TlsError",
        "settings",
        DOWN,
        unseen=True,
        clear=setting(plex_skip_tls_verify=True),
    ),
    Row(
        "certificate of another",
        both(tls_at_plex, setting(plex_url="https://localhost:{port}")),
        "TlsError",
        "settings",
        DOWN,
        unseen=True,
    ),
    Row(
        "https to plain http",
        both(
            lambda t: t.plex_proxy.open(target=t.stash.port),
            setting(plex_url="https://127.0.0.1:{port}"),
        ),
        "TlsError",
        "settings",
        DOWN,
        unseen=True,
    ),
    Row("http to TLS", tls_at_plex, "ServerUnreachable", "plex", DOWN, unseen=True),
)


def stash(action: str, **options: Any) -> Act:
    """Let Stash misbehave until it is told to stop."""
    return lambda env: env.stash.fault(action, times=None, path="^/graphql", **options)


def stash_status(number: int, **options: Any) -> Act:
    """Let Stash answer with a status."""
    return stash("status", status=number, **options)


def scripted(reply: Reply) -> Act:
    """Put a server in Stash's place that says what it is told to."""
    return lambda env: env.stash_proxy.open(target=env.impostor(reply))


def stash_at(host: str, scheme: str = "http", *, tls: bool = False) -> Act:
    """Let Stash be reached by another name or scheme."""

    def act(env: FaultEnvironment) -> None:
        env.host, env.scheme = host, scheme
        env.stash_proxy.open(tls=env.tls if tls else None)
        env.mark([])

    return act


def _drip(_asked: Asked, sock: socket.socket) -> None:
    sock.sendall(answer(b" " * 4096, kind="application/json")[:-4096])
    for _ in range(200):
        sock.sendall(b" ")
        sock.settimeout(0.03)
        try:
            if not sock.recv(1):
                return
        except TimeoutError:
            continue


def _drip_headers(_asked: Asked, sock: socket.socket) -> None:
    for letter in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200:
        sock.sendall(bytes([letter]))
        sock.settimeout(0.03)
        try:
            if not sock.recv(1):
                return
        except TimeoutError:
            continue


def _huge(_asked: Asked, sock: socket.socket) -> None:
    sock.sendall(answer(b"", kind="application/json", length=80 * 2**20))
    piece = b" " * 2**20
    for _ in range(80):
        sock.sendall(piece)


def stash_elsewhere(number: int) -> Act:
    """Let Stash redirect to a foreign host."""
    return lambda env: env.stash.fault(
        "status",
        status=number,
        times=None,
        path="^/graphql",
        headers={"Location": f"{env.foreign.url}/login"},
    )


ONE: dict[str, Any] = {"query": "findScene"}

STASH_ROWS = (
    Row("refused", lambda t: t.stash_proxy.shut(), "StashUnreachable", "stash", DOWN, unseen=True),
    Row("name unknown", stash_at("stash.invalid"), "StashUnreachable", "stash", DOWN, unseen=True),
    Row(
        "hang in connect",
        lambda t: t.stash_proxy.jam(),
        "StashUnreachable",
        "stash",
        DOWN,
        slow=0.3,
        unseen=True,
    ),
    Row("hang in headers", stash("hang_headers"), "StashTimeout", "stash", DOWN, slow=0.3),
    Row("hang in body", stash("hang_body"), "StashTimeout", "stash", DOWN, slow=0.3),
    Row("slow drip", scripted(_drip), "StashTimeout", "stash", DOWN, slow=0.1, unseen=True),
    Row(
        "slow drip of headers",
        scripted(_drip_headers),
        "StashTimeout",
        "stash",
        DOWN,
        slow=0.1,
        unseen=True,
    ),
    Row("reset before", stash("reset_before"), "StashUnreachable", "stash", DOWN),
    Row("reset after", stash("reset_after"), "StashUnreachable", "stash", DOWN),
    Row(
        "one question hangs",
        stash("hang_headers", **ONE),
        "StashTimeout",
        "stash",
        BUSY,
        SUSPECT,
        slow=0.3,
    ),
    Row("truncated JSON", stash("truncate"), "StashUnreachable", "stash", DOWN),
    Row(
        "half a JSON",
        stash_status(200, body='{"data": {"fin', content_type="application/json"),
        "StashAnswerError",
        "stash",
        BUSY,
        SUSPECT,
    ),
    Row("HTML with 200", stash("html200"), "StashAnswerError", "stash", BUSY, SUSPECT),
    Row("huge body", scripted(_huge), "StashAnswerError", "stash", BUSY, SUSPECT, unseen=True),
    Row(
        "wrong content type",
        scripted(lambda _asked, _sock: answer(b'{"data": null}', kind="image/png")),
        "StashAnswerError",
        "stash",
        BUSY,
        SUSPECT,
        unseen=True,
    ),
    Row(
        "damaged gzip",
        stash_status(200, body="x", headers={"Content-Encoding": "gzip"}),
        "StashAnswerError",
        "stash",
        BUSY,
        SUSPECT,
    ),
    Row(
        "gzip, not asked for",
        scripted(
            lambda _asked, _sock: answer(
                gzip.compress(b'{"data": {}}'), kind="application/json", Content_Encoding="gzip"
            )
        ),
        "StashAnswerError",
        "stash",
        BUSY,
        SUSPECT,
        unseen=True,
    ),
    Row(
        "not HTTP",
        scripted(lambda _asked, sock: sock.sendall(b"\x15\x03\x01\x00\x02\x02\x46")),
        "StashUnreachable",
        "stash",
        DOWN,
        unseen=True,
    ),
    Row("keep-alive closed", stash("close"), "", "nothing", BUSY),
    *(
        Row(
            f"{number} to another host",
            stash_elsewhere(number),
            "StashRefused",
            "stash",
            DOWN,
        )
        for number in (301, 302, 307)
    ),
    *(
        Row(f"{number}", stash_status(number), error, "stash", DOWN)
        for number, error in (
            (400, "StashUnavailable"),
            (401, "StashRefused"),
            (403, "StashRefused"),
            (404, "StashUnavailable"),
            (405, "StashUnavailable"),
            (408, "StashUnavailable"),
            (409, "StashUnavailable"),
            (413, "StashUnavailable"),
            (429, "StashUnavailable"),
            (498, "StashUnavailable"),
            (500, "StashUnavailable"),
            (502, "StashUnavailable"),
            (503, "StashUnavailable"),
            (520, "StashUnavailable"),
        )
    ),
    Row(
        "429, Retry-After",
        stash_status(429, headers={"Retry-After": "240"}),
        "StashUnavailable",
        "stash",
        4,
        3,
    ),
    Row(
        "503, Retry-After",
        stash_status(503, headers={"Retry-After": "200"}),
        "StashUnavailable",
        "stash",
        4,
        3,
    ),
    Row(
        "500 to one question", stash_status(500, **ONE), "StashUnavailable", "stash", BUSY, SUSPECT
    ),
    Row("422", stash("graphql_error", status=422, **ONE), "StashQueryRefused", "settings", 20, 30),
    Row("GraphQL errors", stash("graphql_error"), "StashAnswerError", "stash", BUSY, SUSPECT),
    Row(
        "GraphQL error to one question",
        stash("graphql_error", **ONE),
        "StashAnswerError",
        "stash",
        BUSY,
        SUSPECT,
    ),
    Row(
        "certificate unknown",
        stash_at("127.1", "https", tls=True),
        "StashUnreachable",
        "stash",
        DOWN,
        unseen=True,
    ),
    Row(
        "https to plain http",
        stash_at("127.0.0.1", "https"),
        "StashUnreachable",
        "stash",
        DOWN,
        unseen=True,
    ),
    Row(
        "http to TLS",
        stash_at("127.0.0.1", tls=True),
        "StashUnreachable",
        "stash",
        DOWN,
        unseen=True,
    ),
)
