"""Who this worker is to the others of its run, and who they are to it."""

from __future__ import annotations

import os
import ssl
from contextlib import ExitStack
from dataclasses import dataclass

from worker_agent.protocol.artefacts.peering import Peering, certificate_name


@dataclass(frozen=True)
class Identity:
    """What TLS needs at both ends."""

    serving: ssl.SSLContext
    taking: ssl.SSLContext


def identity(peering: Peering) -> Identity:
    """Return the two ends of this worker.  Raises OSError, ValueError for texts that are no certificates."""
    return Identity(_context(peering, ssl.PROTOCOL_TLS_SERVER), _context(peering, ssl.PROTOCOL_TLS_CLIENT))


def _context(peering: Peering, end: int) -> ssl.SSLContext:
    context = ssl.SSLContext(end)
    context.check_hostname = False  # names are workers', which no address has: `names` tells them
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=peering.authority)
    with ExitStack() as pipes:
        # OpenSSL reads files alone: what comes out of a pipe has been on no disk.
        texts = [pipes.enter_context(_Piped(text)) for text in (peering.certificate, peering.key)]
        context.load_cert_chain(*(str(text) for text in texts))
    if end == ssl.PROTOCOL_TLS_SERVER:
        context.num_tickets = 0  # nobody comes again without a certificate
    return context


class _Piped:
    """A text that can be read once under a path.  Raises OSError for one that a pipe does not hold."""

    def __init__(self, text: str) -> None:
        self._reading, writing = os.pipe()
        os.set_blocking(writing, False)
        with os.fdopen(writing, "wb", buffering=0) as stream:
            if stream.write(text.encode()) != len(text.encode()):
                os.close(self._reading)
                raise OSError("too long for a certificate")

    def __str__(self) -> str:
        return f"/dev/fd/{self._reading}"

    def __enter__(self) -> "_Piped":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._reading)


def is_of(tls: ssl.SSLSocket, worker: str) -> bool:
    """Return whether the other end has the certificate of a worker, and of nobody else besides."""
    found = tls.getpeercert() or {}
    return found.get("subjectAltName") == (("URI", certificate_name(worker)),)
