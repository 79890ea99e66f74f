"""Which certificates are accepted: those of the known authorities, and one that lies on our disk.

A Stash that speaks https by itself mostly has a certificate that it was given by its own
user, for some other name and signed by nobody. It lies beside Stash's configuration, where
only its user can put it: who shows that very certificate, and proves to have its key, is
that Stash. So verification is never switched off for it.
"""

from __future__ import annotations

import os
import re
import ssl
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

#: Bytes of a file that could be a certificate with its chain.
LARGEST_FILE = 1 << 20
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


class PinnedContext(ssl.SSLContext):
    """Accepts one certificate and no other, whatever name it was made out to.

    Everything else is verified as ever: the signature, the dates, and that the server has
    the key. ``leaf`` is that certificate, DER.
    """

    leaf: bytes = b""

    def wrap_socket(self, sock: socket.socket, *args: Any, **options: Any) -> ssl.SSLSocket:
        """Secure a connection; raises ssl.SSLCertVerificationError for another certificate."""
        secured = super().wrap_socket(sock, *args, **options)
        if secured.getpeercert(binary_form=True) != self.leaf:
            secured.close()
            raise ssl.SSLCertVerificationError("it is not the certificate on our disk")
        return secured


def usual(*, verify: bool) -> ssl.SSLContext:
    """Give a context that trusts the known authorities, or everybody."""
    # requests' authorities: those that a person expects who knows what plexapi trusts.
    from requests.utils import DEFAULT_CA_BUNDLE_PATH  # noqa: PLC0415 - slow to load

    context = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def pinned(path: str) -> ssl.SSLContext | None:
    """Give a context that trusts the first certificate in a PEM file, None without one there."""
    try:
        if not path or os.path.getsize(path) > LARGEST_FILE:
            return None
        with open(path, "rb") as file:
            found = _PEM.search(file.read(LARGEST_FILE))
        if found is None:
            return None
        leaf = ssl.PEM_cert_to_DER_cert(found[0].decode("ascii"))
        context = PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # the certificate itself is compared
        # Its own anchor, signed by itself or by an authority that nobody here knows. Strict
        # rules (the default since 3.13) are for authorities, and older certificates break them.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.load_verify_locations(cadata=leaf)
    except (OSError, ValueError):  # not there, not ours to read, or no certificate
        return None
    context.leaf = leaf
    return context
