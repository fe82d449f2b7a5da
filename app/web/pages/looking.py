"""How a page is asked for: the parameters that all of them take."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query

from app.core.manifest import Manifest
from app.core.ordering import Sort
from app.core.palettes import PaletteName
from app.core.scaling import Normalisation
from app.web.dependencies import Off
from app.web.pages.view import DEFAULT, View


@dataclass(frozen=True)
class ViewParameters:
    """How a page is looked at; the same on every page.

    ``off`` is here as text, for the form that hands it on; what it means to a network is looked up
    by :func:`app.service.catalogue.switched_off`.
    """

    off: Off = None
    normalize: Annotated[Normalisation, Query(description="what shares one range of values")] = (
        DEFAULT.normalisation
    )
    palette: Annotated[PaletteName, Query(description="pair of palettes")] = DEFAULT.palette
    sort: Annotated[Sort, Query(description="order of a layer's maps")] = DEFAULT.sort

    def view(self, network: Manifest, digit: str, off: tuple[str, ...]) -> View:
        """The view of a digit in a network; ``off`` is what is switched off there."""
        chosen = (self.normalize, self.palette, self.sort)
        return View(network.id, digit, off, *chosen, version=network.version)


ViewDep = Annotated[ViewParameters, Depends()]
