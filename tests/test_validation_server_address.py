from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validation.config import parse_settings
from validation.server_address import read_address, token_fault

PIECES = st.sampled_from(
    [
        *("http", "https", "://", ":", "/", "//", "h", "plex.example", "192.168.1.10", "32400"),
        *("@", "?", "#", "[", "]", "::1", "%", "web", "index.html", "user", " ", "é", ".", "\\"),
    ]
)


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("http://192.168.1.10:32400", "http://192.168.1.10:32400"),
        ("http://plex:32400///", "http://plex:32400"),
        ("HTTPS://Plex.Example", "https://plex.example"),
        ("http://my_plex:32400", "http://my_plex:32400"),
        ("http://[::1]:32400/", "http://[::1]:32400"),
        ("http://[FE80::1%eth0]:32400", "http://[fe80::1%eth0]:32400"),
        ("https://host.example/Plex/", "https://host.example/Plex"),
        ("https://1-2-3-4.abc.plex.direct:32400", "https://1-2-3-4.abc.plex.direct:32400"),
        ("http://höst.example:32400", "http://höst.example:32400"),
        ("http://plex.example.:32400", "http://plex.example.:32400"),
    ],
)
def test_good_addresses(typed: str, address: str) -> None:
    """An address is kept with its path and port, lower case in front, without a final slash."""
    assert read_address(typed) == (address, "")
    assert read_address(address) == (address, "")


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("192.168.1.10:32400", "enter it like http://192.168.1.10:32400"),
        ("192.168.1.10", "enter it like http://192.168.1.10"),
        ("plex", "must begin with http://"),
        ("http:/plex:32400", "must begin with http://"),
        ("ftp://plex:32400", "must begin with http://"),
        ("plex://plex", "must begin with http://"),
        ("http:\\\\plex:32400", "slashes"),
        ("http://me:pw@plex:32400/", "enter only http://plex:32400,"),
        ("http://plex:32400/web", "enter only http://plex:32400"),
        ("http://plex:32400/web/index.html#!/media/1", "enter only http://plex:32400"),
        ("https://h/plex/web/index.html", "enter only https://h/plex"),
        ("http://plex:32400/identity", "enter only http://plex:32400"),
        ("http://plex:32400/library/sections?X-Plex-Token=s", "enter only http://plex:32400"),
        ("http://plex:32400/?X-Plex-Token=s", "enter only http://plex:32400"),
        ("http://plex:32400?", "enter only http://plex:32400"),
        ("http://plex:32400/#!/settings", "enter only http://plex:32400"),
        ("https://app.plex.tv/desktop/#!/", "web site"),
        ("http://", "no valid host"),
        ("http://:32400", "no valid host"),
        ("http://plex server:32400", "no valid host"),
        ("http://plex,32400", "no valid host"),
        ("http://a..b", "no valid host"),
        ("http://" + "a" * 64, "no valid host"),
        ("http://" + "a." * 200 + "b", "no valid host"),
        ("http://192.168.1.300:32400", "four numbers"),
        ("http://192.168.1.10.32400", "four numbers"),
        ("http://plex:port", "check host and port"),
        ("http://plex:99999", "check host and port"),
        ("http://plex:32400:32400", "check host and port"),
        ("http://::1:32400", "check host and port"),
        ("http://[::1", "check host and port"),
        ("http://plex\uff1a32400", "check host and port"),
        ("http://plex:32400/a b", "blank"),
    ],
)
def test_bad_addresses_say_what_to_enter(typed: str, advice: str) -> None:
    """Each usual mistake in plex_url gets the advice that mends it."""
    address, fault = read_address(typed)
    assert address == ""
    assert advice in fault
    assert "pw" not in fault
    assert "Token=s" not in fault


@given(st.lists(PIECES, min_size=1, max_size=9).map("".join))
def test_any_address_ends_in_a_fault_or_in_itself(typed: str) -> None:
    """Whatever is typed raises nothing, and an accepted address is read back as it is."""
    parsed = parse_settings({"plex_url": typed, "plex_token": "t"})
    if parsed.config is None:
        assert [problem.setting for problem in parsed.problems] == ["plex_url"]
    else:
        address = parsed.config.plex_url
        assert read_address(address) == (address, "")
        assert "@" not in address


@pytest.mark.parametrize("token", ["t", "xyzABC_-12345", "eyJh.eyJz.c2ln", "token-123"])
def test_tokens_that_pass(token: str) -> None:
    """Short, classic and JWT-like tokens are accepted."""
    assert token_fault(token) == ""


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("claim-AbCdEf123", "claim code"),
        ("X-Plex-Token=abc", "behind X-Plex-Token="),
        ("https://h:32400/x?X-Plex-Token=abc", "behind X-Plex-Token="),
        ("http://plex:32400", "without a URL"),
        ('"abc"', "copy it again"),
        ("abc def", "copy it again"),
        ("<your token>", "copy it again"),
        ("tök", "copy it again"),
    ],
)
def test_wrong_tokens_say_what_to_enter(typed: str, advice: str) -> None:
    """A claim code, a URL, quotes or blanks in plex_token get their own advice."""
    assert advice in token_fault(typed)
