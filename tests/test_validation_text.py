from __future__ import annotations

import unicodedata
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from validation.text import (
    OUTER_BLANKS,
    comparable,
    cut_at_word,
    date_in_period,
    is_safe_line,
    one_line,
    partial_date,
    safe_text,
    strip_pasted,
    tag_key,
)

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
VERBATIM = f"“Quotes” — dash… {FAMILY} \u05e9\u05dc\u05d5\u05dd\u200f e\u0301 ﬁ ① \u3000x"
# Every code point is possible; the sampled ones are those with a rule of their own.
ODD = st.sampled_from(
    "ab  \t\n\r\0\x0b\x1b\x7f\x85\x9b\u0301\u200b\u200d\u2028\u202e\ufdd0\ufeff\ufffe\uffff"
    "\ud800\udfffßİΣς\u0345\u1fb3ﬁé\U0001f468\U0001f1e9\U0001f3fd\U0010ffff"
)
TEXT = st.text(ODD | st.integers(0, 0x10FFFF).map(chr), max_size=30)


@pytest.mark.parametrize("multiline", [True, False])
def test_safe_text_leaves_human_text_alone(multiline: bool) -> None:
    """Typographic quotes, joined emoji, right-to-left and decomposed text stay as they are."""
    assert safe_text(VERBATIM, multiline=multiline) == VERBATIM


def test_safe_text_line_ends() -> None:
    """Line ends become LF in a summary and one blank in a title; tabs stay in a summary."""
    assert safe_text("a\r\nb\rc\nd\te", multiline=True) == "a\nb\nc\nd\te"
    assert safe_text("a\r\nb\rc\nd\te", multiline=False) == "a b c d e"
    assert safe_text(None, multiline=True) == ""


@given(TEXT, st.booleans())
@example("a\0b\x1b\x9b\ud800\U0010ffff", True)
def test_safe_text_survives_xml(text: str, multiline: bool) -> None:
    """Safe text goes through XML and UTF-8 unchanged, is safe already, and keeps the rest."""
    safe = safe_text(text, multiline=multiline)
    element = ET.Element("x")
    element.text = safe
    assert (ET.fromstring(ET.tostring(element, "utf-8")).text or "") == safe
    assert safe_text(safe, multiline=multiline) == safe
    assert is_safe_line(safe) is ("\n" not in safe and "\t" not in safe)
    for character in safe:
        category = unicodedata.category(character)
        assert character in "\n\t" or category not in ("Cc", "Cs")
        assert not 0xFDD0 <= ord(character) <= 0xFDEF
        assert ord(character) & 0xFFFE != 0xFFFE
    kept = [letter for letter in text if letter.isalnum() or unicodedata.category(letter) == "Cf"]
    assert [letter for letter in safe if letter in kept] == kept


def test_comparable_ignores_what_servers_change() -> None:
    """Composition, line ends, outer blanks and None make no difference; inner text does."""
    assert comparable(" Cafe\u0301\r\nx \n") == comparable("Caf\u00e9\nx")
    assert comparable(None) == comparable("") == comparable(" \n") == ""
    assert comparable("a  b") != comparable("a b")
    assert comparable("A") != comparable("a")


@given(TEXT)
def test_comparison_forms_are_stable(text: str) -> None:
    """Both forms for comparing are their own form and the same for composed and decomposed."""
    for form in (comparable, tag_key):
        once = form(text)
        assert form(once) == once
        assert form(unicodedata.normalize("NFD", text)) == once
        assert form(f" {text}\r\n") == once


def test_tag_key_folds_case_and_blanks() -> None:
    """Names that differ by case, sharp s or runs of blanks are the same tag."""
    assert tag_key("  Straße \t 66") == tag_key("STRASSE 66") == "strasse 66"
    assert tag_key("ΟΔΟΣ") == tag_key("οδος")
    assert tag_key(None) == ""
    assert tag_key("a b") != tag_key("ab")


@pytest.mark.parametrize(
    ("text", "size", "cut"),
    [
        ("hello world", 11, "hello world"),
        ("hello world", 10, "hello…"),
        ("hello world", 8, "hello…"),
        ("hello worldwide web", 14, "hello…"),
        ("hello, my world", 12, "hello, my…"),
        ("incomprehensibilities", 10, "incompr…"),
        ("a incomprehensibilities", 12, "a incompr…"),
        ("ééééé", 7, "éé…"),
        ("e\u0301e\u0301e\u0301", 7, "e\u0301…"),
        (FAMILY, 17, "…"),
        ("x" + FAMILY, 17, "x…"),
        ("\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", 15, "\U0001f1e9\U0001f1ea…"),
        ("x\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", 16, "x\U0001f1e9\U0001f1ea…"),
        ("\U0001f44d\U0001f3fd!", 8, "…"),
        ("ab\U0001f1e9\U0001f1ea", 7, "ab…"),
        ("日本語のタイトル", 10, "日本…"),
        ("abcdef", 3, "…"),
        ("abcdef", 2, ""),
        ("abcdef", 0, ""),
        ("abcdef", -5, ""),
        ("", 0, ""),
    ],
)
def test_cut_at_word(text: str, size: int, cut: str) -> None:
    """A cut ends in an ellipsis, after a word if there is one, never inside what people see."""
    assert cut_at_word(text, size) == cut


