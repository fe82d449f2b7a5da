import pytest
from starlette.testclient import TestClient

from skiplens.core.ladder import KINDS, LADDER
from tests.web.conftest import NETWORK, Refused


def test_every_run_of_the_ladder_is_told(api: TestClient) -> None:
    runs = api.get("/api/v1/experiments/depth").json()["runs"]
    first = [(run["kind"], run["blocks"]) for run in runs if run["seed"] == 0]
    assert first == [(kind, blocks) for kind in KINDS for blocks in LADDER]
    for run in runs:
        assert 0.9 < run["test_accuracy"] < 1
        assert len(run["history"]["gradients"][0]["stream"]) == run["blocks"] + 1


def test_removed_blocks_cost_accuracy(api: TestClient) -> None:
    found = api.get(f"{NETWORK}/experiments/removal").json()
    (curve,) = found["curves"]
    assert [point["x"] for point in curve["points"]] == [*range(7)]
    assert [point["runs"] for point in curve["points"]] == [1, 6, 15, 20, 15, 6, 1]
    assert curve["points"][0]["mean"] > 0.98
    assert curve["points"][3]["mean"] < 0.5
    assert found["digits"] == 1000


def test_a_factor_of_one_is_the_network_as_trained(api: TestClient) -> None:
    curves = api.get(f"{NETWORK}/experiments/scale").json()["curves"]
    assert [curve["name"] for curve in curves] == ["all", *(f"block{n}" for n in range(1, 7))]
    trained = {point["mean"] for curve in curves for point in curve["points"] if point["x"] == 1.0}
    assert len(trained) == 1
    removal = api.get(f"{NETWORK}/experiments/removal").json()["curves"][0]["points"]
    assert trained == {removal[0]["mean"]}
    assert curves[0]["points"][0]["mean"] == pytest.approx(removal[-1]["mean"])


def test_what_was_not_measured_says_so(api: TestClient, refused: Refused) -> None:
    address = NETWORK.replace("mnist-resnet", "mnist-classic")
    assert "skiplens experiments" in refused(
        api.get(f"{address}/experiments/order"), 404, "not_measured"
    )
    refused(api.get(f"{NETWORK}/experiments/alchemy"), 422, "invalid_parameter")
