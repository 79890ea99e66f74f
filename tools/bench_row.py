"""One row of the benchmark: two things measured in turn, their ratio, its spread and its goal."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

WHAT: Final = 52
VALUE: Final = 10
RATIO: Final = 8
SPREAD: Final = 14
GOAL: Final = 11
HEAD: Final = ("what", "ours", "against", "ratio", "spread", "goal", "")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, its values with their units, and a remark below it.

    ``ratio`` is ours by the other; ``spread`` the lowest and highest one of the middle half,
    None when there was one pair; ``goal`` is in words, and ``holds`` says whether it is reached.
    """

    what: str
    ours: str
    against: str = ""
    ratio: float | None = None
    spread: tuple[float, float] | None = None
    goal: str = ""
    holds: bool | None = None
    remark: str = ""

    @property
    def verdict(self) -> str:
        """One of "ok" and "over"; "" for a row that is only shown."""
        return "" if self.holds is None else "ok" if self.holds else "over"

    def text(self) -> str:
        """The row as one line, and its remark as another."""
        spread = f"{self.spread[0]:.2f} - {self.spread[1]:.2f}" if self.spread else ""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        line = columns((self.what, self.ours, self.against, ratio, spread, self.goal, self.verdict))
        return f"{line}\n    ({self.remark})" if self.remark else line


def columns(cells: Sequence[str]) -> str:
    """The seven cells of a line at their places."""
    what, ours, against, ratio, spread, goal, verdict = cells
    return (
        f"{what:<{WHAT}}{ours:>{VALUE}}{against:>{VALUE}}{ratio:>{RATIO}}"
        f"{spread:>{SPREAD}}  {goal:<{GOAL}}{verdict}"
    ).rstrip()


def paired(
    what: str,
    ours: Sequence[float],
    against: Sequence[float],
    limit: float | None = None,
    *,
    show: Callable[[float], str] | None = None,
    remark: str = "",
) -> Row:
    """A row of values that were measured in turn: the ratio of the two medians.

    Pair n was measured back to back. Values are in seconds unless ``show`` writes them with
    another unit; ``limit`` is the largest ratio that is ok, None only shows the row.
    """
    show = show or seconds
    mine, other = statistics.median(ours), statistics.median(against)
    ratio = mine / other
    return Row(
        what,
        show(mine),
        show(other),
        ratio,
        middle_half([one / two for one, two in zip(ours, against, strict=True)]),
        "" if limit is None else f"<= {limit:g}",
        None if limit is None else ratio <= limit,
        remark,
    )


def counted(what: str, number: float, limit: float, *, unit: str = "") -> Row:
    """A row of a number that must not exceed ``limit``; the ratio is the one to the limit."""
    return Row(
        what,
        f"{number:g}{unit}",
        f"{limit:g}{unit}",
        number / limit if limit else None,
        goal=f"<= {limit:g}{unit}",
        holds=number <= limit,
    )


def middle_half(values: Sequence[float]) -> tuple[float, float] | None:
    """First and third quartile; None for a single value."""
    if len(values) < 2:
        return None
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, third


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` (0 to 1) of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def seconds(value: float) -> str:
    """A duration with the unit that suits it."""
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"
