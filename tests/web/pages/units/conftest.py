"""Sections to look into, of any layer of any network that ships."""

from collections.abc import Callable, Mapping

import pytest

from skiplens.core.digit import Digit
from skiplens.engine.base import Engine
from skiplens.service.forward import ModelRunner
from skiplens.service.registry import find_layer, parse_scales
from skiplens.service.services import Services
from skiplens.web.links import Links
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.unit import UnitQuery, UnitSection, unit_section

Explain = Callable[..., UnitSection]


@pytest.fixture
def explain(services: Services, engines: Mapping[str, Engine], digit: Digit) -> Explain:
    """Explains a value of a filter."""

    def explained(
        layer: str,
        index: int = 0,
        at: str | None = None,
        channel: int | None = None,
        network: str = "mnist-resnet",
        scale: str = "",
    ) -> UnitSection:
        engine = engines[network]
        scales = parse_scales(engine.manifest, scale)
        forward = ModelRunner().run(engine, digit, scales)
        view = Links(network, digit.id, scales)
        context = PageContext(services, engine, services.digits.get(digit.id), forward, view)
        return unit_section(
            context, find_layer(engine.manifest, layer), index, UnitQuery(at=at, channel=channel)
        )

    return explained


def number(text: str) -> float:
    """A number as a page writes it."""
    return float(text.replace("\N{MINUS SIGN}", "-").replace(",", ""))
