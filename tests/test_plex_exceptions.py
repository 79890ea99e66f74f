from __future__ import annotations

import datetime as dt
import email.utils
import errno
import http.client
import inspect
import json
import socket
import ssl
import traceback
from xml.etree import ElementTree as ET

import plexapi.exceptions
import pytest
import requests
import urllib3.exceptions as low
from plexapi.utils import parseXMLString

from errors import ConfigurationError, NextStep, PermanentError, Scope, SyncError, TransientError
from plex import error_types as ours
from plex.exceptions import translate_plex_exception
from plex.response import PlexHttpError
from validation.settings_reader import shown_name

KINDS = [
    kind
    for kind in vars(ours).values()
    if inspect.isclass(kind) and issubclass(kind, ours.PlexError)
]
MAINTENANCE = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Response code="503" title="Maintenance" '
    b'status="Plex Media Server is currently running startup maintenance tasks."/>'
)


def from_requests(kind: type[requests.RequestException], cause: object) -> BaseException:
    """An exception as requests raises it, with its request and its cause inside."""
    request = requests.Request("GET", "http://plex:32400/x?title.value=Private").prepare()
    return kind(cause, request=request)


def after_retries(reason: Exception) -> low.MaxRetryError:
    """The wrapping that urllib3 gives what went wrong while connecting."""
    return low.MaxRetryError(None, "/x?title.value=Private", reason)  # type: ignore[arg-type]


def refused() -> Exception:
    """urllib3's report of a refused connection, cause included."""
    report = low.NewConnectionError(None, "refused")  # type: ignore[arg-type]
    report.__cause__ = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
    return report


def unreachable(number: int) -> Exception:
    """urllib3's report of another failure to connect."""
    report = low.NewConnectionError(None, "failed")  # type: ignore[arg-type]
    report.__cause__ = OSError(number, "it failed")
    return report


def untrusted() -> ssl.SSLError:
    """What the ssl module raises for a certificate that it cannot verify."""
    return ssl.SSLCertVerificationError(1, "certificate verify failed")


def plain_http() -> ssl.SSLError:
    """What the ssl module raises when a TLS handshake meets plain http."""
    error = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    error.reason = "WRONG_VERSION_NUMBER"
    return error


def damaged() -> ssl.SSLError:
    """What the ssl module raises for a record that was changed on its way."""
    error = ssl.SSLError(1, "decryption failed or bad record mac")
    error.reason = "DECRYPTION_FAILED_OR_BAD_RECORD_MAC"
    return error


