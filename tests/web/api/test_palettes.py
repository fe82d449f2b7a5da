"""The palettes, colour by colour."""

import numpy as np
from starlette.testclient import TestClient

from skiplens.core.colormaps import PaletteName, colours
from skiplens.web.links import PALETTES


def test_every_palette_is_served_level_by_level(api: TestClient) -> None:
    served = api.get(PALETTES).json()
    assert [one["name"] for one in served] == list(PaletteName)
    for one in served:
        for kind, diverging in (("sequential", False), ("diverging", True)):
            table = np.frombuffer(bytes.fromhex(one[kind]), np.uint8).reshape(256, 3)
            np.testing.assert_array_equal(
                table, colours(PaletteName(one["name"]), diverging=diverging)
            )
