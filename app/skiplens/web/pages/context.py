"""What a page is about: a digit in a network, its forward pass, and how maps are drawn."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from skiplens.engine.base import Engine
from skiplens.service.digit_store import StoredDigit
from skiplens.service.forward import ForwardPass
from skiplens.service.services import Services
from skiplens.web.links import Links
from skiplens.web.parameters import DigitDep, ForwardPassDep, NetworkDep, ServicesDep, ViewDep


@dataclass(frozen=True)
class PageContext:
    """A digit in a network; ``links`` has the display options."""

    services: Services
    engine: Engine
    stored: StoredDigit
    forward: ForwardPass
    links: Links


def get_page_context(
    services: ServicesDep,
    engine: NetworkDep,
    stored: DigitDep,
    forward: ForwardPassDep,
    parameters: ViewDep,
) -> PageContext:
    """What the path and the query name."""
    links = parameters.view(forward.manifest, forward.digit.id, forward.scales)
    return PageContext(services, engine, stored, forward, links)


PageContextDep = Annotated[PageContext, Depends(get_page_context)]
