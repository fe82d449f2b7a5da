"""The subject of a page: a digit in a network, its forward pass, and how maps are drawn."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query

from skiplens.core.manifest import Manifest
from skiplens.engine.base import Engine
from skiplens.service.digit_store import InputRecord
from skiplens.service.forward import ForwardPass
from skiplens.service.services import Services
from skiplens.web.links import Links
from skiplens.web.parameters import (
    DigitDep,
    ForwardPassDep,
    NetworkDep,
    ServicesDep,
    ViewDep,
    ViewParameters,
    parse_scales,
)


@dataclass(frozen=True)
class PageContext:
    """A digit in a network; ``links`` has the display options."""

    services: Services
    engine: Engine
    stored: InputRecord
    forward: ForwardPass
    links: Links
    find: str = ""
    """Part of the names of classes to show."""


def get_page_context(
    services: ServicesDep,
    engine: NetworkDep,
    stored: DigitDep,
    forward: ForwardPassDep,
    parameters: ViewDep,
) -> PageContext:
    """The subject that path and query name."""
    links = parameters.view(forward.manifest, forward.digit.id, forward.scales)
    return PageContext(services, engine, stored, forward, links, parameters.find.strip())


def known_label(stored: InputRecord, manifest: Manifest) -> int | None:
    """The class of an input as a network counts them, if it is known: that of a digit, in a network
    that classifies digits.
    """
    return stored.label if manifest.classifies_digits else None


PageContextDep = Annotated[PageContext, Depends(get_page_context)]


def open_page(
    services: Services, engine: Engine, stored: InputRecord, parameters: ViewParameters
) -> PageContext:
    """A digit in a network as the query shows it, where the path names none."""
    scales = parse_scales(engine.manifest, parameters.scale)
    forward = services.runner.run(engine, stored.image, scales)
    return get_page_context(services, engine, stored, forward, parameters)


def get_network_context(
    services: ServicesDep,
    engine: NetworkDep,
    parameters: ViewDep,
    digit: Annotated[str | None, Query(max_length=64)] = None,
) -> PageContext:
    """The subject that path and query name, on a page whose path has no digit."""
    stored = services.digits.get(digit) if digit else services.default_input(engine.manifest)
    return open_page(services, engine, stored, parameters)
