"""Digits as JSON: pixels, or the strokes of a drawing."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, Discriminator, FailFast, Field, Tag, TypeAdapter, ValidationError

from skiplens.core.digit import SIDE
from skiplens.core.drawing import Stroke, blank_paper, draw_over, draw_strokes
from skiplens.core.input_image import InputImage
from skiplens.core.manifest import Manifest
from skiplens.core.preprocessing import preprocess
from skiplens.errors import BlankImageError, InvalidParameterError
from skiplens.service.digit_store import InputRecord
from skiplens.service.services import Services

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
