"""Text on its way from Stash to Plex, to a comparison, or to a log line.

Stash's text is the user's own and travels verbatim; only what an XML-speaking
server cannot carry is taken out. What is compared is normalised first, or a
difference that no server can store would be written again for ever.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from functools import lru_cache

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"

_LINE_ENDS = re.compile(r"\r\n?")
_NONCHARACTERS = "\ufdd0-\ufdef" + "".join(
    f"{chr(plane | 0xFFFE)}{chr(plane | 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
)
_UNSAFE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff{_NONCHARACTERS}]")
OUTER_BLANKS = "".join(
    (
        "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000",
        *map(chr, range(0x2000, 0x200B)),
        *("\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e"),
        *("\u2060\u2066\u2067\u2068\u2069\ufeff"),
    )
)
"""Every blank, and the zero-width and direction marks that "copy" in browsers and dialogs adds."""
_NOT_IN_A_LOG = re.compile(
    f"[\x00-\x1f\x7f-\x9f\ud800-\udfff{_NONCHARACTERS}\u061c\u200b\u200e\u200f"
    "\u2028-\u202e\u2060\u2066-\u206f\ufeff\ufff9-\ufffb]"
)
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_SHORT_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_ZWJ = "\u200d"
_LONGEST_CLUSTER = 16
_CONTINUATION = 0x80
#: Letters of a text that may be a name: what is longer is not kept in memory.
A_NAME = 200


def safe_text(value: str | None, *, multiline: bool) -> str:
    """Text that Plex can store, otherwise verbatim; None counts as empty.

    It is without control characters (tab and newline apart), lone surrogates and noncharacters,
    which XML 1.0 forbids or parsers refuse; CRLF and CR become LF. Quotes, dashes, emoji and
    right-to-left text stay as they are, and so do blanks. ``multiline`` keeps tabs and line ends
    (a summary); else each becomes one blank (a title, a name).
    """
    if not value or (value.isascii() and value.isprintable()):
        return value or ""
    text = _UNSAFE.sub("", _LINE_ENDS.sub("\n", value))
    if not multiline:
        text = text.replace("\n", " ").replace("\t", " ")
    return text


def is_safe_line(text: str) -> bool:
    """Whether ``text`` is one line that ``safe_text`` would leave alone."""
    return safe_text(text, multiline=False) == text


def strip_pasted(text: str) -> str:
    """``text`` without outer blanks and the invisible marks that pasting brings along."""
    return text.strip(OUTER_BLANKS)


def comparable(text: str | None) -> str:
    """The form in which two texts are compared; never what is written.

    NFC, LF line ends, outer blanks stripped; None and "" are the same.
    """
    text = _LINE_ENDS.sub("\n", text) if text and "\r" in text else text or ""
    return (text if text.isascii() else unicodedata.normalize("NFC", text)).strip()


def tag_key(text: str | None) -> str:
    """The form in which two names (tags, people, collections) are compared.

    ``comparable``, with every run of inner blanks as one blank and without
    case, because Plex treats names that differ only so as one tag.
    """
    text = text or ""
    return _kept_key(text) if len(text) <= A_NAME else _key(text)


def _key(text: str) -> str:
    words = " ".join(comparable(text).split())
    # Case folding is only stable on decomposed text (Unicode, caseless matching).
    folded = unicodedata.normalize("NFD", words).casefold()
    return unicodedata.normalize("NFC", folded)


# A library has few names, and each stands on many scenes.
_kept_key = lru_cache(4096)(_key)


def cut_at_word(text: str, max_bytes: int) -> str:
    """``text`` shortened to at most ``max_bytes`` bytes of UTF-8, the cut visible.

    A text that fits comes back as it is. Otherwise it ends in an ellipsis,
    after a whole word where that keeps at least a third of the room, else between
    two characters as people see them (accents and joined emoji stay whole).
    With room for less than the ellipsis (3 bytes) the result is empty.
    """
    if len(text) <= max_bytes and _byte_length(text) <= max_bytes:
        return text
    room = max_bytes - _byte_length(ELLIPSIS)
    if room < 0:
        return ""
    end = _fitting_length(text, room)
    if not text[end : end + 1].isspace():
        word_end = max(text.rfind(blank, 0, end) for blank in " \n\t\u00a0\u3000")
        kept = text[: max(word_end, 0)].rstrip()
        if kept and _byte_length(kept) * 3 >= room:
            return kept + ELLIPSIS
        end = _cluster_start(text, end)
    return text[:end].rstrip() + ELLIPSIS


def one_line(text: str, max_bytes: int = 2000) -> str:
    r"""``text`` fit for one log line of at most ``max_bytes`` bytes of UTF-8.

    Control characters, terminal escapes, line separators, direction marks and
    lone surrogates are shown as ``\n``, ``\x1b`` or ``\u202e``, so that no
    title can forge a line, colour a terminal or hide a part. Everything else,
    backslashes too, stays. A cut is marked by an ellipsis.
    """
    if _byte_length(text) <= max_bytes and not _NOT_IN_A_LOG.search(text):
        return text
    # Each character takes at least one byte: what lies further cannot show.
    shown: list[str] = []
    used = 0
    fits = 0
    room = max_bytes - _byte_length(ELLIPSIS)
    for character in text[: max(max_bytes, 0) + 1]:
        piece = _NOT_IN_A_LOG.sub(_escape, character)
        used += _byte_length(piece)
        if used > max_bytes:
            if room < 0:
                return ""
            return "".join(shown[:fits]) + ELLIPSIS
        shown.append(piece)
        if used <= room:
            fits = len(shown)
    return "".join(shown)


def partial_date(text: str | None) -> tuple[str, str] | None:
    """Stash's date as Plex needs it, and the period that it stands for.

    Stash also keeps a bare year or a year and month; Plex wants a whole day, so ``"2024-05"``
    gives ``("2024-05-01", "2024-05")``: the first day of the period, and the period as given.
    None when there is no date or it is not one of the calendar.
    """
    return _kept_date((text or "").strip())


# One scene asks for its date several times over.
@lru_cache(256)
def _kept_date(period: str) -> tuple[str, str] | None:
    found = _DATE.fullmatch(period)
    if found is None:
        return None
    year, month, day = (int(part) if part else 1 for part in found.groups())
    try:
        first_day = date(year, month, day)
    except ValueError:
        return None
    return first_day.isoformat(), period


def date_in_period(day: str | None, period: str) -> bool:
    """Whether ``day`` ("2024-05-17") lies in ``period`` ("2024", "2024-05" or a day).

    False when either is not a date.
    """
    exact = partial_date(day)
    wanted = partial_date(period)
    if exact is None or wanted is None or len(exact[1]) != len(exact[0]):
        return False
    return exact[0].startswith(wanted[1])


def _byte_length(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _fitting_length(text: str, room: int) -> int:
    """How many leading characters of ``text``, which is longer, fit into ``room`` bytes."""
    encoded = text[: room + 1].encode("utf-8", "surrogatepass")
    end = room
    while encoded[end] & 0xC0 == _CONTINUATION:
        end -= 1
    return len(encoded[:end].decode("utf-8", "surrogatepass"))


def _cluster_start(text: str, end: int) -> int:
    """The nearest index at or before ``end`` that splits no visible character."""
    start = end
    while start and end - start < _LONGEST_CLUSTER and _joins(text, start):
        start -= 1
    # A pile of marks without end has no good place: cut where it fits.
    return start if not start or not _joins(text, start) else end


def _joins(text: str, index: int) -> bool:
    """Whether ``text[index]`` belongs to the visible character before it."""
    if index >= len(text):
        return False
    following, before = text[index], text[index - 1]
    if _ZWJ in (before, following) or unicodedata.category(following)[0] == "M":
        return True
    if "\U0001f3fb" <= following <= "\U0001f3ff" or "\U000e0020" <= following <= "\U000e007f":
        return True
    if _is_flag_half(following):
        halves = 0
        while halves < index and _is_flag_half(text[index - 1 - halves]):
            halves += 1
        return halves % 2 == 1
    return False


def _is_flag_half(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    code = ord(character)
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
