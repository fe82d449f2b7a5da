"""What is exported: a digit in a network, examined, and how its pictures are drawn."""

from dataclasses import dataclass, field
from pathlib import Path

from app.core.decoding import ImageLimits, decode
from app.core.preparation import prepare
from app.engine.protocol import Engine
from app.errors import ExportError, InvalidParameterError
from app.service.catalogue import switched_off
from app.service.digits import StoredDigit
from app.service.examination import Examination
from app.service.grids import GridOptions
from app.service.services import Services


@dataclass(frozen=True)
class Wish:
    """What a caller asks for; what is left open is as on the first page.

    Attributes:
        network: id.
        digit: id of a sample or a stored digit.
        image: file with a digit, in place of an id; it is prepared and not stored.
        off: names of blocks to switch off, with commas between.
        options: how pictures are drawn.
    """

    network: str | None = None
    digit: str | None = None
    image: Path | None = None
    off: str | None = None
    options: GridOptions = field(default_factory=GridOptions)


@dataclass(frozen=True)
class Exhibit:
    """What is exported.

    Attributes:
        engine: the network.
        stored: the digit.
        examination: what the network computes for it.
        whole: the same with every block on.
        options: how pictures are drawn.
    """

    engine: Engine
    stored: StoredDigit
    examination: Examination
    whole: Examination
    options: GridOptions


def open_exhibit(services: Services, wish: Wish) -> Exhibit:
    """Look up and compute what is asked for.

    Raises:
        NotFoundError: there is no such network, digit or block.
        InvalidParameterError: both a digit and an image are given, the block cannot be switched
            off, or the image holds no digit that can be read.
        ExportError: the image file cannot be opened.
    """
    engine = services.catalogue.network(wish.network or services.catalogue.default)
    off = switched_off(engine.manifest, wish.off)
    stored = _digit(services, wish)
    examine = services.examiner.examine
    return Exhibit(
        engine,
        stored,
        examine(engine, stored.digit, off),
        examine(engine, stored.digit, ()),
        wish.options,
    )


def _digit(services: Services, wish: Wish) -> StoredDigit:
    if wish.digit is not None and wish.image is not None:
        raise InvalidParameterError("digit and image are both given; only one of them can be")
    if wish.image is not None:
        return _prepared(wish.image, services.limits)
    return services.digits.get(wish.digit) if wish.digit is not None else services.welcome


def _prepared(path: Path, limits: ImageLimits) -> StoredDigit:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ExportError(f"image {path} cannot be opened: {error.strerror}") from error
    found = prepare(decode(content, limits))
    return StoredDigit(found.digit, found.inverted, found.box, found.warnings)
