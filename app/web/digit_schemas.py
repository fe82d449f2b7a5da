"""The API's answers about digits, field by field."""

from typing import Self

from pydantic import BaseModel, Field

from app.service.digits import StoredDigit
from app.web import urls
from app.web.fields import (
    DigitId,
    DigitUrl,
    GalleryUrl,
    InkBox,
    InputUrl,
    Inverted,
    Label,
    Warnings,
)


class Sample(BaseModel):
    """A digit that ships."""

    id: DigitId
    label: Label
    style: str = Field(
        description="how it is shaped, in a word; `ambiguous` where people may disagree",
        examples=["plain"],
    )
    url: DigitUrl
    input_url: InputUrl
    page_url: GalleryUrl


class Digit(BaseModel):
    """A digit and how it came about."""

    id: DigitId
    url: DigitUrl
    input_url: InputUrl
    page_url: GalleryUrl
    inverted: Inverted
    box: InkBox
    warnings: Warnings
    label: int | None = Field(
        description="what it is meant to be, 0 to 9; null where it is neither a sample nor of the "
        "data set",
        examples=[7],
    )
    index: int | None = Field(
        description="its place in the data set, from 0; null where it is not of it",
        examples=[None],
    )

    @classmethod
    def of(cls, stored: StoredDigit, network: str) -> Self:
        """Describe a stored digit; its page is that of ``network``."""
        digit = stored.digit.id
        return cls(
            id=digit,
            url=urls.api_digit(digit),
            input_url=urls.input_png(digit),
            page_url=urls.gallery(network, digit),
            inverted=stored.inverted,
            box=stored.box,
            warnings=list(stored.warnings),
            label=stored.label,
            index=stored.place,
        )
