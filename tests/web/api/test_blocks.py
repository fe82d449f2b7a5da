import io

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from skiplens.core.input_image import Digit
from skiplens.engine.base import Engine
from tests.web.conftest import Refused

FIGURES = {"block", "norm_x", "norm_residual", "norm_sum", "ratio", "cosine", "relu_zeroed"}


def test_blocks_have_their_metrics_in_forward_order(
    api: TestClient, view: str, engine: Engine
) -> None:
    blocks = api.get(f"{view}/blocks").json()["blocks"]
    assert [one["block"] for one in blocks] == [block.name for block in engine.manifest.blocks]
    assert set(blocks[0]) == FIGURES
    for one in blocks:
        assert one["ratio"] == pytest.approx(one["norm_residual"] / one["norm_x"])
        assert -1 <= one["cosine"] <= 1
        assert 0 <= one["relu_zeroed"] <= 1


def test_one_block_has_the_same_metrics_and_those_of_each_filter(
    api: TestClient, view: str
) -> None:
    listed = api.get(f"{view}/blocks").json()["blocks"][0]
    one = api.get(f"{view}/blocks/block1").json()
    assert {name: one[name] for name in FIGURES} == listed
    total = sum(part["norm_sum"] ** 2 for part in one["filters"]) ** 0.5
    assert total == pytest.approx(one["norm_sum"], rel=1e-5)


def test_a_filter_has_every_metric(api: TestClient, view: str) -> None:
    found = api.get(f"{view}/blocks/block1").json()["filters"]
    assert [one["filter"] for one in found] == [*range(16)]
    for one in found:
        assert set(one) == {"filter", *FIGURES} - {"block"}
        assert one["ratio"] == pytest.approx(one["norm_residual"] / one["norm_x"])


def test_a_disabled_block_adds_nothing(api: TestClient, view: str) -> None:
    one = api.get(f"{view}/blocks/block2", params={"scale": "block2:0"}).json()
    assert (one["norm_residual"], one["ratio"]) == (0, 0)
    assert one["norm_sum"] == pytest.approx(one["norm_x"])


def test_block_maps_show_x_f_sum_and_output_with_one_range(api: TestClient, view: str) -> None:
    query: dict[str, str | int] = {"zoom": 1, "palette": "grey"}
    words = api.get(f"{view}/blocks/block1/maps.json", params=query).json()
    assert [row["role"] for row in words["rows"]] == ["x", "F(x)", "sum", "output"]
    assert len({tuple(row["range"]) for row in words["rows"]}) == 1
    assert len(words["boxes"]) == 4 * words["columns"]
    assert {(row["first"], row["filters"]) for row in words["rows"]} == {(0, words["columns"])}
    picture = api.get(f"{view}/blocks/block1/maps.png", params=query)
    with Image.open(io.BytesIO(picture.content)) as image:
        assert image.size == (words["width"], words["height"])


def test_stages_and_their_maps(api: TestClient, view: str) -> None:
    stages = api.get(f"{view}/stages").json()
    assert [one["stage"] for one in stages] == [1, 2, 3]
    words = api.get(f"{view}/stages/2/maps.json", params={"role": "residual"}).json()
    assert [row["role"] for row in words["rows"]] == stages[1]["blocks"]
    assert words["diverging"]
    outputs = api.get(f"{view}/stages/2/maps.json", params={"role": "output"}).json()
    assert not outputs["diverging"]
    assert {row["range"][0] for row in outputs["rows"]} == {0}
    assert words["columns"] == stages[1]["shape"][2]
    picture = api.get(f"{view}/stages/2/maps.png", params={"role": "residual"})
    with Image.open(io.BytesIO(picture.content)) as image:
        assert image.size == (words["width"], words["height"])


