"""Single values out of Stash's settings map, whatever was put into it, and what is wrong with them.

Stash stores what its panel or a hand-edited config.yml gives it: text, numbers
and booleans, but a plugin cannot declare defaults, limits or required values.
An unset setting is absent, a cleared one is "", and an unset number is drawn as
0 and may be stored so; all of them mean the default.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from errors import ConfigurationError
from validation.text import is_safe_line, one_line, strip_pasted

_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{1,20})?")
#: Names on the screen that are not simply the key in words (PlexSync.yml has all of them).
_SHOWN = {"only_organized": "Only Organized Scenes"}
_CAPITALS = {"url", "tls"}
_YES = {"true", "yes", "on", "1"}
_NO = {"false", "no", "off", "0"}
#: Characters of a setting that is a list.
LONGEST_LIST = 20_000
_LONGEST_SHOWN = 12
_MOST_REPORTED = 5


def shown_name(setting: str) -> str:
    """Give the name of a setting, such as ``plex_url``, as Stash shows it: "Plex URL"."""
    words = (
        part.upper() if part in _CAPITALS else part.capitalize() for part in setting.split("_")
    )
    return _SHOWN.get(setting) or " ".join(words)


@dataclass(frozen=True)
class Problem:
    """One setting that PlexSync cannot use as it stands: its key, such as ``plex_url``, and why.

    ``message`` says how to mend it; it has no secret, and with redact_logs on no path.
    """

    setting: str
    message: str

    def __str__(self) -> str:
        return f"{shown_name(self.setting)}: {self.message}"

    @property
    def sentence(self) -> str:
        """The message as a sentence of its own, for where the setting's name stands before it."""
        return f"{self.message[:1].upper()}{self.message[1:]}."


class SettingsError(ConfigurationError):
    """Settings that cannot be used, for at least one problem: the queue waits for their mend.

    ``setting`` is that of the first problem.
    """

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        things = "this setting is" if len(problems) == 1 else "these settings are"
        listed = " | ".join(map(str, problems))
        message = (
            f"PlexSync waits until {things} mended (Settings > Plugins > PlexSync); "
            f"nothing is lost meanwhile. {listed}"
        )
        super().__init__(message, setting=problems[0].setting)
        self.problems = problems


def split_list(text: str) -> tuple[str, ...]:
    r"""The names in ``text``, in order, without outer blanks and without empty ones.

    A comma that belongs to a name is written with a backslash before it:
    ``Home\, sweet home``. A backslash means this only in front of a comma;
    anywhere else it is an ordinary character, so ``AC\DC`` is left alone. A name
    that itself ends in a backslash doubles it in front of a comma, as in
    ``odd\\, next``. (Path rules have a grammar of their own, ``path_map``: there a
    backslash before a semicolon is a common way to end a Windows folder.)
    """
    names: list[str] = []
    pieces: list[str] = []
    position = 0
    # The look-behind makes each run of backslashes be taken once, as a whole.
    for found in re.finditer(r"(?<!\\)(\\*),", text):
        pieces.append(text[position : found.start()])
        position = found.end()
        backslashes = len(found[1])
        pieces.append("\\" * (backslashes // 2))
        if backslashes % 2:
            pieces.append(",")
        else:
            names.append("".join(pieces))
            pieces = []
    names.append("".join([*pieces, text[position:]]))
    return tuple(name.strip() for name in names if name.strip())


class SettingsReader:
    """Reads values of Stash's settings map by name; collects a problem for each unusable one."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        self._settings = settings
        self.problems: list[Problem] = []

    def report(self, setting: str, message: str) -> None:
        """Note that ``setting`` cannot be used."""
        self.problems.append(Problem(setting, message))

    def report_all(self, setting: str, messages: Sequence[str]) -> None:
        """Note each of ``messages``; of very many only how many more there are."""
        for message in messages[:_MOST_REPORTED]:
            self.report(setting, message)
        if len(messages) > _MOST_REPORTED:
            more = len(messages) - _MOST_REPORTED
            self.report(setting, f"has {more} more faults like these")

    def text(
        self, setting: str, *, max_length: int, keep_end: bool = False, lines: bool = False
    ) -> str:
        """One line of text of so many characters at most; "" when it is unset or cannot be used.

        ``keep_end`` keeps blanks at the end (they are the point of "Studio: "). With ``lines``
        it may have several, which come with one line feed between them.
        """
        value = self._settings.get(setting)
        if _is_unset(value):
            return ""
        if not isinstance(value, str):
            self.report(setting, f"must be text, not {_kind(value)}")
            return ""
        text = strip_pasted(value)
        if lines:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if keep_end and text:
            behind = value[value.index(text) + len(text) :]
            text += " " * behind.count(" ")
        if len(text) > max_length:
            fault = f"is too long: {len(text)} characters, at most {max_length} are possible"
        elif not all(map(is_safe_line, text.split("\n") if lines else [text])):
            fault = "contains line ends or control characters; type it again"
        else:
            return text
        self.report(setting, fault)
        return ""

    def names(self, setting: str) -> tuple[str, ...]:
        """The names of a comma list, in order; see ``split_list`` for a comma in a name."""
        return split_list(self.text(setting, max_length=LONGEST_LIST))

    def seconds(self, setting: str, *, default: float, least: float, most: float) -> float:
        """A length of time in seconds; ``default`` when unset or unusable."""
        value = self._settings.get(setting)
        if isinstance(value, str):
            value = strip_pasted(value)
        if _is_unset(value):
            return default
        number = _as_number(value)
        if number is not None and number == 0:
            return default
        if number is not None and least <= number <= most:
            return number
        self.report(
            setting,
            f"must be a number of seconds from {least:g} to {most:g}, not {_shown(value)} "
            f"(empty or 0 means the default, {default:g})",
        )
        return default

    def flag(self, setting: str) -> bool:
        """A switch; off when unset or unusable."""
        value = self._settings.get(setting)
        if isinstance(value, bool):
            return value
        if _is_unset(value):
            return False
        word = strip_pasted(value).lower() if isinstance(value, str) else None
        if word in _YES or (isinstance(value, (int, float)) and value == 1):
            return True
        if word in _NO or word == "":
            return False
        self.report(setting, f"must be on or off, not {_shown(value)}")
        return False


def _is_unset(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return value is None or value == "" or (isinstance(value, (int, float)) and value == 0)


def _as_number(value: object) -> float | None:
    """``value`` as a finite float, also from text; None if it is none (a bool is none)."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "a switch (true or false)"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, Mapping):
        return "a group of values"
    return "a list" if isinstance(value, (list, tuple, set)) else "a value of another kind"


def _shown(value: object) -> str:
    """``value`` for a message, if it is short: a long one may be a token in the wrong box."""
    if isinstance(value, str):
        return f'"{one_line(value)}"' if len(value) <= _LONGEST_SHOWN else "that text"
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < 10**_LONGEST_SHOWN):
        return str(value)
    return "such a huge number" if isinstance(value, int) else _kind(value)
