"""A lesson: the address at which a class opens a step, its QR code, and the digits that come in.

A lesson is a random code in the addresses of the teacher and of the class. Who opens the story with
it can show a digit to the class; the presentation asks for itself again and again, and so has them.
A server that asks for a token lets the code open one page alone, where a digit is drawn and sent.
"""

import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlencode

import numpy as np
from fastapi import APIRouter, Path, Request, Response
from pydantic import Field
from starlette.responses import RedirectResponse

from skiplens.core.input_image import SIDE
from skiplens.core.share_pictures import qr_code
from skiplens.service.digit_store import InputRecord
from skiplens.web import links
from skiplens.web.http.access_checks import is_loopback, is_unspecified, new_lesson
from skiplens.web.http.client_address import client_of
from skiplens.web.pages.digit_tiles import Tile
from skiplens.web.pages.figures import Picture
from skiplens.web.pages.templating import Page, RespondDep
from skiplens.web.parameters import ServicesDep
from skiplens.web.uploads import CandidatesDep, read_form, store, write

Lesson = Annotated[
    str,
    Field(
        pattern="^[a-z0-9]{6,24}$",
        description="the code of a lesson: 6 to 24 small letters and digits",
    ),
]
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


@dataclass(frozen=True)
class ClassDigits:
    """The digits of a class, the newest first."""

    sheet: Picture
    tiles: tuple[Tile, ...]


def class_digits(
    shared: tuple[InputRecord, ...], current: str, address: Callable[[str], str]
) -> ClassDigits:
    """Digits as links; ``address`` is the page of an id."""
    ids = [stored.image.id for stored in shared]
    return ClassDigits(
        Picture(links.digits_png(ids), SIDE * len(ids), SIDE),
        tuple(
            Tile(
                address(digit),
                f"digit {len(ids) - at} of the class",
                f"{at * SIDE} 0 {SIDE} {SIDE}",
                digit == current,
            )
            for at, digit in enumerate(ids)
        ),
    )


router = APIRouter(include_in_schema=False)


@router.post(links.lesson("{step}", "{lesson}"))
async def show_to_class(
    request: Request,
    services: ServicesDep,
    step: Annotated[str, Path(max_length=16, pattern="^[a-z]+$", description="the name of a step")],
    lesson: Lesson,
) -> RedirectResponse:
    """Show the digit of the form to a class, and return to its step.

    Raises:
        UnknownDigitError: there is no such digit.
        StorageError, BusyError: it cannot be stored now.
    """
    form = await read_form(request, files=0, holding="the field digit")
    digit = str(form.get("digit", ""))
    await write(request, services.digits.share, lesson, digit, client_of(request.scope))
    back = links.with_query(links.learn_page(step), {"digit": digit, "lesson": lesson})
    return RedirectResponse(back, 303)


@router.get(links.class_page("{lesson}"))
def class_page(respond: RespondDep, lesson: Lesson, shown: str | None = None) -> Response:
    """A surface to draw on, and the button that shows the drawing to the class."""
    values = {"address": links.class_page(lesson), "shown": shown is not None}
    return respond(Page("learn_class.html", "Draw a digit for the class", values=values))


@router.post(links.class_page("{lesson}"))
async def send_to_class(
    request: Request,
    services: ServicesDep,
    candidates: CandidatesDep,
    lesson: Lesson,
) -> RedirectResponse:
    """Store the digit of the body, and show it to a class.

    Raises:
        StorageError, BusyError: it cannot be stored now.
    """
    stored = await store(request, candidates)
    await write(request, services.digits.share, lesson, stored.image.id, client_of(request.scope))
    return RedirectResponse(f"{links.class_page(lesson)}?shown=1", 303)


def open_lesson(request: Request) -> RedirectResponse:
    """The same page with the code of a new lesson."""
    lesson = new_lesson(request.app.state.settings.token)
    query = urlencode([*request.query_params.multi_items(), ("lesson", lesson)])
    return RedirectResponse(f"?{query}", 303, {"Cache-Control": "no-store"})


def class_code(request: Request, step: str, lesson: str) -> ClassCode | None:
    """The QR code by which a class opens a step or, where the server has a token, the one page that
    needs none; ``None`` if only this machine reaches the server.
    """
    origin = class_origin(request)
    if origin is None:
        return None
    path = links.with_query(links.learn_page(step), {"lesson": lesson})
    needs_token = request.app.state.settings.token
    address = f"{origin}{links.class_page(lesson) if needs_token else path}"
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


def class_origin(request: Request) -> str | None:
    """Scheme, host and port that others on the network can use; ``None`` if nobody can."""
    url = request.base_url
    host = (url.hostname or "").strip("[]")
    if is_loopback(host) or is_unspecified(host):
        own = None if is_loopback(request.app.state.settings.host) else _own_address()
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
