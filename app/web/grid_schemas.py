"""The API's answers about grids, field by field."""

from typing import Self

from pydantic import BaseModel, Field

from app.service.grids import Grid
from app.web.fields import (
    EndsOfPalette,
    FilterIndex,
    PaletteUsed,
    PictureHeight,
    PictureWidth,
    Zoom,
)


class GridCell(BaseModel):
    """One map in a grid."""

    filter: FilterIndex
    box: tuple[int, int, int, int] = Field(
        description="x, y, width, height in the picture", examples=[(2, 9, 84, 84)]
    )
    range: EndsOfPalette = Field(examples=[(0.0, 8.21)])
    dead: bool = Field(description="every position is zero", examples=[False])
    constant: bool = Field(
        description="every position has the same value, so that the map is drawn flat",
        examples=[False],
    )


class GridDescription(BaseModel):
    """A grid in words."""

    width: PictureWidth = Field(examples=[88])
    height: PictureHeight = Field(examples=[95])
    zoom: Zoom = Field(examples=[3])
    columns: int = Field(description="maps in a row", examples=[1])
    palette: PaletteUsed
    diverging: bool = Field(
        description="whether the palette is the signed one, centred on zero", examples=[False]
    )
    normalize: str = Field(
        description="what shares one range, as normalize= takes it; `layer` where `block` comes "
        "to that",
        examples=["block"],
    )
    sort: str = Field(description="order of the maps, as sort= takes it", examples=["index"])
    cells: list[GridCell] = Field(description="in the order of the picture, row by row")

    @classmethod
    def of(cls, grid: Grid) -> Self:
        """Describe a grid."""
        return cls(
            width=grid.geometry.width,
            height=grid.geometry.height,
            zoom=grid.geometry.zoom,
            columns=grid.geometry.columns,
            palette=grid.options.palette,
            diverging=grid.diverging,
            normalize=grid.options.normalisation,
            sort=grid.options.sort,
            cells=[GridCell(**vars(cell)) for cell in grid.cells],
        )
