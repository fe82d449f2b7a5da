"""Reads an uploaded digit from a request body: image file, JSON pixels or form."""

from typing import Annotated, Final

import numpy as np
from anyio import to_thread
from fastapi import Depends, Query, Request
from numpy.typing import NDArray
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from skiplens.core.digit import Digit
from skiplens.core.image_decoding import decode_reduced
from skiplens.core.manifest import AS_TRAINED
from skiplens.core.preprocessing import PreprocessedDigit, find_digits, pixels_to_grey
from skiplens.core.timing import timed
from skiplens.errors import InvalidParameterError, UnsupportedFormatError
from skiplens.service.digit_store import FoundDigit, StoredDigit
from skiplens.service.forward import run_uncached
from skiplens.service.services import Services
from skiplens.web.parameters import services_of


async def read_form(request: Request, *, files: int, fields: int, holding: str) -> FormData:
    """The form of a request, URL-encoded or multipart; the caller closes it.

    Args:
        request: request with the form.
        files: maximum number of files.
        fields: maximum number of other fields.
        holding: expected content, for the error message.

    Raises:
        InvalidParameterError: the form is malformed or has too many fields.
        TooLargeError: the body is larger than the limit.
        RequestTimeoutError: the body did not arrive in time.
    """
    try:
        return await request.form(max_files=files, max_fields=fields)
    except (HTTPException, ValueError) as error:  # an unknown charset raises several errors
        reason = error.detail.rstrip(".") if isinstance(error, HTTPException) else "unknown charset"
        raise InvalidParameterError(
            f"the form cannot be read ({reason}); it must hold {holding}"
        ) from error


_SIDE: Final = 28
_FILES: Final = 1
_FIELDS: Final = 4
_MULTIPART: Final = "multipart/form-data"
_JSON: Final = "application/json"
_RAW: Final = ("image/", "application/octet-stream")

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Row = Annotated[list[Number], Field(min_length=_SIDE, max_length=_SIDE)]


class Pixels(BaseModel):
    """A digit as numbers, 0..255 or 0..1."""

    pixels: Annotated[
        list[Row],
        Field(
            min_length=_SIDE,
            max_length=_SIDE,
            description="28 rows of 28 numbers, all within 0..1 or else within 0..255",
        ),
    ]


_PIXELS: Final = TypeAdapter(Pixels)


CandidateQuery = Annotated[
    int,
    Query(
        ge=0,
        description="which of the candidates in the image to take; 0 is the likeliest, and "
        "`candidates` of an answer lists them",
        examples=[1],
    ),
]


async def get_candidates(
    request: Request, candidate: CandidateQuery = 0
) -> tuple[StoredDigit, ...]:
    """All that may be a digit in the upload, the chosen one first; preprocessed but not stored.

    Raises:
        UnsupportedFormatError: the media type or the image format is not accepted.
        InvalidParameterError: the image is missing, damaged or blank, or a number is out of range.
        TooLargeError: the image is larger than the limit.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _MULTIPART:
        content = await _multipart(request)
    elif kind == _JSON or kind.startswith(_RAW):
        with timed("receive"):
            content = await request.body()
    else:
        raise UnsupportedFormatError(
            "the body must be multipart/form-data with a field named file, an image, or "
            "application/json with 28 x 28 pixels"
        )
    if not content:
        raise InvalidParameterError("file is empty; an image of at least one byte is needed")
    found = await to_thread.run_sync(
        _find, request, content, kind == _JSON, limiter=request.app.state.decoders
    )
    if candidate >= len(found):
        raise InvalidParameterError(
            f"candidate is {candidate}; allowed are 0 to {len(found) - 1}, as many as were found"
        )
    boxes = tuple(FoundDigit(one.digit.id, one.box) for one in found)
    digits = [StoredDigit(one.digit, one.inverted, one.box, one.warnings, boxes) for one in found]
    return (digits.pop(candidate), *digits)


CandidatesDep = Annotated[tuple[StoredDigit, ...], Depends(get_candidates)]


def get_upload(candidates: CandidatesDep) -> StoredDigit:
    """The chosen one of the candidates."""
    return candidates[0]


UploadDep = Annotated[StoredDigit, Depends(get_upload)]


async def _multipart(request: Request) -> bytes:
    holding = f"one file in the field named file, and at most {_FIELDS} other fields"
    with timed("receive"):
        form = await read_form(request, files=_FILES, fields=_FIELDS, holding=holding)
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise InvalidParameterError(
                "file is missing; send the image as a form field named file"
            )
        return await file.read()
    finally:
        await form.close()


def _find(request: Request, content: bytes, is_json: bool) -> tuple[PreprocessedDigit, ...]:
    services = services_of(request)
    with timed("decode"):
        grey, step = (
            (_from_json(content), 1) if is_json else decode_reduced(content, services.limits)
        )
        return find_digits(grey, step, lambda digit: _certainty(services, digit))


def _certainty(services: Services, digit: Digit) -> float:
    """Probability of the default network's prediction."""
    engine = services.registry.network(services.registry.default)
    forward, _ = run_uncached(engine, digit, AS_TRAINED)
    return float(forward.probabilities.max())


def _from_json(content: bytes) -> NDArray[np.uint8]:
    try:
        return pixels_to_grey(_PIXELS.validate_json(content).pixels)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in fault["loc"]) or "the body"
        raise InvalidParameterError(
            f"{where}: {fault['msg']}; pixels must be {_SIDE} rows of {_SIDE} finite numbers, "
            "0..255 or 0..1"
        ) from error


UPLOAD_BODY: Final[dict[str, object]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "the image: PNG, JPEG, GIF, WebP or BMP",
                        }
                    },
                }
            },
            "application/json": {"schema": Pixels.model_json_schema()},
            **{
                f"image/{name}": {"schema": {"type": "string", "format": "binary"}}
                for name in ("png", "jpeg", "gif", "webp", "bmp")
            },
        },
    }
}
