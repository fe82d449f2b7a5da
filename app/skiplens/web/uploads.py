"""Receives uploads: an image or JSON in a request becomes candidate digits, which are stored."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Final, TypeVar, TypeVarTuple

from anyio import to_thread
from fastapi import Depends, Query, Request
from pydantic import BaseModel, Discriminator, FailFast, Field, Tag, TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.drawing import Stroke, blank_paper, draw_over, draw_strokes
from skiplens.core.input_image import SIDE, Digit, InputImage
from skiplens.core.manifest import Manifest
from skiplens.core.preprocessing import pixels_to_grey, preprocess, surest_first
from skiplens.core.timing import timed
from skiplens.errors import BlankImageError, InvalidParameterError, UnsupportedFormatError
from skiplens.service.admission import Place, Places
from skiplens.service.digit_store import FoundDigit, InputRecord
from skiplens.service.forward import run_uncached
from skiplens.service.services import Services
from skiplens.web.http.client_address import client_of
from skiplens.web.parameters import services_of

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
# Lists fail fast: a fault of each item of a long one would take a second to tell.
Row = Annotated[list[Number], Field(min_length=SIDE, max_length=SIDE), FailFast()]


class Pixels(BaseModel):
    """A digit as numbers, 0..255 or 0..1."""

    pixels: Annotated[
        list[Row],
        Field(
            min_length=SIDE,
            max_length=SIDE,
            description="28 rows of 28 numbers, all within 0..1 or else within 0..255",
        ),
        FailFast(),
    ]


Share = Annotated[float, Field(strict=True, ge=-1, le=2, allow_inf_nan=False)]


class StrokePoints(BaseModel):
    """A line of the pen."""

    points: Annotated[
        list[tuple[Share, Share, Share]],
        Field(
            min_length=1,
            description="x, y and width of each point, as shares of the side of the square, or of "
            "the longer side of another image",
        ),
        FailFast(),
    ]
    erase: Annotated[bool, Field(description="whether it takes ink away")] = False
    colour: Annotated[
        str | None,
        Field(
            pattern="^#[0-9a-f]{6}$",
            description="of the pen, for a network of other images than digits; black by default, "
            "or white where images are grey",
        ),
    ] = None


class Drawing(BaseModel):
    """A digit as strokes on a square, or another image as strokes in colour."""

    strokes: Annotated[list[StrokePoints], Field(description="in drawing order"), FailFast()]
    over: Annotated[
        str | None,
        Field(max_length=64, description="id of what is drawn over; by default blank paper"),
    ] = None


def _kind(body: Any) -> str:  # noqa: ANN401  # any JSON value
    return "strokes" if isinstance(body, dict) and "strokes" in body else "pixels"


_JSON_DIGIT: Final[TypeAdapter[Pixels | Drawing]] = TypeAdapter(
    Annotated[
        Annotated[Pixels, Tag("pixels")] | Annotated[Drawing, Tag("strokes")],
        Discriminator(_kind),
    ]
)


def read_drawing(drawing: Drawing, services: Services, network: Manifest) -> InputRecord:
    """What strokes make for a network, a digit or another image; without strokes, what is drawn
    over.

    Raises:
        UnknownDigitError: there is no such digit to draw over.
        BlankImageError: nothing is drawn.
        InvalidParameterError: there are too many strokes or points.
    """
    limits = services.limits
    points = max((len(stroke.points) for stroke in drawing.strokes), default=0)
    if len(drawing.strokes) > limits.strokes or points > limits.points:
        raise InvalidParameterError(
            f"strokes: there may be at most {limits.strokes:,}, of {limits.points:,} points each"
        )
    under = services.digits.get(drawing.over) if drawing.over else None
    if under and not drawing.strokes:
        return under
    strokes = [Stroke(stroke.points, stroke.erase, stroke.colour) for stroke in drawing.strokes]
    if not network.takes_digits:
        if under is None and all(stroke.erase for stroke in strokes):
            raise BlankImageError("image is blank: nothing is drawn")
        shape = network.input_shape
        image = under.image.fitted(shape, network.input.fit) if under else blank_paper(shape)
        return InputRecord.of_image(InputImage.of(draw_over(strokes, image, limits)))
    over = under.image.fitted((SIDE, SIDE, 1), "crop") if under else None
    return InputRecord.of_preprocessed(preprocess(draw_strokes(strokes, over, limits)))


def parse_json_digit(content: bytes) -> Pixels | Drawing:
    """A digit as JSON.

    Raises:
        InvalidParameterError: it is no such digit; the message has the first fault.
    """
    try:
        return _JSON_DIGIT.validate_json(content)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        kind, *path = fault["loc"] or ("pixels",)
        where = ".".join(map(str, path)) or "the body"
        raise InvalidParameterError(f"{where}: {fault['msg']}; {_RULES[str(kind)]}") from error


def _inlined(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a model, with its definitions in the place of the references to them."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def expand(node: Any) -> Any:  # noqa: ANN401  # any JSON value
        if isinstance(node, list):
            return [expand(item) for item in node]
        if not isinstance(node, dict):
            return node
        name = str(node.get("$ref", "")).removeprefix("#/$defs/")
        if name:
            return expand(definitions[name])
        return {key: expand(value) for key, value in node.items()}

    expanded: dict[str, Any] = expand(schema)
    return expanded


_RULES: Final = {
    "pixels": f"pixels must be {SIDE} rows of {SIDE} finite numbers, 0..255 or 0..1",
    "strokes": "strokes must be lists of points, each x, y and width as shares of the side",
}


# Without references: the document that it becomes part of has no such definitions.
JSON_SCHEMA: Final = {"oneOf": [Pixels.model_json_schema(), _inlined(Drawing)]}


_Written = TypeVar("_Written")
_Given = TypeVarTuple("_Given")


async def read_form(request: Request, *, files: int, holding: str) -> FormData:
    """The form of a request, URL-encoded or multipart; the caller closes it.

    Args:
        request: request with the form.
        files: maximum number of files.
        holding: expected content, for the error message.

    Raises:
        InvalidParameterError: the form is malformed or has too many fields.
        TooLargeError: the body is larger than the limit.
        RequestTimeoutError: the body did not arrive in time.
    """
    most = request.app.state.settings.max_form_fields
    given = request.headers.get("content-type", "").lower()
    if given.startswith(_MULTIPART) and "charset" in _UTF_8.sub("", given):
        # Python never forgets the name of a charset that it was asked for.
        raise InvalidParameterError(
            f"the form cannot be read (unknown charset); it must hold {holding}"
        )
    try:
        return await request.form(max_files=files, max_fields=most)
    except (HTTPException, ValueError) as error:  # an unknown charset raises several errors
        reason = error.detail.rstrip(".") if isinstance(error, HTTPException) else "unknown charset"
        raise InvalidParameterError(
            f"the form cannot be read ({reason}); it must hold {holding}"
        ) from error


_MULTIPART: Final = "multipart/form-data"
_UTF_8: Final = re.compile(r'charset="?utf-8"?(?=[;\s]|$)')
_JSON: Final = "application/json"
_RAW: Final = ("image/", "application/octet-stream")

CandidateQuery = Annotated[
    int,
    Query(
        ge=0,
        description="which of the candidates in the image to take; 0 is the most likely, and "
        "`candidates` of an answer lists them",
        examples=[1],
    ),
]


NetworkQuery = Annotated[
    str | None,
    Query(
        max_length=64,
        description="id of the network that the image is for: one of other images than digits "
        "gets it in colour, and as it is; by default the first network of digits",
        examples=["mnist-resnet"],
    ),
]


async def get_candidates(
    request: Request, candidate: CandidateQuery = 0
) -> tuple[InputRecord, ...]:
    """Candidate digits in the upload, the chosen one first; preprocessed but not stored. Of
    an image for a network of other images there is one.

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
            "application/json with 28 x 28 pixels or strokes"
        )
    if not content:
        raise InvalidParameterError("file is empty; an image of at least one byte is needed")
    registry = services_of(request).registry
    named = request.path_params.get("network") or request.query_params.get("network")
    engine = registry.network(named or registry.for_digits)
    if kind == _JSON:
        found = await _from_json(request, content, engine.manifest)
    elif engine.manifest.takes_digits:
        found = await _from_image(request, content)
    else:
        found = await _picture(request, content)
    if candidate >= len(found):
        raise InvalidParameterError(
            f"candidate is {candidate}; allowed are 0 to {len(found) - 1}, as many as were found"
        )
    boxes = tuple(
        FoundDigit(one.image.id, one.box) for one in found if isinstance(one.image, Digit)
    )
    candidates = [replace(one, candidates=boxes) for one in found]
    return (candidates.pop(candidate), *candidates)


