"""The API's interactive documentation: Swagger UI, from our own server and under our policy."""

from dataclasses import dataclass
from typing import ClassVar

from app.web.pages.rendering import Page


@dataclass(frozen=True)
class DocsPage(Page):
    """The page that Swagger UI fills."""

    template: ClassVar[str] = "docs.html"
