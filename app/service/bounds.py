"""How large a picture may be that is drawn on request."""

from typing import Final

from app.core.geometry import Geometry
from app.errors import InvalidParameterError

MAX_PIXELS: Final = 16_000_000


def bounded(layout: Geometry) -> Geometry:
    """The layout of a picture that is not too large to draw.

    Raises:
        InvalidParameterError: it would have more than 16 million pixels.
    """
    if layout.width * layout.height > MAX_PIXELS:
        raise InvalidParameterError(
            f"zoom {layout.zoom} with {layout.columns} columns gives {layout.width} x "
            f"{layout.height} pixels; at most {MAX_PIXELS} are allowed"
        )
    return layout