CR = requests.exceptions
BY_CLASS: list[tuple[str, BaseException, type[SyncError]]] = [
    (
        "refused",
        from_requests(CR.ConnectionError, after_retries(refused())),
        ours.ServerUnreachable,
    ),
    ("bare refused", ConnectionRefusedError(errno.ECONNREFUSED, "no"), ours.ServerUnreachable),
    ("DNS", socket.gaierror(socket.EAI_NONAME, "unknown"), ours.ServerUnreachable),
    (
        "no route",
        from_requests(CR.ConnectionError, after_retries(unreachable(errno.EHOSTUNREACH))),
        ours.ServerUnreachable,
    ),
    ("no network", OSError(errno.ENETUNREACH, "no"), ours.ServerUnreachable),
    ("connect timeout", from_requests(CR.ConnectTimeout, "slow"), ours.ServerTimeout),
    ("read timeout", from_requests(CR.ReadTimeout, "slow"), ours.ServerTimeout),
    ("socket timeout", TimeoutError("timed out"), ours.ServerTimeout),
    ("network timeout", OSError(errno.ETIMEDOUT, "timed out"), ours.ServerTimeout),
    (
        "read timeout in a body",
        from_requests(
            CR.ConnectionError,
            low.ReadTimeoutError(None, "/x", "slow"),  # type: ignore[arg-type]
        ),
        ours.ServerTimeout,
    ),
    (
        "hung up",
        from_requests(
            CR.ConnectionError, low.ProtocolError("x", http.client.RemoteDisconnected("gone"))
        ),
        ours.ServerUnreachable,
    ),
    ("garbage", http.client.BadStatusLine("SSH-2.0"), ours.ServerUnreachable),
    ("reset", ConnectionResetError(errno.ECONNRESET, "reset"), ours.ServerUnreachable),
    ("broken pipe", BrokenPipeError(errno.EPIPE, "broken"), ours.ServerUnreachable),
    ("proxy", from_requests(CR.ProxyError, "no"), ours.ServerUnreachable),
    ("chunks cut", from_requests(CR.ChunkedEncodingError, "cut"), ours.BadResponse),
    ("length cut", http.client.IncompleteRead(b"half", 10), ours.BadResponse),
    ("cut by urllib3", low.ProtocolError("x", low.IncompleteRead(1, 2)), ours.BadResponse),
    ("gzip", from_requests(CR.ContentDecodingError, "bad"), ours.BadResponse),
    ("XML", ET.ParseError("no element found"), ours.BadResponse),
    ("headers", http.client.LineTooLong("header line"), ours.BadResponse),
    ("plexapi's TypeError", TypeError("'NoneType' object is not subscriptable"), ours.BadResponse),
    ("plexapi's unknown type", plexapi.exceptions.UnknownType("x"), ours.BadResponse),
    (
        "certificate",
        from_requests(CR.SSLError, after_retries(low.SSLError(untrusted()))),
        ours.TlsError,
    ),
    ("bare certificate", untrusted(), ours.TlsError),
    ("TLS without a cause", from_requests(CR.SSLError, "bad"), ours.TlsError),
    (
        "https to a http port",
        from_requests(CR.SSLError, after_retries(low.SSLError(plain_http()))),
        ours.TlsError,
    ),
    (
        "TLS hung up",
        from_requests(CR.SSLError, after_retries(low.SSLError(ssl.SSLEOFError(8, "EOF")))),
        ours.ServerUnreachable,
    ),
    (
        "TLS record damaged",
        from_requests(CR.SSLError, low.SSLError(damaged())),
        ours.ServerUnreachable,
    ),
    ("no scheme", CR.MissingSchema("x"), ours.BadAddress),
    ("wrong scheme", CR.InvalidSchema("x"), ours.BadAddress),
    ("bad url", CR.InvalidURL("x"), ours.BadAddress),
    ("bad host", low.LocationParseError("x"), ours.BadAddress),
    ("label too long", UnicodeError("label empty or too long"), ours.BadAddress),
    ("header", CR.InvalidHeader("x"), ours.AuthError),
    ("redirects", CR.TooManyRedirects("x"), ours.Redirected),
    (
        "unauthorized",
        plexapi.exceptions.Unauthorized("(401) unauthorized; http://x"),
        ours.AuthError,
    ),
    ("unauthorized, bare", plexapi.exceptions.Unauthorized("no"), ours.AuthError),
    ("not found", plexapi.exceptions.NotFound("(404) not_found; http://x"), ours.ItemGone),
    ("no such element", plexapi.exceptions.NotFound("Unable to find elem"), ours.NotInPlexYet),
    (
        "bad request",
        plexapi.exceptions.BadRequest("(400) bad_request; http://x"),
        ours.RejectedEdit,
    ),
    ("bad argument", plexapi.exceptions.BadRequest("Unknown filter"), ours.RejectedEdit),
    ("forbidden", plexapi.exceptions.BadRequest("(403) forbidden; u"), ours.PermissionDenied),
    ("overload", plexapi.exceptions.BadRequest("(503) unavailable; u"), ours.ServerUnavailable),
    ("unsupported", plexapi.exceptions.Unsupported("x"), ours.PlexPermanentError),
    ("nobody knows", RuntimeError("?"), ours.PlexTemporaryError),
]


@pytest.mark.parametrize(
    ("exc", "kind"), [row[1:] for row in BY_CLASS], ids=[row[0] for row in BY_CLASS]
)
def test_a_library_s_exception_becomes_one_of_ours(
    exc: BaseException, kind: type[SyncError]
) -> None:
    """Every row of the table of symptoms has its own class."""
    assert type(translate_plex_exception(exc)) is kind