CandidatesDep = Annotated[tuple[InputRecord, ...], Depends(get_candidates)]


async def get_upload(candidates: CandidatesDep) -> InputRecord:
    """The chosen one of the candidates."""
    return candidates[0]


UploadDep = Annotated[InputRecord, Depends(get_upload)]


def _place(request: Request) -> Place:
    place: Place = request.scope["skiplens.place"]
    return place


async def take_place(request: Request) -> None:
    """Wait for a place to compute in; a request with a body does once that is here and decoded.

    Raises:
        BusyError: none was free in time.
    """
    await _place(request).take()


async def store(request: Request, candidates: tuple[InputRecord, ...]) -> InputRecord:
    """Store an upload, one at a time; others may compute meanwhile. Returns the chosen candidate.

    Raises:
        StorageError, BusyError: it cannot be stored now.
    """
    put = services_of(request).digits.put_first
    return await write(request, put, candidates, client_of(request.scope))


async def write(
    request: Request, action: Callable[[*_Given], _Written], *given: *_Given
) -> _Written:
    """The result of what writes into the store, one at a time.

    Raises:
        StorageError, BusyError: it cannot be stored now.
    """
    _place(request).give()
    writing: Places = request.app.state.writing
    async with writing.place(client_of(request.scope)):
        return await to_thread.run_sync(action, *given)


