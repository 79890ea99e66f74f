"""Tuples with names, as typing.NamedTuple makes them, for what the page loads with each look.

typing costs more than all of the store, and each class of its kind is compiled when it is
loaded (docs/adr/0026). For the type checker it is typing's own.
"""

from __future__ import annotations

__all__ = ["NamedTuple"]

TYPE_CHECKING = False  # typing itself would cost the page milliseconds
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, NamedTuple
else:
    try:
        from _collections import _tuplegetter as field_at  # what collections.namedtuple takes
    except ImportError:  # another Python than CPython

        def field_at(place: int, doc: str) -> property:
            """Give what reads the value at a place."""
            return property(lambda row: row[place], doc=doc)

    class Fields(type):
        """Makes fields of what is annotated in a class; what is assigned there are defaults."""

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> Fields:
            """Make the class; its rows have no room for anything but their fields."""
            fields = tuple(body.get("__annotations__", ()))
            defaults = {one: body[one] for one in fields if one in body}
            getters = {one: field_at(place, "") for place, one in enumerate(fields)}
            own = {"__slots__": (), "__match_args__": fields, "_fields": fields}
            return super().__new__(
                cls, name, bases, {**body, **getters, **own, "_defaults": defaults}
            )

    class NamedTuple(tuple, metaclass=Fields):
        """What a class of rows is derived from."""

        __slots__ = ()

        def __new__(cls, *values: Any, **named: Any) -> Any:
            """Make a row of its fields in their order or by name."""
            fields = cls._fields
            if named or len(values) != len(fields):
                given = {**cls._defaults, **dict(zip(fields, values, strict=False)), **named}
                twice = named.keys() & fields[: len(values)]
                if twice or len(values) > len(fields) or given.keys() != {*fields}:
                    raise TypeError(f"{cls.__name__} has the fields {', '.join(fields)}")
                values = map(given.__getitem__, fields)
            return tuple.__new__(cls, values)

        def __getnewargs__(self) -> tuple[Any, ...]:
            """Give what a copy is made of."""
            return tuple(self)

        def __repr__(self) -> str:
            """Show each field by name."""
            shown = ", ".join(f"{name}={one!r}" for name, one in self._asdict().items())
            return f"{type(self).__name__}({shown})"

        @classmethod
        def _make(cls, values: Iterable[Any]) -> NamedTuple:
            row = tuple.__new__(cls, values)
            if len(row) != len(cls._fields):
                raise TypeError(f"{cls.__name__} has {len(cls._fields)} fields, not {len(row)}")
            return row

        def _asdict(self) -> dict[str, Any]:
            return dict(zip(self._fields, self, strict=True))

        def _replace(self, **changed: Any) -> NamedTuple:
            row = tuple.__new__(type(self), map(changed.pop, self._fields, self))
            if changed:
                raise TypeError(f"{type(self).__name__} has no field {', '.join(changed)}")
            return row
