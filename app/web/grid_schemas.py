"""The API's answers about grids, field by field."""

from typing import Self

from pydantic import BaseModel, Field

from app.service.grids import Grid
from app.web.schemas import Pair


class GridCell(BaseModel):
    """One map in a grid."""

    filter: int
    box: tuple[int, int, int, int] = Field(description="x, y, width, height in the picture")
    range: Pair = Field(description="values at the two ends of the palette")
    dead: bool
    constant: bool


class GridDescription(BaseModel):
    """A grid in words."""

    width: int
    height: int
    zoom: int
    columns: int
    palette: str
    diverging: bool = Field(description="whether the palette is the signed one, centred on zero")
    normalize: str
    sort: str
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
