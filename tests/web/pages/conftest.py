"""Pages to look at."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from skiplens.core.input_image import Digit
from skiplens.web import links
from tests.web.pages.markup import Markup

NETWORK = "mnist-resnet"
Look = Callable[[str], Markup]


@pytest.fixture
def look(api: TestClient) -> Look:
    """Fetches a page that must be there."""

    def looked(address: str) -> Markup:
        response = api.get(address)
        assert response.status_code == 200, (address, response.text[:300])
        return Markup(response.text)

    return looked


@pytest.fixture
def gallery(digit: Digit) -> str:
    """The gallery of a digit in the default network."""
    return links.gallery(NETWORK, digit.id)
