"""What a page is about: a digit in a network, examined, and looked at in some way."""

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
    """What a page is about.

    Attributes:
        services: the rest of what there is.
        engine: the network.
        stored: the digit.
        forward: what the network computes for it.
        view: how it is looked at, and every link.
    """

    services: Services
    engine: Engine
    stored: StoredDigit
    forward: ForwardPass
    view: Links


def get_page_context(
    services: ServicesDep,
    engine: NetworkDep,
    stored: DigitDep,
    forward: ForwardPassDep,
    parameters: ViewDep,
) -> PageContext:
    """What the path and the query name."""
    view = parameters.view(forward.manifest, forward.digit.id, forward.scales)
    return PageContext(services, engine, stored, forward, view)


PageContextDep = Annotated[PageContext, Depends(get_page_context)]
