from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stash.connection import StashConnection
from stash.exceptions import StashConnectionUnusable

SECRET = "THE-COOKIE-OF-THIS-TEST=="

# The shape that Stash 0.30.1 wrote on a plugin's stdin.
GIVEN = {
    "Scheme": "http",
    "Host": "0.0.0.0",
    "Port": 9999,
    "SessionCookie": {
        "Name": "session",
        "Value": SECRET,
        "Quoted": False,
        "Path": "",
        "Expires": "0001-01-01T00:00:00Z",
        "MaxAge": 0,
        "Unparsed": None,
    },
    "Dir": "/srv/cfg",
    "PluginDir": "/srv/cfg/plugins/PlexSync",
}


def test_what_stash_gives_is_read() -> None:
    """Scheme, host, port and cookie come out of Stash's own object."""
    assert StashConnection.from_server_connection(GIVEN) == StashConnection(
        "http", "127.0.0.1", 9999, "session", SECRET, ""
    )
    secure = StashConnection.from_server_connection({**GIVEN, "Scheme": "https"})
    assert secure.certificate == str(Path("/srv/cfg/stash.crt"))


@pytest.mark.parametrize(
    ("host", "url", "loopback"),
    [
        ("0.0.0.0", "http://127.0.0.1:9999", True),
        ("", "http://localhost:9999", True),
        (None, "http://localhost:9999", True),
        ("::", "http://[::1]:9999", True),
        ("[::]", "http://[::1]:9999", True),
        ("::1", "http://[::1]:9999", True),
        ("[2001:db8::7]", "http://[2001:db8::7]:9999", False),
        ("fe80::1%eth0", "http://[fe80::1%eth0]:9999", False),
        ("127.8.8.8", "http://127.8.8.8:9999", True),
        ("LocalHost", "http://LocalHost:9999", True),
        ("192.168.1.5", "http://192.168.1.5:9999", False),
        ("localhost.example", "http://localhost.example:9999", False),
    ],
)
def test_a_host_becomes_one_that_can_be_connected_to(host: str, url: str, loopback: bool) -> None:
    """Wildcard addresses become loopback ones, IPv6 is bracketed, names stay."""
    connection = StashConnection.from_server_connection(GIVEN | {"Host": host})
    assert (connection.url, connection.is_loopback) == (url, loopback)


@pytest.mark.parametrize("cookie", [None, {}, {"Name": "session", "Value": ""}])
def test_no_cookie_is_fine(cookie: object) -> None:
    """Stash may fail to make a cookie; the connection then has none."""
    connection = StashConnection.from_server_connection(GIVEN | {"SessionCookie": cookie})
    assert (connection.cookie_name, connection.cookie_value) == (None, None)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Scheme", "ftp"),
        ("Scheme", None),
        ("Port", 0),
        ("Port", 65536),
        ("Port", True),
        ("Port", "99 99"),
        ("Host", 4),
        ("Host", "a/b"),
        ("Host", "user@host"),
        ("Host", "::zz"),
        ("Host", "::1%a/b"),
        ("SessionCookie", "session=x"),
        ("SessionCookie", {"Name": "a b", "Value": SECRET}),
        ("SessionCookie", {"Name": "session", "Value": SECRET + "\r\nX: y"}),
        ("SessionCookie", {"Name": "session", "Value": [SECRET]}),
    ],
)
def test_an_unusable_connection_is_named_without_its_cookie(key: str, value: object) -> None:
    """The sentence names the key at fault and never shows the cookie."""
    with pytest.raises(StashConnectionUnusable) as caught:
        StashConnection.from_server_connection(GIVEN | {key: value})
    assert key in caught.value.message
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_the_cookie_is_not_in_the_repr() -> None:
    """A logged connection shows where Stash is, not how to get in."""
    shown = repr(StashConnection.from_server_connection(GIVEN))
    assert "127.0.0.1" in shown
    assert SECRET not in shown


# The machine may be busy with other tests: slowness here says nothing.
@settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(sorted(GIVEN)),
        st.none() | st.integers() | st.text() | st.lists(st.text()) | st.booleans(),
    )
)
def test_any_object_gives_a_connection_or_the_typed_error(odd: dict[str, object]) -> None:
    """Nothing that could stand on stdin raises anything but StashConnectionUnusable."""
    try:
        connection = StashConnection.from_server_connection(GIVEN | odd)
    except StashConnectionUnusable:
        return
    assert connection.url.isprintable()