def test_the_last_early_exit_is_the_prediction(api: TestClient, view: str) -> None:
    early_exits = api.get(f"{view}/early-exits").json()
    assert [set(one) for one in early_exits] == [{"after", "probabilities", "projected"}] * len(
        early_exits
    )
    prediction = api.get(f"{view}/prediction").json()["probabilities"]
    assert early_exits[-1]["probabilities"] == pytest.approx(prediction, abs=1e-4)


@pytest.mark.parametrize("query", ["", "order=block9,block2,block5", "scale=block4:0,block20:-1"])
def test_votes_add_up_to_the_logits(api: TestClient, digit: Digit, query: str) -> None:
    stream = f"/api/v1/networks/mnist-stream/digits/{digit.id}"
    votes = api.get(f"{stream}/votes?filters=true&{query}").json()
    blocks = np.array([one["votes"] for one in votes["blocks"]])
    total = np.array(votes["bias"]) + votes["stem"] + blocks.sum(axis=0)
    assert total == pytest.approx(votes["logits"], abs=1e-4)
    assert blocks == pytest.approx(
        np.array([one["filters"] for one in votes["blocks"]]).sum(axis=1), abs=1e-5
    )
    odds = np.exp(votes["logits"])
    prediction = api.get(f"{stream}/prediction?{query}").json()
    assert prediction["probabilities"] == pytest.approx(odds / odds.sum(), abs=1e-5)
    ran = prediction["order"] or [f"block{at}" for at in range(1, 28)]
    assert [one["block"] for one in votes["blocks"]] == ran


ROWS = "/api/v1/networks/mnist-rows/digits"


def test_after_the_last_row_it_predicts_what_it_predicts_for_the_digit(
    api: TestClient, digit: Digit
) -> None:
    found = api.get(f"{ROWS}/{digit.id}/early-exits/rows").json()
    assert [one["row"] for one in found] == [*range(28)]
    assert all(set(one) == {"row", "probabilities"} for one in found)
    prediction = api.get(f"{ROWS}/{digit.id}/prediction").json()["probabilities"]
    assert found[-1]["probabilities"] == pytest.approx(prediction, abs=1e-5)
    assert found[0]["probabilities"] != pytest.approx(prediction, abs=0.1)


@pytest.mark.parametrize("path", ["early-exits/rows", "gradients/steps"])
def test_a_network_of_maps_reads_no_rows(
    api: TestClient, view: str, refused: Refused, path: str
) -> None:
    assert "mnist-resnet" in refused(api.get(f"{view}/{path}"), 404, "no_sequence")


def test_a_relu_after_the_sum_leaves_no_votes(api: TestClient, view: str, refused: Refused) -> None:
    assert "not even a ReLU" in refused(api.get(f"{view}/votes"), 404, "no_votes")


def test_block_maps_of_some_filters_stand_in_the_order_in_which_they_are_named(
    api: TestClient, view: str
) -> None:
    query: dict[str, str | int] = {"zoom": 2, "palette": "grey"}
    every = api.get(f"{view}/blocks/block1/maps.json", params=query).json()
    some = api.get(f"{view}/blocks/block1/maps.json", params={**query, "filters": "5,2-3"}).json()
    assert some["columns"] == 3
    assert [row["range"] for row in some["rows"]] == [row["range"] for row in every["rows"]]
    pictures = []
    for wanted in ({}, {"filters": "5,2-3"}):
        found = api.get(f"{view}/blocks/block1/maps.png", params={**query, **wanted})
        with Image.open(io.BytesIO(found.content)) as image:
            pictures.append(image.convert("RGB"))
    for at, column in enumerate((5, 2, 3)):
        for row in range(4):
            boxes = (every["boxes"][row * every["columns"] + column], some["boxes"][row * 3 + at])
            whole, cut = (
                picture.crop((x, y, x + width, y + height)).tobytes()
                for picture, (x, y, width, height) in zip(pictures, boxes, strict=True)
            )
            assert whole == cut
    refused = api.get(f"{view}/blocks/block1/maps.png", params={"filters": "999"})
    assert refused.status_code == 404
