import pytest
from starlette.testclient import TestClient

from skiplens.core.input_image import Digit
from skiplens.engine.base import Engine
from tests.web.conftest import Refused

ROWS = "/api/v1/networks/mnist-rows/digits"


@pytest.mark.parametrize("query", [{}, {"target": 3}, {"scale": "block2:0"}])
def test_gradients_are_given_for_each_block_by_path(
    api: TestClient, view: str, engine: Engine, query: dict[str, str]
) -> None:
    gradients = api.get(f"{view}/gradients", params=query).json()
    assert gradients["target"] == str(query.get("target", 7))
    assert [one["block"] for one in gradients["blocks"]] == [
        block.name for block in engine.manifest.blocks
    ]
    for one in gradients["blocks"]:
        assert set(one) == {"block", "total", "identity", "residual", "cosine"}
        assert one["total"] <= (one["identity"] + one["residual"]) * (1 + 1e-5)


@pytest.mark.parametrize("query", [{}, {"target": 3}, {"scale": "block2:0"}])
def test_gradients_by_step_are_parts_of_that_at_the_first_block(
    api: TestClient, digit: Digit, query: dict[str, str]
) -> None:
    whole = api.get(f"{ROWS}/{digit.id}/gradients", params=query).json()
    found = api.get(f"{ROWS}/{digit.id}/gradients/steps", params=query).json()
    assert (found["target"], found["block"]) == (whole["target"], "block1")
    assert [one["step"] for one in found["steps"]] == [*range(28)]
    for path in ("total", "identity", "residual"):
        norm = sum(one[path] ** 2 for one in found["steps"]) ** 0.5
        assert norm == pytest.approx(whole["blocks"][0][path], rel=1e-4), path


def test_a_class_that_there_is_not_has_no_gradient_by_step(
    api: TestClient, digit: Digit, refused: Refused
) -> None:
    answer = api.get(f"{ROWS}/{digit.id}/gradients/steps?target=10")
    assert "target must be 0 to 9" in refused(answer, 422, "invalid_parameter")
