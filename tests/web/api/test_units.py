"""One value and its arithmetic over HTTP."""

import numpy as np
import pytest
from starlette.testclient import TestClient

from skiplens.core.input_image import Digit
from skiplens.engine.base import Engine
from tests.web.conftest import Refused


def test_a_convolution_adds_up_from_what_is_sent(api: TestClient, view: str) -> None:
    unit = api.get(f"{view}/layers/block1.conv1/filters/3/units/5,12").json()
    assert (unit["layer"], unit["filter"], unit["row"], unit["column"]) == (
        *("block1.conv1", 3),
        *(5, 12),
    )
    assert unit["inputs"] == ["stem.output"]
    found = unit["arithmetic"]
    assert (found["kind"], found["corner"], len(found["channels"])) == ("convolution", [4, 11], 16)
    total = found["bias"] or 0.0
    for channel in found["channels"]:
        own = float((np.array(channel["patch"]) * np.array(channel["kernel"])).sum())
        assert own == pytest.approx(channel["sum"])
        total += own
    assert total == pytest.approx(found["total"])
    assert unit["result"] == found["total"]
    assert unit["value"] == pytest.approx(unit["result"], rel=1e-4)


def test_every_layer_is_answered_and_its_inputs_lead_on(
    api: TestClient, view: str, engine: Engine
) -> None:
    names = {layer.name for layer in engine.manifest.layers}
    kinds = set()
    for layer in engine.manifest.layers:
        unit = api.get(f"{view}/layers/{layer.name}/filters/0/units/0,0").json()
        kinds.add(unit["arithmetic"]["kind"])
        assert unit["result"] == pytest.approx(unit["value"], rel=1e-4, abs=1e-5)
        assert set(unit["inputs"]) <= names | {"input"}
    assert kinds == {
        *("convolution", "batch_norm", "application", "merge"),
        *("pooling", "weighted_sum", "softmax"),
    }


@pytest.mark.parametrize(("unit", "before"), [(7, 13), (40, 15)])
def test_a_state_of_a_gru_adds_up_from_what_is_sent(
    api: TestClient, digit: Digit, unit: int, before: int
) -> None:
    layers = f"/api/v1/networks/mnist-rows/digits/{digit.id}/layers"
    states = f"{layers}/block1.states/filters/{unit}/units/0"
    found = api.get(f"{states},14").json()
    parts = found["arithmetic"]
    assert (parts["kind"], parts["step_before"]) == ("gru_state", before)
    assert parts["before"] == api.get(f"{states},{before}").json()["value"]
    z, r = (1 / (1 + np.exp(-sum(parts[gate]))) for gate in ("update", "reset"))
    candidate = np.tanh(parts["candidate"][0] + r * parts["candidate"][1])
    assert found["result"] == pytest.approx(z * parts["before"] + (1 - z) * candidate)
    assert found["value"] == pytest.approx(found["result"], rel=1e-4)
    gate = api.get(f"{layers}/block1.states.update/filters/{unit}/units/0,14").json()
    assert (gate["arithmetic"]["kind"], gate["arithmetic"]["terms"]) == (
        *("gru_gate", parts["update"]),
    )
    assert gate["value"] == pytest.approx(z, rel=1e-4)


def test_the_unit_of_a_disabled_block_says_so(api: TestClient, view: str) -> None:
    address = f"{view}/layers/block1.residual/filters/0/units/9,9"
    assert api.get(address).json()["arithmetic"]["branch_scale"] == 1
    found = api.get(f"{address}?scale=block1:0").json()
    assert (found["value"], found["arithmetic"]["branch_scale"]) == (0, 0)


@pytest.mark.parametrize(
    ("unit", "status", "code"),
    [
        ("filters/16/units/0,0", 404, "unknown_filter"),
        ("filters/0/units/28,0", 404, "unknown_unit"),
        ("filters/0/units/-1,0", 422, "invalid_parameter"),
        ("filters/0/units/a,b", 422, "invalid_parameter"),
        (f"filters/0/units/{'9' * 5000},0", 422, "invalid_parameter"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_invalid_units(
    api: TestClient, view: str, refused: Refused, unit: str, status: int, code: str
) -> None:
    detail = refused(api.get(f"{view}/layers/block1.output/{unit}"), status, code)
    assert len(detail) < 200


def test_the_schema_discriminates_the_kinds_of_arithmetic(api: TestClient) -> None:
    schemas = api.get("/openapi.json").json()["components"]["schemas"]
    arithmetic = schemas["UnitValue"]["properties"]["arithmetic"]["anyOf"][0]
    assert len(arithmetic["discriminator"]["mapping"]) == 9
