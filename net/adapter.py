"""requests' adapter over our connections: a connect timeout of its own, no stale connection."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter

from net.sockets import POOLS, StaleConnectionError, fresh_connection

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

#: More than the four readers of a bulk run, so that none throws connections away.
KEPT = 8


class BoundedAdapter(HTTPAdapter):
    """Adds a connect timeout where only one is named; repeats what met a stale connection.

    Args:
        connect_timeout: Seconds, for requests whose timeout is one number.
        repeatable: Methods that do no harm when they are done twice.
    """

    def __init__(self, connect_timeout: float, repeatable: Collection[str]) -> None:
        self._connect_timeout = connect_timeout
        self._repeatable = frozenset(repeatable)
        super().__init__(pool_connections=2, pool_maxsize=KEPT, max_retries=0)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        """Send once; twice if a kept connection turned out closed and twice does no harm."""
        if not isinstance(timeout, tuple):
            timeout = (self._connect_timeout, timeout)
        repeatable = request.method in self._repeatable
        rest: dict[str, Any] = {"verify": verify, "cert": cert, "proxies": proxies}
        try:
            with fresh_connection(wanted=not repeatable):
                return super().send(request, stream, timeout, **rest)
        except requests.ConnectionError as exc:
            if not (repeatable and _was_stale(exc)):
                raise
        with fresh_connection(wanted=True):
            return super().send(request, stream, timeout, **rest)


def _was_stale(exc: BaseException) -> bool:
    return isinstance(exc, StaleConnectionError) or any(
        _was_stale(part) for part in exc.args if isinstance(part, BaseException)
    )
