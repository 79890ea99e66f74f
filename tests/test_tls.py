"""A certificate that lies on our disk: that very one is accepted, for any name, and no other."""

from __future__ import annotations

import base64
import re
import ssl
from pathlib import Path

import pytest

from net.address import Origin
from net.exchange import Exchange, ExchangeFailedError
from stash.connection import CERTIFICATE, StashConnection
from tests.wire import Wire, answer, self_signed, signed_by_authority


def ask(port: int, certificate: Path | str, host: str = "localhost") -> bytes:
    """Ask a server by a name that its certificate was not made out to."""
    exchange = Exchange(
        Origin("https", host, port),
        connect_timeout=10,
        read_timeout=10,
        verify=True,
        repeatable={"GET"},
        certificate=str(certificate),
    )
    try:
        return exchange.ask("GET", "/graphql", {}, None, lambda answer: answer.body(1000))
    finally:
        exchange.close()


def another(certificate: Path) -> Path:
    """Write a certificate that differs in one byte of its serial number."""
    text = certificate.read_text()
    body = text.partition("-----BEGIN CERTIFICATE-----")[2].partition("-----END")[0]
    der = bytearray(base64.b64decode(body))
    place = der.index(b"\2\1\1")  # the serial number, an INTEGER of one byte
    der[place + 2] = 2
    path = certificate.with_name("another.pem")
    path.write_text(ssl.DER_cert_to_PEM_cert(bytes(der)))
    return path


def test_the_certificate_beside_the_configuration_is_accepted_for_any_name(tmp_path: Path) -> None:
    """Stash on a LAN address shows its own certificate, which no store knows."""
    with Wire(lambda *_: answer(b"here"), tls=self_signed(tmp_path)) as wire:
        assert ask(wire.port, tmp_path / "server.pem") == b"here"


@pytest.mark.parametrize("what", ["nothing", "not there", "another", "garbage", "a folder"])
def test_no_other_certificate_is_accepted_and_nothing_is_sent(tmp_path: Path, what: str) -> None:
    """Verification is never switched off, whatever lies in the file's place."""
    with Wire(lambda *_: answer(b"here"), tls=self_signed(tmp_path)) as wire:
        garbage = tmp_path / "garbage.pem"
        garbage.write_bytes(b"-----BEGIN CERTIFICATE-----\n\xff!\n-----END CERTIFICATE-----\n")
        places: dict[str, Path | str] = {
            "nothing": "",
            "not there": tmp_path / "none.crt",
            "another": another(tmp_path / "server.pem"),
            "garbage": garbage,
            "a folder": tmp_path,
        }
        with pytest.raises(ExchangeFailedError) as failed:
            ask(wire.port, places[what])
        assert isinstance(failed.value.__cause__, ssl.SSLCertVerificationError)
        assert wire.asked == []


def test_one_that_an_authority_signed_is_accepted_itself(tmp_path: Path) -> None:
    """A home's own authority signed it: that nobody here knows it does not matter."""
    with Wire(lambda *_: answer(b"here"), tls=signed_by_authority(tmp_path)) as wire:
        assert ask(wire.port, tmp_path / "server.pem") == b"here"


def test_what_the_one_on_our_disk_has_signed_is_another_one(tmp_path: Path) -> None:
    """The file may hold an authority: then whoever it signed for is not that Stash."""
    with Wire(lambda *_: answer(b"here"), tls=signed_by_authority(tmp_path)) as wire:
        with pytest.raises(ExchangeFailedError) as failed:
            ask(wire.port, tmp_path / "authority.pem")
        assert isinstance(failed.value.__cause__, ssl.SSLCertVerificationError)
        assert wire.asked == []


def test_a_certificate_that_is_exchanged_is_read_again(tmp_path: Path) -> None:
    """The user gave Stash a new one: the next request accepts it, without a restart."""
    with Wire(lambda *_: answer(b"here"), tls=self_signed(tmp_path)) as wire:
        file = tmp_path / CERTIFICATE
        file.write_text(another(tmp_path / "server.pem").read_text())
        exchange = Exchange(
            Origin("https", "localhost", wire.port), connect_timeout=10, read_timeout=10,
            verify=True, repeatable={"GET"}, certificate=str(file),
        )  # fmt: skip
        with pytest.raises(ExchangeFailedError):
            exchange.ask("GET", "/a", {}, None, lambda answer: answer.body(1000))
        text = (tmp_path / "server.pem").read_text()
        file.write_text("".join(re.findall(r"(?s)-----BEGIN CERT.*?-----END CERT[^\n]*\n", text)))
        assert exchange.ask("GET", "/a", {}, None, lambda answer: answer.body(1000)) == b"here"
        exchange.close()


def test_where_the_certificate_lies_comes_with_the_connection(tmp_path: Path) -> None:
    """Beside Stash's configuration; nowhere where Stash does not say where that is."""
    given = {"Scheme": "https", "Host": "192.168.1.10", "Port": 9999, "Dir": str(tmp_path)}
    found = StashConnection.from_server_connection(given)
    assert found.certificate == str(tmp_path / CERTIFICATE)
    assert not found.is_loopback
    for folder in (None, 7, "a\0b"):
        assert StashConnection.from_server_connection({**given, "Dir": folder}).certificate == ""


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("ssl_cert_path: {there}", True),
        ("ssl_cert_path: '{there}'", True),
        ('ssl_cert_path: "{there}"  # moved', True),
        ("ssl_cert_path: {there} # moved", True),
        ("ssl_cert_path: ''", False),
        ("ssl_cert_path: certs/stash.pem", False),  # depends on where Stash was started
        ("plugins:\n  settings:\n    ssl_cert_path: {there}", False),
        ("# ssl_cert_path: {there}", False),
    ],
)
def test_a_certificate_that_the_configuration_names_is_the_one(
    tmp_path: Path, line: str, named: bool
) -> None:
    """Stash's ssl_cert_path comes before stash.crt, however its line is written."""
    there = str(tmp_path / "certs of mine" / "stash.pem")
    text = f"host: 0.0.0.0\n{line.format(there=there)}\nstash:\n- path: /data\n"
    (tmp_path / "config.yml").write_text(text, encoding="utf-8")
    given = {"Scheme": "https", "Host": "192.168.1.10", "Port": 9999, "Dir": str(tmp_path)}
    found = StashConnection.from_server_connection(given)
    assert found.certificate == (there if named else str(tmp_path / CERTIFICATE))
    assert StashConnection.from_server_connection({**given, "Scheme": "http"}).certificate == ""


def test_a_certificate_in_the_folder_of_stashs_user_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where none lies beside the configuration, Stash looks there, and so does PlexSync."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    at_home = tmp_path / "home" / ".stash" / CERTIFICATE
    at_home.parent.mkdir(parents=True)
    at_home.write_text("x")
    given = {"Scheme": "https", "Host": "192.168.1.10", "Port": 9999, "Dir": str(tmp_path)}
    assert StashConnection.from_server_connection(given).certificate == str(at_home)
    (tmp_path / CERTIFICATE).write_text("x")
    found = StashConnection.from_server_connection(given)
    assert found.certificate == str(tmp_path / CERTIFICATE)
