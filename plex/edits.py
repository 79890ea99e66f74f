"""The only writer: turns an edit into PUT requests.

A PUT without ``id`` edits every item of a library, so an ``Edit`` without a
positive rating key cannot be made, and no other module builds such a request.

What is written is locked in the same request, or the next agent refresh would
undo it. A list travels as the complete wanted list plus the removals, never the
same name in both: right whether Plex adds to the list or replaces it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from plex.exceptions import RequestTooLarge
from plex.fields import BY_NAME, TYPE_NUMBERS
from validation.text import cut_at_word

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plex.client import PlexClient
    from plex.item import Member

#: Bytes of query string up to which one PUT carries everything. Plex's own limit
#: is unknown; tens of kB fail in the field.
LONGEST_QUERY = 8000
#: Items of one request: thousands are known to fail, a hundred costs what one does.
MOST_ALIKE = 100

#: Bytes below which no text is cut, however little Plex takes.
SHORTEST_TEXT = 1000


@dataclass(frozen=True, slots=True)
class ListEdit:
    """The complete list a field shall hold, and the names that leave it."""

    members: tuple[Member, ...]
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """What shall change on one item; empty when nothing differs.

    ``values`` and ``lists`` are by our field names; ``unlock`` and ``lock``
    name fields whose lock alone changes.

    Raises:
        ValueError: ``rating_key`` or ``section`` is not positive, or the type
            has no number at Plex.
    """

    rating_key: int
    section: int
    type: str
    values: dict[str, str] = field(default_factory=dict)
    lists: dict[str, ListEdit] = field(default_factory=dict)
    unlock: tuple[str, ...] = ()
    lock: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, number in (("rating key", self.rating_key), ("section", self.section)):
            if isinstance(number, bool) or number <= 0:
                raise ValueError(f"an edit needs a positive {name}, not {number!r}")
        if self.type not in TYPE_NUMBERS:
            raise ValueError(f"Plex items of type {self.type!r} cannot be edited")

    def __bool__(self) -> bool:
        return bool(self.values or self.lists or self.unlock or self.lock)

    @property
    def names(self) -> tuple[str, ...]:
        """The fields whose content changes, in a stable order."""
        return (*self.values, *self.lists)


Params = list[tuple[str, str]]


def requests_for(edit: Edit, *, longest: int = LONGEST_QUERY) -> list[Params]:
    """Give the parameters of each PUT, usually one.

    A field is never torn apart: an edit longer than ``longest`` bytes is split
    between fields, and a field that is longer alone travels alone.
    """
    return [_request(edit, bundle) for bundle in _bundles(edit, longest)]


def _bundles(edit: Edit, longest: int) -> list[list[Params]]:
    """Give what travels together: a list of fields, each with all of its parameters."""
    fields = [
        *([_value(name, text), _lock(name)] for name, text in edit.values.items()),
        *([*_list_params(name, change), _lock(name)] for name, change in edit.lists.items()),
        *([_lock(name)] for name in edit.lock),
        *([_lock(name, "0")] for name in edit.unlock),
    ]
    # A letter has at most four bytes and each becomes three; most edits are far from the limit.
    letters = sum(len(key) + len(text) for params in fields for key, text in params)
    if 12 * letters + 2 * sum(map(len, fields)) <= longest - 40:
        return [fields] if fields else []
    bundles: list[list[Params]] = []
    room = 0
    for params in fields:
        size = sum(len(quote(key, safe="")) + len(quote(text, safe="")) + 2 for key, text in params)
        if not bundles or size > room:
            bundles.append([])
            room = longest - 40
        bundles[-1].append(params)
        room -= size
    return bundles


def _request(edit: Edit, bundle: list[Params]) -> Params:
    head = [("type", str(TYPE_NUMBERS[edit.type])), ("id", str(edit.rating_key))]
    return head + [pair for params in bundle for pair in params]


def _value(name: str, text: str) -> tuple[str, str]:
    return (f"{BY_NAME[name].wire}.value", text)


def _lock(name: str, locked: str = "1") -> tuple[str, str]:
    wire = BY_NAME[name].wire if name in BY_NAME else name
    return (f"{wire}.locked", locked)


def _list_params(name: str, change: ListEdit) -> Params:
    wire = BY_NAME[name].wire
    params: Params = []
    for place, member in enumerate(change.members):
        params.append((f"{wire}[{place}].tag.tag", member.name))
        # Only an actor's row tells a role; what else has a picture keeps it anyway.
        if member.role and wire == "actor":
            params.append((f"{wire}[{place}].tagging.text", member.role))
        if member.thumb and wire == "actor":
            params.append((f"{wire}[{place}].tag.thumb", member.thumb))
    if change.removed:
        # The value is a comma list whose members are encoded before the whole is:
        # that is what makes a comma inside a name safe.
        names = ",".join(quote(removed, safe="") for removed in change.removed)
        params.append((f"{wire}[].tag.tag-", names))
    return params


def write(client: PlexClient, edit: Edit, meanwhile: Callable[[], object] = lambda: None) -> int:
    """Write an edit and give the number of requests Plex took (0 when it is empty).

    How much fits into a request depends on Plex and on any proxy before it. What
    is refused as too large is sent field by field, and a text that is too large
    alone is cut at a word, with an ellipsis. What cannot go even so holds back no
    other field and is named in the end. ``meanwhile`` is called whenever a
    request has left and Plex is at work on it.

    Raises:
        RequestTooLarge: Some fields are too large even alone; all others were written.
        errors.SyncError: The first request that failed; earlier ones of a split
            edit stand, and doing it again is harmless.
    """
    stuck: list[str] = []
    bundles = _bundles(edit, LONGEST_QUERY)
    taken = 0
    while bundles:
        bundle = bundles.pop(0)
        try:
            params = _request(edit, bundle)
            where = f"/library/sections/{edit.section}/all"
            client.query(where, params, method="PUT", meanwhile=meanwhile)
            taken += 1
        except RequestTooLarge as fault:
            smaller = _smaller(bundle)
            if not smaller:
                stuck.append(_called(bundle))
                last = fault
            bundles = smaller + bundles
    if stuck:
        names = ", ".join(stuck)
        if not last.fact:
            raise last
        raise type(last).about(
            last.fact, hint=f"Too long, and not in Plex: {names}. All else was sent."
        ) from None
    return taken


def _called(bundle: list[Params]) -> str:
    """Give our name of the field that a bundle is about."""
    wire = bundle[0][0][0].partition(".")[0].partition("[")[0]
    return next((name for name, field in BY_NAME.items() if field.wire == wire), wire)


def write_alike(client: PlexClient, edits: Sequence[Edit]) -> None:
    """Write one and the same change to several items with one PUT.

    Raises:
        ValueError: The edits are not alike (see ``likeness``), or there are more than
            ``MOST_ALIKE``, or none.
        errors.SyncError: The request failed; doing it again is harmless.
    """
    kinds = {likeness(edit) for edit in edits}
    if len(kinds) != 1 or None in kinds or len(edits) > MOST_ALIKE:
        raise ValueError(f"{len(edits)} edits of {len(kinds)} kinds cannot be one request")
    first = edits[0]
    keys = ",".join(str(edit.rating_key) for edit in edits)
    params = [(name, keys if name == "id" else text) for name, text in requests_for(first)[0]]
    client.query(f"/library/sections/{first.section}/all", params, method="PUT")


def likeness(edit: Edit) -> object | None:
    """Give what two edits have in common if one PUT can do both, None for what goes alone."""
    requests = requests_for(edit)
    if len(requests) != 1:
        return None
    change = tuple((name, text) for name, text in requests[0] if name != "id")
    return edit.section, edit.type, change


def _smaller(bundle: list[Params]) -> list[list[Params]]:
    """Give what to send instead of a bundle that was too large, nothing when all was tried."""
    if len(bundle) > 1:
        return [bundle[: len(bundle) // 2], bundle[len(bundle) // 2 :]]
    (name, text), *rest = bundle[0]
    half = len(text.encode()) // 2
    if not name.endswith(".value") or half < SHORTEST_TEXT:
        return []
    return [[[(name, cut_at_word(text, half)), *rest]]]
