"""The only writer: turns an edit into PUT requests.

A PUT without ``id`` edits every item of a library, so an ``Edit`` without a
positive rating key cannot be made, and no other module builds such a request.

What is written is locked in the same request, or the next agent refresh would
undo it. A list travels as the complete wanted list plus the removals, never the
same name in both: right whether Plex adds to the list or replaces it. One that is too
long for a request goes in pieces, which is right only if Plex adds, so it is read
afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from plex.client import encode_query
from plex.error_types import RequestTooLarge
from plex.fields import BY_NAME, TYPE_NUMBERS
from plex.item import Member, read_item
from validation.text import cut_at_word, tag_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plex.client import PlexClient

#: Bytes of query string up to which one PUT carries everything. Plex's own limit
#: is unknown; tens of kB fail in the field, and proxies take 8 KiB for the whole line.
LONGEST_QUERY = 8000
#: Items of one request: thousands are known to fail, a hundred costs what one does.
MOST_ALIKE = 100

#: Bytes below which no text is cut, however little Plex takes.
SHORTEST_TEXT = 1000


@dataclass(frozen=True, slots=True)
class ListEdit:
    """The complete list a field shall hold, and the names that leave it.

    ``respelled`` are names as Plex has them that have to leave before the members come:
    it takes a name in other letters for the one that it has. ``there`` are members that
    Plex has as they shall be: they need not go along where the list is too long.
    """

    members: tuple[Member, ...]
    removed: tuple[str, ...] = ()
    respelled: tuple[str, ...] = ()
    there: frozenset[str] = field(default=frozenset(), compare=False)


@dataclass(frozen=True, slots=True)
class Edit:
    """What shall change on one item; empty when nothing differs.

    ``values`` and ``lists`` are by our field names; ``unlock`` and ``lock``
    name fields whose lock alone changes.

    Raises:
        ValueError: Rating key or section is not positive, or the type has no number at Plex.
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

#: Bytes that each request has beside its fields: type and id.
HEAD = 40


@dataclass(slots=True)
class _Part:
    """A field, or a piece of a list that is too long, with the parameters that say it."""

    name: str
    params: Params
    change: ListEdit | None = None
    is_piece: bool = False

    @property
    def size(self) -> int:
        """Bytes of query string."""
        return _size(self.params)


def requests_for(edit: Edit, *, longest: int = LONGEST_QUERY) -> list[Params]:
    """Give the parameters of each PUT, usually one.

    An edit longer than ``longest`` bytes is split between fields. A list that is longer
    alone goes in pieces, a text that is travels alone.
    """
    return [_request(edit, bundle) for bundle in _bundles(edit, longest)]


def _bundles(edit: Edit, longest: int) -> list[list[_Part]]:
    """Give what travels together, in order."""
    parts = [
        *(_Part(name, [_value(name, text), _lock(name)]) for name, text in edit.values.items()),
        *(_list_part(name, change) for name, change in edit.lists.items()),
        *(_Part(name, [_lock(name)]) for name in edit.lock),
        *(_Part(name, [_lock(name, "0")]) for name in edit.unlock),
    ]
    first = [
        _list_part(name, ListEdit((), change.respelled))
        for name, change in edit.lists.items()
        if change.respelled
    ]
    return _packed(first, longest - HEAD) + _packed(parts, longest - HEAD)


def _packed(parts: list[_Part], most: int) -> list[list[_Part]]:
    # A letter has at most four bytes and each becomes three; most edits are far from the limit.
    letters = sum(len(key) + len(text) for part in parts for key, text in part.params)
    if 12 * letters + 2 * sum(len(part.params) for part in parts) <= most:
        return [parts] if parts else []
    bundles: list[list[_Part]] = []
    room = 0
    for part in parts:
        pieces = [part]
        if part.change and part.size > most:
            pieces = _cut(part.name, part.change, room, most)
        for piece in pieces:
            if not bundles or piece.size > room:
                bundles.append([])
                room = most
            bundles[-1].append(piece)
            room -= piece.size
    return bundles


def _cut(name: str, change: ListEdit, room: int, most: int) -> list[_Part]:
    """Cut a list into pieces: one for the room that is left, and as few more as can be."""
    pieces: list[ListEdit] = []
    piece, left = ListEdit(()), room
    for step in _steps(change):
        longer = _joined((piece, step))
        if _list_part(name, longer).size > left:
            pieces.append(piece)
            longer, left = step, most
        piece = longer
    pieces.append(piece)
    return [_list_part(name, one, is_piece=True) for one in pieces if one != ListEdit(())]


def _steps(change: ListEdit) -> list[ListEdit]:
    """Give what has to be said of a list, name by name: Plex adds to what it has."""
    new = [member for member in change.members if member.name not in change.there]
    return [
        *(ListEdit((member,)) for member in new),
        *(ListEdit((), (name,)) for name in change.removed),
    ]


def _joined(steps: Sequence[ListEdit]) -> ListEdit:
    return ListEdit(
        tuple(member for step in steps for member in step.members),
        tuple(gone for step in steps for gone in step.removed),
    )


def _size(params: Params) -> int:
    return sum(len(quote(key, safe="")) + len(quote(text, safe="")) + 2 for key, text in params)


def _request(edit: Edit, bundle: list[_Part]) -> Params:
    head = [("type", str(TYPE_NUMBERS[edit.type])), ("id", str(edit.rating_key))]
    return head + [pair for part in bundle for pair in part.params]


