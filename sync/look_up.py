"""Waiting for servers without going deaf: whoever waits looks up now and then.

What is asked for many scenes takes a tenth of a second and more. It is asked in
threads, so that an edit by hand which comes meanwhile need not wait for the answer.
"""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_T = TypeVar("_T")

#: Seconds between two looks.
LOOK_UP = 0.005


def answers(
    questions: Iterable[Callable[[], _T]], look_up: Callable[[], None], *, at_once: int = 1
) -> list[_T]:
    """Ask questions in threads; give what came of them, in their order.

    Args:
        questions: They must not touch the store, whose connection belongs to one thread.
        look_up: Called every few milliseconds. What it raises is raised at once: then
            nobody waits any more for what was asked, and what was not is not asked.
        at_once: So many are under way together.

    Raises:
        Exception: What ``look_up`` or a question raised.
    """
    threads = ThreadPoolExecutor(at_once)
    try:
        asked = [threads.submit(question) for question in questions]
        left = set(asked)
        while left:
            done, left = wait(left, LOOK_UP, FIRST_EXCEPTION)
            for one in done:
                one.result()
            look_up()
        return [one.result() for one in asked]
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
