"""Waiting for servers without going deaf: whoever waits looks up now and then.

What is asked for many scenes takes a tenth of a second and more. It is asked in
threads, so that an edit by hand which comes meanwhile need not wait for the answer,
and so that the next batch can be read while this one is.

A question that nobody waits for any more keeps its thread until it is answered. Each server
has so many threads and no more, or who saves scene after scene would have us ask the same
again and again beside all that is still being answered.
"""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, wait
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from concurrent.futures import Executor

_T = TypeVar("_T")

#: Seconds between two looks.
LOOK_UP = 0.005


class Asking(Generic[_T]):
    """Questions that are under way in the threads of the server that is asked.

    They must not touch the store, whose connection belongs to one thread.
    """

    def __init__(self, questions: Iterable[Callable[[], _T]], threads: Executor) -> None:
        self._asked = [threads.submit(question) for question in questions]

    def pause(self) -> None:
        """Wait until the next look, or until all is answered or one has failed."""
        wait(self._asked, LOOK_UP, FIRST_EXCEPTION)

    def is_answered(self) -> bool:
        """Say whether all is answered, or one has failed and the others do not matter."""
        done = [one for one in self._asked if one.done()]
        return len(done) == len(self._asked) or any(one.exception() for one in done)

    def answers(self) -> list[_T]:
        """Give the answers, in the order of the questions; raises what a question raised."""
        for one in self._asked:
            if one.done():
                one.result()
        return [one.result() for one in self._asked]

    def close(self) -> None:
        """Wait no more for what was asked, and do not ask what was not."""
        for one in self._asked:
            one.cancel()


#: What a stage of the pipeline yields between two steps: whether the next one may take long, or
#: what has to be answered before it.
Step = bool | Asking[Any]


def awaited(
    questions: Iterable[Callable[[], _T]], look_up: Callable[[], None], threads: Executor
) -> Generator[Asking[_T], None, list[_T]]:
    """Ask questions in threads; yield while they are under way, return what came of them.

    What a question raises is raised, and at once what ``look_up`` does, which is called after
    each yield.
    """
    asking = Asking(questions, threads)
    try:
        while not asking.is_answered():
            yield asking
            look_up()
        return asking.answers()
    finally:
        asking.close()


def finish(waiting: Generator[Asking[Any], None, _T]) -> _T:
    """Wait for what ``awaited`` returns, or a generator that yields from it; raises as it does.

    What is awaited is looked at again, and ``look_up`` called, every few milliseconds.
    """
    try:
        while True:
            next(waiting).pause()
    except StopIteration as end:
        found: _T = end.value
        return found