@given(TEXT, st.integers(-3, 60))
@example("a" + "\u0301" * 200, 50)
def test_cut_fits_and_is_a_beginning(text: str, size: int) -> None:
    """A cut text fits into its bytes, begins like the whole one, and whole texts stay."""
    cut = cut_at_word(text, size)
    encoded = text.encode("utf-8", "surrogatepass")
    assert len(cut.encode("utf-8", "surrogatepass")) <= max(size, 0)
    if len(encoded) <= size:
        assert cut == text
    else:
        assert cut == "" or (cut[-1] == "…" and text.startswith(cut[:-1]))


def test_endless_marks_still_leave_text() -> None:
    """A letter under hundreds of accents is cut among them instead of vanishing."""
    assert cut_at_word("a" + "\u0301" * 200, 50).startswith("a\u0301")


def test_one_line_shows_what_could_fool_a_reader() -> None:
    """Line ends, terminal escapes, direction marks and lone surrogates are spelled out."""
    hostile = "ok\r\n\x01e\x02forged\x1b[31m\x9b\u2028\u202egpj.exe\ud800\ufeff\U0001ffff\t\\n"
    shown = one_line(hostile)
    assert shown == (
        "ok\\r\\n\\x01e\\x02forged\\x1b[31m\\x9b\\u2028\\u202egpj.exe"
        "\\ud800\\ufeff\\U0001ffff\\t\\n"
    )
    assert one_line(r"C:\dir\né “x” " + FAMILY) == r"C:\dir\né “x” " + FAMILY


@given(TEXT, st.integers(-3, 40))
@example("\n" * 30, 11)
def test_one_line_is_bounded_and_printable(text: str, size: int) -> None:
    """A log line has no control characters, is valid UTF-8, fits, and shows that it was cut."""
    shown = one_line(text, size)
    assert len(shown.encode()) <= max(size, 0)
    assert not any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in shown)
    whole = one_line(text, 10**6)
    assert shown in {whole, ""} or (shown[-1] == "…" and whole.startswith(shown[:-1]))
    assert (shown == whole) == (len(whole.encode()) <= size or not whole)


def test_one_line_in_hardly_any_room() -> None:
    """Three bytes hold three letters or the sign of a cut, less room holds no sign."""
    assert [one_line("abc", 3), one_line("abcd", 3), one_line("abcd", 2)] == ["abc", "…", ""]


def test_one_line_of_a_huge_text_is_short() -> None:
    """Fifty million characters give one line of the default bound."""
    assert len(one_line("x" * 50_000_000).encode()) == 2000


def test_every_blank_is_an_outer_blank() -> None:
    """What Python calls a blank is stripped from settings, and no visible character is."""
    every = [chr(code) for code in range(0x110000)]
    assert {letter for letter in every if letter.isspace()} <= set(OUTER_BLANKS)
    assert {unicodedata.category(letter) for letter in OUTER_BLANKS} == {
        *("Cc", "Cf", "Zs", "Zl", "Zp"),
    }


def test_strip_pasted_takes_invisible_marks_off() -> None:
    """Blanks and zero-width or direction marks around a pasted text go, inner ones stay."""
    assert strip_pasted("\u202a \ufeffC:\\a\u200bb\u00a0\u202c\n") == "C:\\a\u200bb"
    assert strip_pasted("\u200b ") == ""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2024", ("2024-01-01", "2024")),
        ("2024-05", ("2024-05-01", "2024-05")),
        (" 2024-02-29 ", ("2024-02-29", "2024-02-29")),
        ("0999", ("0999-01-01", "0999")),
        *((bad, None) for bad in ("", None, "0000", "2023-02-29", "2024-13", "2024-00")),
        *((bad, None) for bad in ("24", "2024-5-1", "2024-05-01T00:00:00", "2024-", "x", "20245")),
        ("\u0662\u0660\u0662\u0664", None),
    ],
)
def test_partial_date(text: str | None, wanted: tuple[str, str] | None) -> None:
    """A year or a month becomes its first day; what is not in the calendar is no date."""
    assert partial_date(text) == wanted


@pytest.mark.parametrize(
    ("day", "period", "inside"),
    [
        ("2024-05-17", "2024", True),
        ("2024-05-17", "2024-05", True),
        ("2024-05-17", "2024-05-17", True),
        ("2024-05-17", "2024-06", False),
        ("2024-05-17", "2024-05-18", False),
        ("2025-01-01", "2024", False),
        ("2024-05", "2024", False),
        ("2024-02-31", "2024", False),
        (None, "2024", False),
        ("2024-05-17", "", False),
        ("2024-05-17", "202", False),
    ],
)
def test_date_in_period(day: str | None, period: str, inside: bool) -> None:
    """A day lies in its year, its month and itself; anything that is no date lies nowhere."""
    assert date_in_period(day, period) is inside
