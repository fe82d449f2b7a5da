"""Experiments on a stream: votes, order, early exits, gradients."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from starlette.testclient import TestClient

from skiplens.application import create_app
from skiplens.core.block_order import BlockOrder
from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.input_image import Digit
from skiplens.engine.base import Engine
from skiplens.service.early_exits_and_votes import exits_at_every_depth, votes
from skiplens.service.experiment_results import ExperimentResults
from skiplens.service.forward import run_network
from skiplens.settings import Settings
from skiplens.web.pages import fmt
from skiplens.web.pages.experiments.early_exits import class_chart, describe
from skiplens.web.pages.experiments.gradients import log_axis, training_chart, training_steps
from skiplens.web.pages.experiments.order import inversions, swapped
from skiplens.web.pages.experiments.votes import waterfall
from tests.conftest import MODELS, services_over
from tests.web.conftest import Refused
from tests.web.engines import DescribedEngine
from tests.web.pages.conftest import Look
from tests.web.pages.markup import Markup

STREAM = "mnist-stream"


def answers(api: TestClient, digit: Digit, rest: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/api/v1/networks/{STREAM}/digits/{digit.id}/{rest}").json()
    return found


def test_each_bar_of_the_waterfall_begins_where_the_one_above_ends(
    engines: Mapping[str, Engine], digit: Digit
) -> None:
    engine = engines[STREAM]
    forward = run_network(engine, digit, AS_TRAINED)
    *parts, logit = waterfall(votes(forward, engine.weights), forward.label, {})
    at = logit.left if logit.width else 0.0
    for part in parts:
        start, end = part.left, round(part.left + part.width, 2)
        if part.tone == "takes":
            start, end = end, start
        assert at == pytest.approx(start, abs=0.011)
        at = end
    assert at == pytest.approx(logit.left + logit.width, abs=0.02)


def test_votes_are_those_of_the_api(api: TestClient, look: Look, digit: Digit) -> None:
    found = answers(api, digit, "votes")
    text = " ".join(look(f"/experiments/votes?digit={digit.id}&class=3").text.split())
    for name, value in [("bias", found["bias"]), ("stem", found["stem"])] + [
        (one["block"], one["votes"]) for one in found["blocks"]
    ]:
        assert f"{name} {value[3]:+.2f}".replace("-", "\N{MINUS SIGN}") in text
    assert f"logit {found['logits'][3]:+.2f}".replace("-", "\N{MINUS SIGN}") in text
    assert "Filters of" in text
    for network in ("mnist-resnet", "mnist-stream-plain", "mnist-rows"):
        without = " ".join(look(f"/experiments/votes?network={network}").text.split())
        assert "its logits are not a sum" in without
        assert "a head of one GlobalAveragePooling2D and one dense layer" in without


def test_each_of_two_classes_of_one_name_can_be_chosen(
    engines: Mapping[str, Engine], digit: Digit, tmp_path: Path
) -> None:
    engine = engines[STREAM]
    classes = ("crane", "wren", "crane", *"abcdefg")
    described = DescribedEngine(engine, replace(engine.manifest, classes=classes))
    services = services_over({STREAM: described}, tmp_path)
    with TestClient(create_app(Settings(), lambda: services), "http://127.0.0.1") as client:
        page = Markup(client.get(f"/experiments/votes?digit={digit.id}").text)
        cranes = [link for link in page.links() if "class=crane" in link]
        pages = [Markup(client.get(link).text) for link in cranes]
    found = votes(run_network(engine, digit, AS_TRAINED), engine.weights).logits
    for shown, logit in zip(pages, (found[0], found[2]), strict=True):
        assert f"The logit of class crane is {fmt.number(float(logit))}." in shown.text


def test_a_class_or_a_block_that_is_not_there_is_refused(api: TestClient, refused: Refused) -> None:
    refused(api.get("/experiments/votes?class=ten"), 422, "invalid_parameter")
    refused(api.get("/experiments/votes?block=block99"), 404, "unknown_block")
    refused(api.get("/experiments/gradients?step=3"), 422, "invalid_parameter")
    refused(
        api.get("/experiments/order?network=mnist-resnet&order=block2,block1"),
        422,
        "not_reorderable",
    )


def test_a_block_is_moved_by_a_link(api: TestClient, look: Look, digit: Digit) -> None:
    page = look(f"/experiments/order?digit={digit.id}&move=block5")
    (last,) = [link for link in page.links() if "order=block6,block7" in link]
    moved = look(last)
    order = [f"block{at}" for at in (*range(1, 5), *range(6, 28), 5)]
    answer = answers(api, digit, "prediction?order=" + ",".join(order))
    assert answer["order"] == order
    assert f"is still {answer['label']}" in moved.text or f"is now {answer['label']}" in moved.text
    assert "22 of 351 pairs" in moved.text
    queries = [parse_qs(urlsplit(link).query) for link in moved.links() if "/order?" in link]
    assert any("order" not in query and query["digit"] == [digit.id] for query in queries)
    unlike = look("/experiments/order?network=mnist-resnet").text
    assert "cannot change places here" in unlike


def test_a_swap_of_neighbours_puts_at_most_one_pair_the_wrong_way_round() -> None:
    trained = [f"block{at}" for at in range(27)]
    assert swapped(trained, 5) == swapped(trained, 5)
    assert [inversions(swapped(trained, swaps), trained) for swaps in (0, 1)] == [0, 1]
    assert inversions(swapped(trained, 50), trained) <= 50
    assert inversions(BlockOrder.of(trained[::-1], trained), trained) == 27 * 26 // 2


def test_the_line_of_exits_ends_at_the_prediction(
    engines: Mapping[str, Engine], digit: Digit
) -> None:
    for name in (STREAM, "mnist-resnet", "mnist-plain", "mnist-classic"):
        engine = engines[name]
        forward = run_network(engine, digit, AS_TRAINED)
        exits = exits_at_every_depth(engine, forward)
        chart = class_chart(engine.manifest, exits, forward.label)
        assert chart is not None
        (line,) = [line for line in chart.lines if line.name]
        assert line.dots[-1].x == 100
        share = float(forward.probabilities[forward.label])
        assert line.dots[-1].y == pytest.approx(100 * (1 - share), abs=0.02)
        label = engine.manifest.classes[forward.label]
        assert describe(engine.manifest, exits, forward.label).endswith(f"answers {label}.")


def test_gradients_during_training_are_drawn_at_every_step_that_was_measured() -> None:
    runs = ExperimentResults(MODELS).ladder
    steps = training_steps(runs)
    assert steps == ("0", "10", "100", "1000", "end")
    for step in steps:
        chart = training_chart(runs, step)
        assert chart is not None
        assert [line.name for line in chart.lines] == ["with the skip", "without it"]
    assert training_chart((), "0") is None
    assert training_steps(()) == ()


def test_a_logarithmic_axis_runs_between_powers_of_ten() -> None:
    axis = log_axis("", [0.03, 0.0, 40.0])
    assert (axis.low, axis.high) == (0.01, 100)
    assert [tick for tick, _ in axis.ticks] == pytest.approx([0.01, 0.1, 1, 10, 100])
    assert np.isfinite([axis.place(0.0), axis.place(1e9)]).all()
