"""The API's answers about matrices of maps, field by field."""

from typing import Self

from pydantic import BaseModel, Field

from app.service.matrices import Matrix
from app.web.fields import (
    EndsOfPalette,
    LayerName,
    PaletteUsed,
    PictureHeight,
    PictureWidth,
    Zoom,
)


class MatrixRow(BaseModel):
    """One row of a matrix."""

    role: str = Field(
        description="`x`, `projected x`, `F(x)`, `gate`, `sum` or `output` in a strip; in a "
        "stream's matrix the name of the block",
        examples=["F(x)"],
    )
    layer: LayerName = Field(examples=["block1.residual"])
    range: EndsOfPalette = Field(examples=[(-8.21, 8.21)])
    first: int = Field(description="column of its first filter, from 0", examples=[0])
    filters: int = Field(description="how many it has", examples=[16])


class MatrixDescription(BaseModel):
    """A matrix of maps in words: rows are layers, columns are filters."""

    width: PictureWidth = Field(examples=[930])
    height: PictureHeight = Field(examples=[241])
    zoom: Zoom = Field(examples=[2])
    palette: PaletteUsed
    columns: int = Field(description="one for each filter", examples=[16])
    rows: list[MatrixRow] = Field(description="top to bottom")
    boxes: list[tuple[int, int, int, int]] = Field(
        description="of each map, row by row: x, y, width, height in the picture",
        examples=[[(2, 9, 56, 56), (60, 9, 56, 56)]],
    )

    @classmethod
    def of(cls, matrix: Matrix) -> Self:
        """Describe a matrix."""
        return cls(
            width=matrix.geometry.width,
            height=matrix.geometry.height,
            zoom=matrix.geometry.zoom,
            palette=matrix.palette,
            columns=matrix.geometry.columns,
            rows=[
                MatrixRow(
                    role=row.role,
                    layer=row.layer.name,
                    range=row.range,
                    first=row.first,
                    filters=row.layer.filters,
                )
                for row in matrix.rows
            ],
            boxes=list(matrix.geometry.boxes),
        )
