"""The address at which a class opens a step on its own devices, and its QR code."""

import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import numpy as np
from fastapi import Request

from skiplens.core.qr_code import qr_code
from skiplens.web.http.headers import is_loopback

_ELSEWHERE: Final = ("192.0.2.1", 9)  # an address for documentation (RFC 5737): nothing is sent
_MARGIN: Final = 2  # modules, besides those of the code itself


@dataclass(frozen=True)
class ClassCode:
    """A QR code as the path of an SVG.

    Attributes:
        address: what it says.
        path: its dark modules, one unit each.
        side: of the code with its margin, in units.
    """

    address: str
    path: str
    side: int


def class_code(request: Request, path: str) -> ClassCode | None:
    """The QR code of a page; ``None`` if only this machine reaches the server."""
    origin = _origin(request)
    if origin is None:
        return None
    address = f"{origin}{path}"
    dark = np.pad(qr_code(address), _MARGIN)
    rows = (_row(y, row) for y, row in enumerate(dark))
    return ClassCode(address, "".join(rows), len(dark))


def _row(y: int, row: np.ndarray) -> str:
    """The dark runs of a row of modules."""
    edges = np.flatnonzero(np.diff(row.astype(np.int8), prepend=0, append=0))
    return "".join(
        f"M{start} {y}h{end - start}v1h{start - end}z"
        for start, end in edges.reshape(-1, 2).tolist()
    )


def _origin(request: Request) -> str | None:
    """Scheme, host and port that others on the network can use."""
    url = request.base_url
    if is_loopback(url.hostname or ""):
        own = None if is_loopback(request.app.state.host) else _own_address()
        if own is None:
            return None
        url = url.replace(hostname=own)
    return f"{url.scheme}://{url.netloc}"


def _own_address() -> str | None:
    """The address of this machine on its network; ``None`` without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(_ELSEWHERE)
        return str(probe.getsockname()[0])
    return None
