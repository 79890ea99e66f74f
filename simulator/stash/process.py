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
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

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

    def as_dict(self) -> dict[str, Any]:
        """The run as JSON."""
        return asdict(self)


def run_process(
    run: Run,
    argv: Sequence[str],
    environ: Mapping[str, str],
    *,
    error_level: str,
    cancel: threading.Event | None,
    on_line: Callable[[LogLine], None],
    on_progress: Callable[[float], None] | None = None,
) -> None:
    """Start ``argv``, feed it ``run.sent``, and fill in ``run`` when it is over.

    Args:
        run: What is started; its ``sent`` goes to stdin.
        argv: Program and arguments.
        environ: The whole environment.
        error_level: Level of stderr lines without a mark.
        cancel: Set by somebody else to have the process killed.
        on_line: Called with each log line as it comes.
        on_progress: Called with each progress report, 0 to 1.

    Raises:
        PluginStartError: the program cannot be started.
    """
    began = time.monotonic()
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, env=dict(environ))
    except OSError as error:
        raise PluginStartError(f"error running plugin: exec: {argv[0]}: {error}") from error
    run.pid = process.pid
    watch = _Watch(run, process, error_level, on_line, on_progress)
    stdout = watch.until_over(cancel or threading.Event())
    run.seconds = time.monotonic() - began
    if stdout is None:
        run.cancelled = True
        run.error = "operation cancelled"
        return
    run.exit_code = process.wait()
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


class _Watch:
    """The pipes of one process."""

    def __init__(
        self,
        run: Run,
        process: subprocess.Popen[bytes],
        error_level: str,
        on_line: Callable[[LogLine], None],
        on_progress: Callable[[float], None] | None,
    ) -> None:
        self.run, self.process, self.error_level = run, process, error_level
        self.on_line, self.on_progress = on_line, on_progress
        self.selector = selectors.DefaultSelector()
        self.stdout = bytearray()
        self.stderr = b""
        self.waiting = memoryview(json.dumps(run.sent, ensure_ascii=False).encode())
        for pipe, event in (
            (process.stdin, selectors.EVENT_WRITE),
            (process.stdout, selectors.EVENT_READ),
            (process.stderr, selectors.EVENT_READ),
        ):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
            self.selector.register(pipe, event)

    def until_over(self, cancel: threading.Event) -> bytes | None:
        """Serve the pipes; give stdout, or None when the run was cancelled."""
        process, stdout, stderr = self.process, self.process.stdout, self.process.stderr
        assert stdout is not None
        assert stderr is not None
        while not stdout.closed or process.poll() is None:
            if cancel.is_set():
                process.kill()
                # A child that keeps stdout open leaves a zombie behind in Stash, not here.
                threading.Thread(target=self._bury, daemon=True).start()
                return None
            wait = 0.001 if stdout.closed else 0.02
            for key, _ in self.selector.select(wait):
                self._serve(key.fileobj)
        # What was written before the end is in the pipe now; who writes later, finds it broken.
        while not stderr.closed and self._serve(stderr):
            pass
        self._line(self.stderr)
        self._close_all()
        return bytes(self.stdout)

    def _bury(self) -> None:
        self.process.wait()
        self._close_all()

    def _close_all(self) -> None:
        for key in list(self.selector.get_map().values()):
            self._close(key.fileobj)
        self.selector.close()

    def _close(self, pipe: Any) -> None:
        self.selector.unregister(pipe)
        with contextlib.suppress(BrokenPipeError):
            pipe.close()

    def _serve(self, pipe: Any) -> bool:
        """Move what can be moved on one pipe; False when there was nothing or it ended."""
        number = pipe.fileno()
        try:
            if pipe is self.process.stdin:
                self.waiting = self.waiting[os.write(number, self.waiting[:_CHUNK]) :]
                data = bytes(self.waiting[:1])
            else:
                data = os.read(number, _CHUNK)
        except BlockingIOError:
            return False
        except BrokenPipeError:
            data = b""
        if not data:
            self._close(pipe)
        elif pipe is self.process.stdout:
            self.stdout += data
        elif pipe is self.process.stderr:
            self._read_stderr(data)
        return bool(data)

    def _read_stderr(self, data: bytes) -> None:
        *lines, self.stderr = (self.stderr + data).split(b"\n")
        for line in lines:
            self._line(line)
        if any(len(line) >= LONGEST_LINE for line in (*lines, self.stderr)):
            self.run.overlong_line = True
            self.stderr = b""
            self._close(self.process.stderr)

    def _line(self, raw: bytes) -> None:
        """Log one line of stderr, or take its progress."""
        text = raw.decode("utf-8", "replace")
        if not text:
            return
        marked = len(text) > 3 and text[0] == "\x01" and text[2] == "\x02" and text[1] in LEVELS
        if marked and text[1] == "p":
            self.run.progress.append(float(text[3:]))
            if self.on_progress:
                self.on_progress(self.run.progress[-1])
            return
        line = LogLine(LEVELS[text[1]], text[3:]) if marked else LogLine(self.error_level, text)
        self.run.log.append(line)
        self.on_line(line)
