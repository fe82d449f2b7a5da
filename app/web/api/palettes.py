"""The palettes, colour by colour: what a client needs to draw maps as the server does."""

from typing import Final, Self

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, TypeAdapter

from app.core.palettes import CLEAR_LEVEL, COLOURS, FLAG_LEVEL, LABEL_LEVEL, PaletteName, colours
from app.core.scaling import TOP_LEVEL
from app.web.responses import revalidated

JSON: Final = "application/json"
_LEVELS: Final = (
    f"sRGB of the {COLOURS} levels as hex digits, six a level: 0 to {TOP_LEVEL} are the values, "
    f"{FLAG_LEVEL} frames a map that says nothing, {LABEL_LEVEL} is an index, "
    f"{CLEAR_LEVEL} is transparent"
)


class Palette(BaseModel):
    """One pair of palettes."""

    name: str = Field(description="as palette= takes it", examples=["dusk"])
    sequential: str = Field(
        description=f"for values that are never negative: {_LEVELS}",
        examples=[colours(PaletteName.DUSK, diverging=False).tobytes().hex()],
    )
    diverging: str = Field(
        description=f"for signed values, zero at level {TOP_LEVEL // 2}: {_LEVELS}",
        examples=[colours(PaletteName.DUSK, diverging=True).tobytes().hex()],
    )

    @classmethod
    def of(cls, name: PaletteName) -> Self:
        """Describe a pair."""
        return cls(
            name=name,
            sequential=colours(name, diverging=False).tobytes().hex(),
            diverging=colours(name, diverging=True).tobytes().hex(),
        )


router = APIRouter(tags=["palettes"])
_LIST: Final = TypeAdapter(list[Palette])


@router.get("/palettes", summary="Every palette, colour by colour", response_model=list[Palette])
def palettes(request: Request) -> Response:
    found = [Palette.of(name) for name in PaletteName]
    return revalidated(request, _LIST.dump_json(found), JSON)
