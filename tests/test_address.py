"""Addresses taken apart, and link-local ones really reached."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from net.address import Address, Origin, address_of
from plex.client import PlexClient
from stash.client import StashClient
from stash.connection import StashConnection
from tests.stash_wire import version_of
from tests.wire import Asked, Wire, answer, container, self_signed

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize(
    ("url", "address", "spelled"),
    [
        ("http://plex:32400", Address(Origin("http", "plex", 32400), ""), "http://plex:32400"),
        ("HTTP://Plex/", Address(Origin("http", "plex", 80), ""), "http://plex"),
        ("https://h:443/Plex/", Address(Origin("https", "h", 443), "/Plex"), "https://h"),
        ("http://h:0", Address(Origin("http", "h", 80), ""), "http://h"),
        ("http://u:p@h:1?q#f", Address(Origin("http", "h", 1), ""), "http://h:1"),
        (
            "http://HÖST.example:80/é/a%20b",
            Address(Origin("http", "xn--hst-sna.example", 80), "/%C3%A9/a%20b"),
            "http://xn--hst-sna.example",
        ),
        (
            "http://straße.example",
            Address(Origin("http", "xn--strae-oqa.example", 80), ""),
            "http://xn--strae-oqa.example",
        ),
        ("http://[::1]:32400", Address(Origin("http", "::1", 32400), ""), "http://[::1]:32400"),
        (
            "http://[FE80::1%eth0]:32400/x",
            Address(Origin("http", "fe80::1%eth0", 32400), "/x"),
            "http://[fe80::1]:32400",
        ),
        (
            "http://[fe80::1%25Eth0]:32400",
            Address(Origin("http", "fe80::1%Eth0", 32400), ""),
            "http://[fe80::1]:32400",
        ),
        # The interface of number 25, written without RFC 6874's care.
        ("http://[fe80::1%25]", Address(Origin("http", "fe80::1%25", 80), ""), "http://[fe80::1]"),
    ],
)
def test_an_address_is_taken_apart(url: str, address: Address, spelled: str) -> None:
    """Scheme, host, port and path are what is asked; the server is not told of a zone."""
    assert address_of(url) == address
    assert address_of(url).origin.url == spelled


@pytest.mark.parametrize(
    "url",
    [
        *("", "plex", "plex:32400", "ftp://plex", "http://", "http://:80", "http://[::1"),
        *("http://a:b", "http://a:99999", "http://*x", "http://.x", "http://a b", "http://é..b"),
        *("http://aé\u3002b", "http://[x]", "http://" + "é" * 70),
    ],
)
def test_what_no_request_can_be_sent_to_is_refused(url: str) -> None:
    """Each is one kind of error, whatever is wrong with it."""
    with pytest.raises(http.client.InvalidURL):
        address_of(url)


def link_locals() -> list[str]:
    """This machine's link-local addresses with their zones, as Linux lists them."""
    listing = Path("/proc/net/if_inet6")
    lines = listing.read_text("ascii").split("\n") if listing.exists() else []
    rows = [line.split() for line in lines if line]
    return [
        f"{socket.inet_ntop(socket.AF_INET6, bytes.fromhex(row[0]))}%{row[5]}"
        for row in rows
        if row[3] == "20"
    ]


@pytest.fixture(params=["link-local", "loopback"])
def zoned_host(request: pytest.FixtureRequest) -> Iterator[str]:
    """A host with a zone where this machine can listen."""
    # Every machine numbers its interfaces, and the first is loopback.
    found = link_locals() if request.param == "link-local" else ["::1%1"]
    for host in found:
        try:
            place = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0][4]
            socket.create_server(place, family=socket.AF_INET6).close()
        except OSError:
            continue
        yield host
        return
    pytest.skip("this machine has no such address")


@pytest.mark.parametrize("sign", ["%", "%25"])
def test_plex_is_reached_by_an_address_with_a_zone(zoned_host: str, sign: str) -> None:
    """Our queries and plexapi's both get there, and name the host without the zone."""
    address, _, zone = zoned_host.partition("%")

    def plex(asked: Asked, _sock: socket.socket) -> bytes:
        return container(machineIdentifier="m1", friendlyName="Den", path=asked.path)

    with Wire(plex, host=zoned_host) as wire:
        url = f"http://[{address}{sign}{zone}]:{wire.port}/plex"
        with PlexClient(url, "t0ken") as client:
            assert client.probe() == "m1"
            assert client.server.friendlyName == "Den"
            assert client.server.query("/library").get("path") == "/plex/library"
    assert {asked.headers["host"] for asked in wire.asked} == {f"[{address}]:{wire.port}"}


@pytest.mark.parametrize("sign", ["%", "%25"])
def test_stash_is_reached_by_an_address_with_a_zone(zoned_host: str, sign: str) -> None:
    """So are Stash's answers, for which no name is asked either."""
    address, _, zone = zoned_host.partition("%")
    said = json.dumps({"data": {"version": {"version": "v0.30.1"}}}).encode()
    with Wire(lambda *_: answer(said, kind="application/json"), host=zoned_host) as wire:
        given = {"Scheme": "http", "Host": f"{address}{sign}{zone}", "Port": wire.port}
        connection = StashConnection.from_server_connection(given)
        with closing(StashClient(connection)) as client:
            assert version_of(client) == "v0.30.1"
    assert wire.asked[0].headers["host"] == f"[{address}]:{wire.port}"


def test_a_secure_connection_names_no_zone(zoned_host: str, tmp_path: Path) -> None:
    """A zone is no part of the name that a certificate is for."""
    context = self_signed(tmp_path)
    names: list[str | None] = []
    context.sni_callback = lambda _sock, name, _context: names.append(name)
    with (
        Wire(lambda *_: container(machineIdentifier="m1"), host=zoned_host, tls=context) as wire,
        PlexClient(wire.url, "t0ken", verify=False) as client,
    ):
        assert client.probe() == "m1"
    assert names == [None]  # an address is not sent as a name at all