def _list_part(name: str, change: ListEdit, *, is_piece: bool = False) -> _Part:
    return _Part(name, [*_list_params(name, change), _lock(name)], change, is_piece)


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


class Ready(NamedTuple):
    """An edit made ready to be sent: what travels together, and the address of the first PUT."""

    bundles: list[list[_Part]]
    first: str


def make_ready(edit: Edit) -> Ready:
    """Do what ``write`` does before it sends anything, for an edit that is not empty."""
    bundles = _bundles(edit, LONGEST_QUERY)
    params = encode_query(_request(edit, bundles[0]))
    return Ready(bundles, f"/library/sections/{edit.section}/all?{params}")


def write(
    client: PlexClient,
    edit: Edit,
    meanwhile: Callable[[], object] = lambda: None,
    ready: Ready | None = None,
) -> int:
    """Write an edit and give the number of edits Plex took (0 when it is empty).

    How much fits into a request depends on Plex and on any proxy before it. What
    is refused as too large is sent field by field, a list in pieces, and a text that
    is too large alone is cut at a word, with an ellipsis. What cannot go even so holds
    back nothing else and is named in the end. ``meanwhile`` is called whenever a
    request has left and Plex is at work on it; ``ready`` is the edit made ready before.

    Where a request fails, earlier ones of a split edit stand, and doing it again is harmless.

    Raises:
        RequestTooLarge: Some fields are too large even alone; all else was written.
    """
    sending = _Sending(client, edit, meanwhile)
    if ready:
        sending.put_all(list(ready.bundles), first=ready.first)
    else:
        sending.put_all(_bundles(edit, LONGEST_QUERY))
    torn = [name for name in sending.torn if name not in sending.stuck]
    if torn and (lost := _not_there(client, edit, torn)):
        # Plex took each piece for the whole list, so only the whole list will do.
        sending.put_all([[_list_part(name, edit.lists[name])] for name in lost], whole=True)
    if sending.fault is not None:
        names = ", ".join(sending.stuck)
        raise type(sending.fault).about(
            sending.fault.fact, hint=f"Too long, and not in Plex: {names}. All else was sent."
        ) from None
    return sending.taken


class _Sending:
    """An edit on its way: what Plex took, what went in pieces, and what is too long to go."""

    def __init__(self, client: PlexClient, edit: Edit, meanwhile: Callable[[], object]) -> None:
        self.taken = 0
        self.torn: dict[str, None] = {}
        self.stuck: dict[str, None] = {}
        self.fault: RequestTooLarge | None = None
        self._client = client
        self._edit = edit
        self._meanwhile = meanwhile

    def put_all(self, bundles: list[list[_Part]], *, first: str = "", whole: bool = False) -> None:
        """Send bundles in order, and smaller ones for what is refused unless it is ``whole``.

        ``first`` is the address of the first one, if it was made already.
        """
        where = f"/library/sections/{self._edit.section}/all"
        while bundles:
            bundle = bundles.pop(0)
            address, params = (first, []) if first else (where, _request(self._edit, bundle))
            first = ""
            try:
                self._client.query(address, params, method="PUT", meanwhile=self._meanwhile)
            except RequestTooLarge as fault:
                smaller = [] if whole else _smaller(bundle)
                if not smaller:
                    self.fault = fault
                    self.stuck |= dict.fromkeys(part.name for part in bundle)
                bundles = smaller + bundles
                continue
            self.taken += 1
            self.torn |= dict.fromkeys(part.name for part in bundle if part.is_piece)


def _not_there(client: PlexClient, edit: Edit, names: Sequence[str]) -> list[str]:
    """Give the lists that Plex does not have as they shall be; one read of the item."""
    item = read_item(client, edit.rating_key)
    lost = []
    for name in names:
        here = {tag_key(member.name) for member in item.lists[name]}
        change = edit.lists[name]
        wanted = {tag_key(member.name) for member in change.members}
        if not wanted <= here or not here.isdisjoint(map(tag_key, change.removed)):
            lost.append(name)
    return lost


def write_alike(client: PlexClient, edits: Sequence[Edit]) -> None:
    """Write one and the same change to several items with one PUT; doing it again is harmless.

    Raises:
        ValueError: The edits are not alike (see ``likeness``), or there are more than
            ``MOST_ALIKE``, or none.
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


def _smaller(bundle: list[_Part]) -> list[list[_Part]]:
    """Give what to send instead of a bundle that was too large, nothing when all was tried."""
    if len(bundle) > 1:
        return [bundle[: len(bundle) // 2], bundle[len(bundle) // 2 :]]
    part = bundle[0]
    if part.change:
        return _halves(part.name, part.change)
    (name, text), *rest = part.params  # a value, or a lock alone, which is short
    half = len(text.encode()) // 2
    if half < SHORTEST_TEXT:
        return []
    return [[replace(part, params=[(name, cut_at_word(text, half)), *rest])]]


def _halves(name: str, change: ListEdit) -> list[list[_Part]]:
    steps = _steps(change)
    if len(steps) == 1 and len(change.members) > 1:
        halves = [steps]  # without the members that are there
    elif len(steps) > 1:
        halves = [steps[: len(steps) // 2], steps[len(steps) // 2 :]]
    else:
        return []
    return [[_list_part(name, _joined(half), is_piece=True)] for half in halves]