BY_STATUS: list[tuple[int, str, str, type[SyncError]]] = [
    (301, "PUT", "/library/metadata/1", ours.Redirected),
    (302, "GET", "/", ours.Redirected),
    (303, "PUT", "/library/metadata/1", ours.Redirected),
    (307, "GET", "/", ours.Redirected),
    (308, "GET", "/", ours.Redirected),
    (400, "PUT", "/library/sections/1/all", ours.RejectedEdit),
    (400, "GET", "/library/metadata/42", ours.NotAPlexServer),
    (400, "GET", "/identity", ours.NotAPlexServer),
    (401, "GET", "/library/sections", ours.AuthError),
    (403, "PUT", "/library/sections/1/all", ours.PermissionDenied),
    (404, "GET", "/library/metadata/42", ours.ItemGone),
    (404, "PUT", "/library/metadata/42", ours.ItemGone),
    (404, "POST", "/library/metadata/42/posters", ours.ItemGone),
    (404, "PUT", "/library/sections/1/all", ours.ItemGone),
    (404, "GET", "/library/sections/1/all", ours.LibraryNotFound),
    (404, "GET", "/identity", ours.NotAPlexServer),
    (404, "GET", "/", ours.NotAPlexServer),
    (404, "GET", "/library/sections", ours.NotAPlexServer),
    (405, "PUT", "/library/metadata/42", ours.NotAPlexServer),
    (407, "GET", "/", ours.NotAPlexServer),
    (408, "GET", "/", ours.ServerTimeout),
    (409, "PUT", "/library/metadata/42", ours.RejectedEdit),
    (410, "GET", "/library/metadata/42", ours.ItemGone),
    (413, "PUT", "/library/metadata/42", ours.RequestTooLarge),
    (413, "POST", "/library/metadata/42/posters", ours.ImageTooLarge),
    (414, "PUT", "/library/metadata/42", ours.RequestTooLarge),
    (422, "PUT", "/library/metadata/42", ours.RejectedEdit),
    (429, "GET", "/", ours.RateLimited),
    (431, "PUT", "/library/metadata/42", ours.RequestTooLarge),
    (498, "GET", "/", ours.AuthError),
    (500, "PUT", "/library/metadata/42", ours.ServerError),
    (500, "GET", "/library/sections", ours.ServerUnavailable),
    (502, "GET", "/library/metadata/42", ours.ServerUnavailable),
    (503, "GET", "/library/metadata/42", ours.ServerUnavailable),
    (504, "GET", "/library/metadata/42", ours.ServerUnavailable),
    *[
        (status, "PUT", "/library/metadata/42", ours.ServerUnavailable)
        for status in range(520, 528)
    ],
    (599, "GET", "/", ours.ServerTimeout),
    (204, "GET", "/", ours.BadResponse),
    (304, "GET", "/", ours.BadResponse),
    (799, "GET", "/x", ours.BadResponse),
]


@pytest.mark.parametrize(("status", "method", "path", "kind"), BY_STATUS)
def test_a_status_becomes_one_of_ours(
    status: int, method: str, path: str, kind: type[SyncError]
) -> None:
    """Every status has its class, by number, and by place where the number is not enough."""
    headers = {"Location": "https://elsewhere:1/x"} if status != 304 else {}
    fault = translate_plex_exception(
        PlexHttpError(status, method=method, path=path, headers=headers)
    )
    assert type(fault) is kind
    words, number, _ = str(fault).partition(str(status))
    assert len(words.split()) >= 3, "what it means comes before the number"
    assert words.endswith("(") or not number


@pytest.mark.parametrize(
    "body",
    [
        MAINTENANCE,
        MAINTENANCE.replace(b"startup maintenance tasks", b"database migrations"),
        json.dumps({"code": 503, "title": "Maintenance", "status": "Plex is busy"}).encode(),
    ],
)
def test_plex_s_own_notice_means_that_it_starts(body: bytes) -> None:
    """A 503 with the maintenance notice, in XML or JSON, is no overload."""
    fault = translate_plex_exception(PlexHttpError(503, excerpt=body))
    assert type(fault) is ours.ServerStarting


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><head><title>Maintenance</title></head></html>",
        MAINTENANCE[:60],
        b'{"title": "Maintenance"',
        b"[503]",
        b"\xff\xfe\x00",
        b"[" * 5000,
        b'<!DOCTYPE a [<!ENTITY b "c">]><Response title="Maintenance"/>',
    ],
)
def test_any_other_503_is_an_overload(body: bytes) -> None:
    """Another body, a half one or a hostile one does not look like Plex's notice."""
    fault = translate_plex_exception(PlexHttpError(503, excerpt=body))
    assert type(fault) is ours.ServerUnavailable


