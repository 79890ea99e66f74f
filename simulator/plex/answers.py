"""The replies Plex gives again and again: a page, an empty success, an HTML error."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.plex.wire import PHRASES, Reply, Request
from simulator.plex.xml import (
    HTML_TYPE,
    JSON_TYPE,
    XML_TYPE,
    Attributes,
    Element,
    status_page,
    to_json,
    to_xml,
)


def error(status: int) -> Reply:
    """The HTML page Plex answers with when something is wrong."""
    return Reply(status, status_page(status, PHRASES.get(status, "Error")), HTML_TYPE)


def done() -> Reply:
    """What Plex says to a command that worked: 200, text/html, nothing."""
    return Reply(200, b"", HTML_TYPE)


def page(request: Request, root: Element) -> Reply:
    """The element as XML, or as JSON for clients that accept it."""
    if JSON_TYPE in request.headers.get("accept", ""):
        return Reply(200, to_json(root), JSON_TYPE)
    return Reply(200, to_xml(root), XML_TYPE)


def container(
    attributes: Attributes, elements: Sequence[Element], counted: int | None = None
) -> Element:
    """A ``MediaContainer`` whose ``size`` comes first and counts its entries."""
    size: Attributes = {"size": len(elements) if counted is None else counted}
    return Element("MediaContainer", {**size, **attributes}, elements)


def reads(request: Request) -> bool:
    """Whether the request only asks."""
    return request.method in {"GET", "HEAD"}
