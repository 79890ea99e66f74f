r"""One run of a raw plugin's process, watched as closely as Stash watches it.

Stash writes one JSON object to stdin, then reads stdout to its end: a child
that inherits stdout holds the caller up even when the plugin has long gone. Of
stderr it takes lines marked ``\x01<level>\x02`` as log lines and progress,
any other line at the plugin's error level, and gives up on a line that is too
long, after which the plugin dies of its broken pipe. Cancelling kills that one
process, without a warning, and not its children.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple

LEVELS = {"t": "trace", "d": "debug", "i": "info", "w": "warning", "e": "error", "p": "progress"}
# The reader's line buffer in Stash; one byte more and it stops reading.
LONGEST_LINE = 64 * 1024
_CHUNK = 64 * 1024


class PluginStartError(Exception):
    """The process could not be started; the text is what Stash would say."""


class LogLine(NamedTuple):
    """One line of Stash's log."""

    level: str
    text: str


@dataclass(slots=True)
class Run:
    """What one process did.

    ``output`` and ``error`` are what Stash makes of stdout and the exit status;
    ``seconds`` is the time its caller was held up; ``sent`` is the stdin.
    """

    plugin: str
    name: str
    sent: dict[str, Any]
    pid: int = 0
    output: Any = None
    error: str | None = None
    log: list[LogLine] = field(default_factory=list)
    progress: list[float] = field(default_factory=list)
    seconds: float = 0.0
    exit_code: int | None = None
    cancelled: bool = False
    overlong_line: bool = False


def run_process(
    run: Run,
    argv: Sequence[str],
    environ: Mapping[str, str],
    *,
    error_level: str,
    cancel: threading.Event,
    hear: Callable[[LogLine], None],
) -> None:
    """Start ``argv``, feed it ``run.sent``, and fill in ``run`` when it is over.

    ``hear`` is called with each line of stderr as it comes, progress (0 to 1) too; lines
    without a mark are of ``error_level``. Setting ``cancel`` has the process killed.

    Raises:
        PluginStartError: It cannot be started.
    """
    began = time.monotonic()
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, env=environ)
    except OSError as error:
        raise PluginStartError(f"error running plugin: exec: {argv[0]}: {error}") from error
    run.pid = process.pid
    threading.Thread(target=_feed, args=(process.stdin, run.sent), daemon=True).start()
    stdout = _listen(run, process, cancel, lambda raw: hear(_line(raw, error_level)))
    run.seconds = time.monotonic() - began
    if stdout is None:
        run.cancelled, run.error = True, "operation cancelled"
        return
    run.exit_code = process.returncode
    run.output, run.error = result_of(stdout.decode("utf-8", "replace"), run.exit_code)


def result_of(text: str, exit_code: int) -> tuple[Any, str | None]:
    """What Stash makes of a plugin's stdout and exit status: output and error.

    An object with ``output`` or ``error`` is taken apart (other objects yield
    nothing at all), anything else is the output as it stands.
    """
    output: Any = text
    error: str | None = None
    with contextlib.suppress(ValueError):
        found = json.loads(text)
        if isinstance(found, dict):
            output, error = found.get("output"), found.get("error")
    if exit_code != 0 and error is None:
        killed = exit_code == -signal.SIGKILL
        error = "signal: killed" if killed else f"exit status {exit_code}"
    return output, error


def _feed(stdin: IO[bytes], sent: dict[str, Any]) -> None:
    with contextlib.suppress(OSError), stdin:
        stdin.write(json.dumps(sent, ensure_ascii=False).encode())


def _line(raw: bytes, error_level: str) -> LogLine:
    text = raw.decode("utf-8", "replace")
    if len(text) > 3 and text[0] == "\x01" and text[2] == "\x02" and text[1] in LEVELS:
        return LogLine(LEVELS[text[1]], text[3:])
    return LogLine(error_level, text)


def _listen(
    run: Run,
    process: subprocess.Popen[bytes],
    cancel: threading.Event,
    on_line: Callable[[bytes], None],
) -> bytes | None:
    """Read both pipes until the process is over; give stdout, or None if it was cancelled."""
    stdout, stderr = process.stdout, process.stderr
    assert stdout is not None
    assert stderr is not None
    output, rest = bytearray(), b""
    reading = [stdout, stderr]

    def read(wait: float) -> bool:
        """Read once what there is; False if there was nothing."""
        nonlocal rest
        ready, _, _ = select.select(reading, (), (), wait)
        for pipe in ready:
            data = os.read(pipe.fileno(), _CHUNK)
            if pipe is stdout:
                output.extend(data)
            else:
                *lines, rest = (rest + data).split(b"\n")
                for line in filter(None, lines):
                    on_line(line)
                if any(len(line) >= LONGEST_LINE for line in (*lines, rest)):
                    run.overlong_line, rest, data = True, b"", b""
            if not data:
                reading.remove(pipe)
                pipe.close()
        return bool(ready)

    while stdout in reading or process.poll() is None:
        if cancel.is_set():
            process.kill()
            # A child that keeps stdout open leaves a zombie behind in Stash, not here.
            threading.Thread(target=_bury, args=(process, reading), daemon=True).start()
            return None
        read(0.02 if stdout in reading else 0.001)
    # What was written before the end is in the pipe now; who writes later, finds it broken.
    while stderr in reading and read(0):
        pass
    if rest:
        on_line(rest)
    stderr.close()
    return bytes(output)


def _bury(process: subprocess.Popen[bytes], pipes: Sequence[IO[bytes]]) -> None:
    process.wait()
    for pipe in pipes:
        pipe.close()
