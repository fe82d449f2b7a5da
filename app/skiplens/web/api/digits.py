"""API routes for digits: the shipped samples and uploads."""

from typing import Self

import numpy as np
from fastapi import Request, Response
from numpy.typing import NDArray
from pydantic import Field

from skiplens.core.array_files import npy
from skiplens.core.grid_image import encode_grey
from skiplens.core.input_image import Digit as DigitImage
from skiplens.service.digit_store import InputRecord
from skiplens.service.services import Services
from skiplens.web.api.routing import Router
from skiplens.web.api.schemas import InkBox, Inverted, Joined, Label, LinkedDigit, Warnings
from skiplens.web.http.caching import NPY, PNG, immutable_response, revalidated_response
from skiplens.web.http.problems import UPLOAD_PROBLEMS
from skiplens.web.parameters import DigitDep, ServicesDep
from skiplens.web.uploads import UPLOAD_BODY, CandidatesDep, NetworkQuery, store

INPUT_ZOOM = 8
_ENLARGED = 64  # pixels a side; larger inputs are shown as they are

router = Router("digits")


class Sample(Joined):
    """A digit that ships with the program."""

    records = ("linked",)
    linked: LinkedDigit
    label: Label
    style: str = Field(
        description="Style of the handwriting; `ambiguous` if people may disagree about the label"
    )


class DigitCandidate(Joined):
    """Something in an image that may be the digit meant."""

    records = ("linked",)
    linked: LinkedDigit
    box: InkBox


class Digit(Joined):
    """A digit and its provenance."""

    records = ("linked",)
    linked: LinkedDigit
    inverted: Inverted
    box: InkBox
    warnings: Warnings
    candidates: list[DigitCandidate] = Field(
        description="Candidate digits in the uploaded image, most likely first, "
        "this one included; empty for samples and digits of the data set"
    )
    label: int | None = Field(description="Label, 0 to 9; null for uploaded digits")
    index: int | None = Field(description="Index in the data set, from 0; null for other digits")

    @classmethod
    def of(cls, stored: InputRecord, network: str) -> Self:
        """A stored digit; its page is that of ``network``."""
        return cls(
            linked=LinkedDigit.of(stored.image.id, network),
            inverted=stored.inverted,
            box=stored.box,
            warnings=stored.warnings,
            candidates=[
                DigitCandidate(linked=LinkedDigit.of(one.digit, network), box=one.box)
                for one in stored.candidates
            ],
            label=stored.label,
            index=stored.dataset_index,
        )


@router.get("/samples", summary="Digits that ship with the program")
def samples(services: ServicesDep) -> list[Sample]:
    network = services.registry.for_digits
    return [
        Sample(
            linked=LinkedDigit.of(digit, network), label=stored.label or 0, style=stored.style or ""
        )
        for digit, stored in services.digits.samples.items()
    ]


@router.post(
    "/digits",
    status_code=201,
    summary="Upload a digit; it is preprocessed like MNIST and stored",
    responses=UPLOAD_PROBLEMS,
    openapi_extra=UPLOAD_BODY,
)
async def post_digit(
    request: Request,
    candidates: CandidatesDep,
    services: ServicesDep,
    response: Response,
    network: NetworkQuery = None,
) -> Digit:
    stored = await store(request, candidates)
    answer = Digit.of(stored, network or services.registry.for_digits)
    response.headers["Location"] = answer.linked.url
    return answer


@router.get("/digits/{digit}", summary="A digit and its provenance")
def digit(stored: DigitDep, services: ServicesDep) -> Digit:
    registry = services.registry
    is_digit = isinstance(stored.image, DigitImage)
    return Digit.of(stored, registry.for_digits if is_digit else registry.default)


@router.file(
    "/digits/{digit}/input.png",
    PNG,
    "The 28x28 input of the networks, enlarged eight times; or as another network gets it",
)
def input_png(
    request: Request, stored: DigitDep, services: ServicesDep, network: NetworkQuery = None
) -> Response:
    content = _input(stored, services, network)
    if network is None:
        return immutable_response(request, content, PNG)
    return revalidated_response(request, content, PNG)


def _input(stored: InputRecord, services: Services, network: str | None) -> bytes:
    """An input as it is stored, or as a network gets it."""
    if network is None:
        return encode_input(stored.image.pixels)
    manifest = services.registry.network(network).manifest
    return encode_input(stored.image.fitted(manifest.input_shape, manifest.input.fit))


def encode_input(pixels: NDArray[np.uint8]) -> bytes:
    """An input as PNG, enlarged if it is small: uint8 ``(H, W)`` or ``(H, W, 3)``."""
    return encode_grey(pixels, INPUT_ZOOM if max(pixels.shape[:2]) <= _ENLARGED else 1)


@router.file(
    "/digits/{digit}/input.npy", NPY, "The 28x28 input of the networks, uint8 (28, 28), ink 255"
)
def input_npy(request: Request, stored: DigitDep) -> Response:
    return immutable_response(request, npy(stored.image.pixels), NPY, f"{stored.image.id}.npy")
