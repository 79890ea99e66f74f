from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from validation.media_path import MediaPath, base_name, path_key, same_path

ODD = st.text(st.sampled_from("/\\?.:UNCaAbB é\u0301\u212aİΣß\0\ud800"), max_size=14)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("", ""),
        ("/", "/"),
        ("/Media/A.mp4", "/Media/A.mp4"),
        ("/Media//A/", "/Media/A"),
        ("/AC\\DC.mp4", "/AC\\DC.mp4"),
        ("/cafe\u0301", "/caf\u00e9"),
        ("D:\\Media\\A.mp4", "d:/media/a.mp4"),
        ("d:/media//a.MP4/", "d:/media/a.mp4"),
        ("D:\\", "d:"),
        ("\\\\?\\D:\\Media\\A.mp4", "d:/media/a.mp4"),
        ("//?/D:/Media/A.mp4", "d:/media/a.mp4"),
        ("\\\\?\\UNC\\NAS\\v\\A.mp4", "/nas/v/a.mp4"),
        ("\\\\NAS\\v\\A.mp4", "/nas/v/a.mp4"),
        ("//nas/V/a.mp4", "/nas/v/a.mp4"),
        ("D:\\STRAßE\\ΟΔΟΣ", "d:/straße/οδοσ"),
        ("a/B", "a/B"),
        ("A\\B", "A\\B"),
    ],
)
def test_path_key(path: str, key: str) -> None:
    """One form for every spelling: case goes on Windows and stays on POSIX."""
    assert path_key(path) == key


@given(ODD)
@example("\\\\?\\UNC\\\\?\\A")
@example("//?//A")
@example(":\\/")
def test_path_key_is_stable(path: str) -> None:
    """The key of a key is the key, and composition never matters, whatever the path."""
    key = path_key(path)
    assert path_key(key) == key
    assert path_key(unicodedata.normalize("NFD", path)) == key
    assert same_path(path, key)
    assert not key.endswith("/") or key == "/"


@given(ODD.map(lambda rest: "C:\\" + rest))
def test_windows_spellings_share_a_key(path: str) -> None:
    """Slashes, case and the long-path prefix of a Windows path do not change its key."""
    key = path_key(path)
    assert path_key(path.replace("\\", "/")) == key
    assert path_key("\\\\?\\" + path) == key
    if path.isascii():
        assert path_key(path.swapcase()) == key


@given(ODD)
def test_taking_apart_loses_nothing(path: str) -> None:
    """Each name stands where its end says, and joining all gives an equal path."""
    parts = MediaPath.of(path)
    for name, end in zip(parts.names, parts.ends, strict=True):
        assert parts.text[end - len(name) : end] == name
    count = len(parts.names)
    assert parts.after(count) == ""
    if parts.root not in {"", "\\"}:
        assert path_key(parts.prefix(count)) == path_key(parts.text)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/b.mp4", "b.mp4"),
        ("/a/AC\\DC.mp4", "AC\\DC.mp4"),
        ("C:\\a\\b.mp4", "b.mp4"),
        ("C:/a\\b.mp4", "b.mp4"),
        ("\\\\nas\\v\\b.mp4", "b.mp4"),
        ("/a/e\u0301/", "e\u0301"),
        ("b.mp4", "b.mp4"),
        ("C:\\", ""),
        ("/", ""),
        ("", ""),
    ],
)
def test_base_name(path: str, name: str) -> None:
    """The last name comes verbatim, by the separators of the path's own system."""
    assert base_name(path) == name


def test_different_files_are_different() -> None:
    """Case on POSIX, other drives and other names keep paths apart."""
    assert not same_path("/a/B.mp4", "/a/b.mp4")
    assert not same_path("C:\\a.mp4", "D:\\a.mp4")
    assert not same_path("/a/b.mp4", "/a/b.mp")
    assert same_path("/a/b.mp4", "/a//b.mp4")
