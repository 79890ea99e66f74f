"""JSON by json's own parts in C, without loading json: that loads re and enum, too.

The hook and each look of the page read and write a line or two, and json would be a third of
what they load (docs/adr/0026). Whatever does not succeed at once is json's: so what counts as
JSON, and how it is written, is the same, on a Python without these parts as well.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself would cost the hook milliseconds
if TYPE_CHECKING:
    from typing import Any

parts: Any
try:
    import _json

    parts = _json
except ImportError:  # another Python than CPython
    parts = None


class _Plain:
    """How json.loads reads by default, for the scanner that it uses itself."""

    strict = True
    object_hook = object_pairs_hook = parse_constant = memo = None
    parse_float, parse_int = float, int


def loads(text: str | bytes) -> Any:
    """Read as ``json.loads`` does, and raise what it raises."""
    try:
        plain = (text.decode("utf-8") if isinstance(text, bytes) else text).strip(" \t\n\r")
        value, end = parts.make_scanner(_Plain)(plain, 0)
        if end == len(plain):
            return value
    except Exception:  # noqa: BLE001, S110 - see the module
        pass
    import json

    return json.loads(text)


def dumps(
    value: Any, *, compact: bool = False, sort_keys: bool = False, ensure_ascii: bool = True
) -> str:
    """Write as ``json.dumps`` does, ``compact`` without blanks, and raise what it raises."""
    comma, colon = (",", ":") if compact else (", ", ": ")
    try:
        quoted = parts.encode_basestring_ascii if ensure_ascii else parts.encode_basestring
        encode = parts.make_encoder({}, None, quoted, None, colon, comma, sort_keys, False, True)
        return "".join(encode(value, 0))
    except Exception:  # noqa: BLE001 - see the module
        import json
    return json.dumps(
        value, separators=(comma, colon), sort_keys=sort_keys, ensure_ascii=ensure_ascii
    )