def http_date(seconds: float) -> str:
    """A date so many seconds from now, as HTTP writes it."""
    when = dt.datetime.now(dt.timezone.utc) + dt.timedelta(seconds=seconds)
    return email.utils.format_datetime(when, usegmt=True)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_the_server_may_ask_us_to_stay_away(status: int) -> None:
    """Retry-After in seconds travels with each fault that passes by itself."""
    reply = PlexHttpError(status, path="/library/metadata/1", headers={"RETRY-AFTER": " 17 "})
    assert translate_plex_exception(reply).retry_after == 17.0


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("0", 0, 0),
        ("999999999999", 3600, 3600),
        (100, 50, 100),
        (-100, 0, 0),
        (10**7, 3600, 3600),
        ("Fri, 01 Jan 2100 00:00:00 -0000", 3600, 3600),
    ],
)
def test_retry_after_is_kept_within_an_hour(value: str | int, least: float, most: float) -> None:
    """A count or a date, never below zero and never beyond an hour; a number is that far away."""
    # The date is made here: made at collection it would be old, and differ by process.
    headers = {"Retry-After": http_date(value) if isinstance(value, int) else value}
    found = translate_plex_exception(PlexHttpError(429, headers=headers)).retry_after
    assert found is not None
    assert least <= found <= most


@pytest.mark.parametrize(
    "value", ["", "soon", "-5", "1.5", "inf", "NaN", "Fri, 99 Foo 2100", "\u0661"]
)
def test_a_senseless_retry_after_is_none(value: str) -> None:
    """What is neither a count nor a date says nothing."""
    reply = PlexHttpError(429, headers={"Retry-After": value})
    assert translate_plex_exception(reply).retry_after is None


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_class_says_what_happens_next(kind: type[ours.PlexError]) -> None:
    """The three bases decide the next step, and what is about the server holds all scenes."""
    if kind is ours.PlexError:
        return
    bases = (ours.PlexTemporaryError, ours.PlexNotFound, ours.PlexConfigurationError)
    base = next((b for b in bases if issubclass(kind, b)), ours.PlexPermanentError)
    step, parent = {
        ours.PlexTemporaryError: (NextStep.RETRY, TransientError),
        ours.PlexNotFound: (NextStep.WAIT, TransientError),
        ours.PlexPermanentError: (NextStep.PARK, PermanentError),
        ours.PlexConfigurationError: (NextStep.PAUSE, ConfigurationError),
    }[base]
    assert kind.next_step is step
    assert issubclass(kind, base)
    assert issubclass(kind, parent)
    assert issubclass(kind, TransientError) != issubclass(kind, PermanentError)
    whole_server = issubclass(kind, ours.PlexConfigurationError) or kind.__name__ in {
        "ServerUnreachable",
        "ServerTimeout",
        "ServerChanged",
        "ServerStarting",
        "ServerUnavailable",
        "RateLimited",
    }
    assert kind.scope is (Scope.SERVER if whole_server else Scope.SCENE)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_class_stands_in_the_drawn_tree(kind: type[ours.PlexError]) -> None:
    """The tree in the module's docstring names every class with its next step."""
    line = next(
        line for line in (ours.__doc__ or "").splitlines() if f"─ {kind.__name__} " in f"{line} "
    )
    if kind is not ours.PlexError:
        assert kind.next_step.name in line
    if kind.scope is Scope.SERVER and kind is not ours.PlexConfigurationError:
        assert " server " in line


@pytest.mark.parametrize(
    ("kind", "setting"),
    [
        (ours.AuthError, "plex_token"),
        (ours.PermissionDenied, "plex_token"),
        (ours.TlsError, "plex_skip_tls_verify"),
        (ours.BadAddress, "plex_url"),
        (ours.Redirected, "plex_url"),
        (ours.NotAPlexServer, "plex_url"),
        (ours.LibraryNotFound, "plex_libraries"),
    ],
)
def test_a_wrong_setting_is_named(kind: type[ours.PlexError], setting: str) -> None:
    """A configuration fault carries the setting, and its sentence names it."""
    assert kind("It is so.").setting == setting
    assert f"until {shown_name(setting)} is mended" in kind.about("It is so.").message


def test_a_tls_fault_names_the_setting_that_would_mend_it() -> None:
    """A distrusted certificate is for plex_skip_tls_verify, http behind https for plex_url."""
    assert translate_plex_exception(untrusted()).setting == "plex_skip_tls_verify"
    assert translate_plex_exception(plain_http()).setting == "plex_url"


def test_translating_twice_changes_nothing() -> None:
    """One of ours comes back as it is, also from inside another exception."""
    fault = ours.AmbiguousMatch("Two items.")
    assert translate_plex_exception(fault) is fault
    assert translate_plex_exception(from_requests(CR.ConnectionError, fault)) is fault


