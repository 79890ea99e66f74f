"""Where Stash keeps the certificate that it shows when it speaks https by itself.

Stash takes what its config.yml names as ssl_cert_path, else a stash.crt beside that file,
else one in the folder .stash of its user's home (stash v0.30, internal/manager/config/
config.go, InitTLS).
"""

from __future__ import annotations

import os
import re

CERTIFICATE = "stash.crt"
CONFIG = "config.yml"
HOME = os.path.join("~", ".stash")
#: Characters of the configuration that are looked through; Stash's own is far shorter.
LARGEST_CONFIG = 4 << 20
# At the very left it is Stash's own; a plugin's setting of that name stands further in.
_NAMED = re.compile(
    r"""^ssl_cert_path:[ \t]+
    (?: '((?:[^'\n]|'')*)' | "([^"\\\n]*)" | ([^\s'"\#][^\n]*?) )
    [ \t]*(?:[ \t]\#.*)?$""",
    re.MULTILINE | re.VERBOSE,
)


def path_in(folder: str) -> str:
    """Give the path of Stash's own certificate, whether or not it is there.

    Args:
        folder: That of Stash's configuration; of its file no more than this one line is read.
    """
    named = _named(os.path.join(folder, CONFIG))
    if named:
        return named
    beside = os.path.join(folder, CERTIFICATE)
    at_home = os.path.join(os.path.expanduser(HOME), CERTIFICATE)
    return at_home if os.path.exists(at_home) and not os.path.exists(beside) else beside


def _named(config: str) -> str:
    """Give what a configuration names; "" for nothing, and for what depends on Stash's folder."""
    try:
        with open(config, encoding="utf-8", errors="replace") as file:
            found = _NAMED.search(file.read(LARGEST_CONFIG))
    except OSError:  # called otherwise, or not ours to read
        return ""
    if found is None:
        return ""
    single, double, plain = found.groups()
    path = str(single.replace("''", "'") if single is not None else double or plain or "")
    return path if os.path.isabs(path) else ""
