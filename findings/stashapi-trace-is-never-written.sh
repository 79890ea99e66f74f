#!/usr/bin/env bash
# stashapp-tools 0.2.59: log.trace() writes nothing.
#
# The module has a function for each of Stash's levels, but its logger is set to DEBUG, which
# is above its own TRACE. Lowering the log level in Stash shows no line of a plugin's trace.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check stashapp-tools==0.2.59
cd "$work"
"$work/venv/bin/python" - > seen.txt 2>&1 <<'PY'
import contextlib
import io
import sys

buffer = io.StringIO()
with contextlib.redirect_stderr(buffer):
    import stashapi.log as log

    log.trace("a trace")
    log.debug("a debug")
print(repr(buffer.getvalue()), "logger's level:", log.sl.level, "of trace:", log.logging.TRACE)
PY
cat > expected.txt <<'TXT'
'\x01d\x02a debug\n' logger's level: 10 of trace: 5
TXT
diff expected.txt seen.txt && cat seen.txt