async def _multipart(request: Request) -> bytes:
    with timed("receive"):
        form = await read_form(request, files=1, holding="one file in the field named file")
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise InvalidParameterError(
                "file is missing; send the image as a form field named file"
            )
        return await file.read()
    finally:
        await form.close()


async def _from_json(
    request: Request, content: bytes, network: Manifest
) -> tuple[InputRecord, ...]:
    services = services_of(request)

    def read() -> InputRecord:
        with timed("decode"):
            given = parse_json_digit(content)
            if isinstance(given, Drawing):
                return read_drawing(given, services, network)
            pixels = pixels_to_grey(given.pixels)
            if not network.takes_digits:
                return InputRecord.of_image(InputImage.of(pixels))
            return InputRecord.of_preprocessed(preprocess(pixels))

    await take_place(request)
    return (await to_thread.run_sync(read),)


async def _from_image(request: Request, content: bytes) -> tuple[InputRecord, ...]:
    """All candidates, each without the others. The first network of digits decides where they are
    about as likely.
    """
    services = services_of(request)

    def certainty(digit: Digit) -> float:
        """Probability of the network's prediction."""
        engine = services.registry.network(services.registry.for_digits)
        return float(run_uncached(engine, digit, AS_TRAINED)[0].probabilities.max())

    with timed("decode"):
        found = await services.decoding.find_digits(content, client_of(request.scope))
    await take_place(request)
    if len(found) > 1:
        found = await to_thread.run_sync(surest_first, found, certainty)
    return tuple(map(InputRecord.of_preprocessed, found))


async def _picture(request: Request, content: bytes) -> tuple[InputRecord, ...]:
    """An image as it is, for a network of other images than digits."""
    with timed("decode"):
        found = await services_of(request).decoding.read_picture(content, client_of(request.scope))
    await take_place(request)
    return (InputRecord.of_image(found),)


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
            "application/json": {"schema": JSON_SCHEMA},
            **{
                kind: {"schema": {"type": "string", "format": "binary"}}
                for kind in (
                    *(f"image/{name}" for name in ("png", "jpeg", "gif", "webp", "bmp")),
                    "application/octet-stream",
                )
            },
        },
    }
}