def test_the_nearer_cause_wins_over_the_context() -> None:
    """What was being handled when it failed counts only if nothing else tells."""
    slow, failed = TimeoutError("slow"), RuntimeError("it failed")
    for exc in (slow, failed):
        exc.__context__ = untrusted()
    assert type(translate_plex_exception(slow)) is ours.ServerTimeout
    assert type(translate_plex_exception(failed)) is ours.TlsError
    failed.__suppress_context__ = True
    assert type(translate_plex_exception(failed)) is ours.PlexTemporaryError


def test_a_chain_that_bites_its_tail_ends() -> None:
    """Exceptions that are each other's cause are looked at once."""
    first, second = RuntimeError("a"), RuntimeError("b")
    first.__cause__, second.__cause__ = second, first
    assert type(translate_plex_exception(first)) is ours.PlexTemporaryError


def test_what_stumbles_inside_plexapi_is_plex_s_answer() -> None:
    """An AttributeError out of plexapi's own code is an answer it could not read; ours is not."""
    with pytest.raises(AttributeError) as inside:
        parseXMLString(None)  # type: ignore[arg-type]  # as from a broken answer
    assert type(translate_plex_exception(inside.value)) is ours.BadResponse
    assert type(translate_plex_exception(AttributeError("x"))) is ours.PlexTemporaryError


def test_a_hang_up_on_http_hints_at_secure_connections() -> None:
    """Plex hangs up on http when it demands https, and only then is the hint of use."""
    gone = http.client.RemoteDisconnected("gone")
    assert "https://" in str(translate_plex_exception(from_requests(CR.ConnectionError, gone)))
    request = requests.Request("GET", "https://plex:32400/x").prepare()
    told = translate_plex_exception(CR.ConnectionError(gone, request=request))
    assert "Secure connections" not in str(told)


def test_a_status_is_read_from_a_response_too() -> None:
    """raise_for_status and its like keep the number on the response."""
    response = requests.Response()
    response.status_code = 429
    fault = translate_plex_exception(requests.HTTPError("no", response=response))
    assert type(fault) is ours.RateLimited


def shown_after(exc: BaseException) -> str:
    """All that a log could show of an exception, once an adapter has translated it."""
    try:
        try:
            raise exc
        except BaseException as caught:  # noqa: BLE001 - as an adapter does
            raise translate_plex_exception(caught) from None
    except SyncError as fault:
        return "".join(traceback.format_exception(fault)) + repr(fault) + str(vars(fault))


SECRETS = ("tok3n", "Private", "passw0rd", "title.value", "hidden")


@pytest.mark.parametrize(
    "exc",
    [
        *[row[1] for row in BY_CLASS],
        plexapi.exceptions.BadRequest(
            "(500) internal_server_error; http://u:passw0rd@h/x?X-Plex-Token=tok3n Private"
        ),
        CR.InvalidHeader("Invalid header value: 'tok3n'"),
        CR.InvalidURL("http://u:passw0rd@h:99999999/?X-Plex-Token=tok3n"),
        PlexHttpError(
            302, headers={"Location": "https://u:passw0rd@h:1/hidden?X-Plex-Token=tok3n"}
        ),
        PlexHttpError(302, headers={"Location": "https://[u:passw0rd@h/hidden"}),
        PlexHttpError(302, headers={"Location": "/hidden?X-Plex-Token=tok3n"}),
        PlexHttpError(500, path="/x", excerpt=b"tok3n Private"),
    ],
    ids=[
        *[row[0] for row in BY_CLASS],
        *("plexapi's text", "header value", "url", "redirect", "bad redirect", "path", "body"),
    ],
)
def test_no_secret_and_no_query_gets_into_a_sentence(exc: BaseException) -> None:
    """Whatever the libraries quote, our text, repr and traceback are our own words."""
    shown = shown_after(exc)
    assert [secret for secret in SECRETS if secret in shown] == []


@pytest.mark.parametrize("exc", [row[1] for row in BY_CLASS], ids=[row[0] for row in BY_CLASS])
def test_each_sentence_says_what_happened_what_is_next_and_what_to_do(exc: BaseException) -> None:
    """A message begins with the fact, then says what PlexSync does."""
    message = str(translate_plex_exception(exc))
    fact, _, rest = message.partition(". ")
    assert fact
    assert "PlexSync " in rest
    assert message.endswith(".")
