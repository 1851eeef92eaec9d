"""Where other workers may reach this one."""

from __future__ import annotations

import contextlib
import os
import socket
from importlib.util import find_spec
from typing import Iterator, List, Mapping, Optional

from worker_agent.protocol.artefacts.peering import MOST_ADDRESSES

_OUTSIDE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses of nobody (RFC 5737, RFC 3849): nothing is sent to them, only the way there is looked up."""
_LEAST_PORT = 1024


def own_addresses(environment: Optional[Mapping[str, str]] = None) -> List[str]:
    """Return the addresses of this machine at which others may reach it; none where it cannot serve them.

    First the one at which the master has.
    """
    if find_spec("_ssl") is None:
        return []
    found = [*_of_the_session(environment or os.environ), *_of_the_way_out()]
    return list(dict.fromkeys(address for address in found if is_elsewhere(address)))[:MOST_ADDRESSES]


def may_be_asked(address: str, port: int) -> bool:
    """Return whether a worker may be there: not at ports of the system, nor on this machine alone."""
    return _LEAST_PORT <= port < 1 << 16 and is_elsewhere(address)


def is_elsewhere(address: str) -> bool:
    """Return whether a text is an address, no name, by which other machines can be reached."""
    import ipaddress  # takes a while, and most runs never ask

    try:
        told = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(told, ipaddress.IPv6Address) and told.ipv4_mapped:
        return False  # an address in disguise
    return not (told.is_loopback or told.is_multicast or told.is_unspecified or told.is_link_local)


def _of_the_session(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the end of the master's SSH session that is here: sshd tells both, with their ports."""
    words = environment.get("SSH_CONNECTION", "").split()
    if len(words) == 4:
        yield words[2]


def _of_the_way_out() -> Iterator[str]:
    for family, address in _OUTSIDE:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            yield probe.getsockname()[0]
