"""Sections to look into, of any layer of any network that ships."""

from collections.abc import Callable, Mapping

import pytest

from skiplens.core.digit import Digit
from skiplens.engine.base import Engine
from skiplens.service.forward import EngineExaminer
from skiplens.service.registry import layer_of, switched_off
from skiplens.service.services import Services
from skiplens.web.links import View
from skiplens.web.pages.context import Subject
from skiplens.web.pages.unit import UnitSection, Wish, unit_section

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
        off: str = "",
    ) -> UnitSection:
        engine = engines[network]
        blocks = switched_off(engine.manifest, off)
        examination = EngineExaminer().examine(engine, digit, blocks)
        view = View(network, digit.id, blocks)
        subject = Subject(services, engine, services.digits.get(digit.id), examination, view)
        return unit_section(
            subject, layer_of(engine.manifest, layer), index, Wish(at=at, channel=channel)
        )

    return explained


def number(text: str) -> float:
    """A number as a page writes it."""
    return float(text.replace("\N{MINUS SIGN}", "-").replace(",", ""))
