"""The section of experiments: its pages, and that they follow a drawing."""

import html
import json
import re
import struct
from collections.abc import Mapping
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from starlette.testclient import TestClient

from skiplens.core.experiment_results import (
    EXPERIMENTS_FILE,
    Curve,
    MeasuredExperiment,
    MeasuredNetwork,
    curve_point,
)
from skiplens.core.input_image import Digit, InputContract, InputImage
from skiplens.core.ladder import KINDS, LADDER, MeasuredRun, stream_name
from skiplens.core.manifest import NETWORK_FILE
from skiplens.engine.base import Engine
from skiplens.service.digit_store import InputRecord
from skiplens.service.experiment_results import ExperimentResults
from skiplens.web.pages.charts import Axis, Point, Series, line_chart, series_path
from skiplens.web.pages.experiments.depth import accuracy_chart, describe_ladder, loss_chart
from skiplens.web.pages.experiments.experiment_page import get_experiment_context
from skiplens.web.pages.experiments.index import EXPERIMENTS
from skiplens.web.pages.experiments.removal import (
    describe_least_needed,
    least_needed,
    shuffled_blocks,
)
from skiplens.web.parameters import ViewParameters
from tests.conftest import MODELS, SHALLOW, services_over
from tests.web.conftest import Refused, Start
from tests.web.engines import DescribedEngine
from tests.web.pages.conftest import Look
from tests.web.pages.markup import Markup

API: Final = "/api/v1/networks"
STROKES: Final = [{"points": [[0.28, 0.25, 0.09], [0.72, 0.25, 0.09], [0.42, 0.82, 0.09]]}]


@pytest.fixture(scope="module")
def ladder() -> tuple[MeasuredRun, ...]:
    return ExperimentResults(MODELS).ladder


def cells(page: Markup, kind: str) -> list[str]:
    """The keys of a kind that the page has elements for."""
    keys = (attributes.get("data-live", "") for _, attributes in page.elements)
    return [key for key in keys if key.startswith(kind)]


def texts(api: TestClient, address: str) -> dict[str, str]:
    """The text of each element of a page with a key, without elements inside."""
    found = re.findall(r'data-live="([\w.]+)"[^>]*>([^<]*)<', api.get(address).text)
    return {key: html.unescape(text).strip() for key, text in found}


def frame(api: TestClient, address: str) -> dict[str, str]:
    """The values that follow a drawing."""
    content = api.post(address, json={"strokes": STROKES}).read()
    (length,) = struct.unpack_from("<I", content)
    values: dict[str, str] = json.loads(content[4 : 4 + length])["values"]
    return values


def prediction(api: TestClient, network: str, digit: str, scale: str = "") -> dict[str, Any]:
    found: dict[str, Any] = api.get(
        f"{API}/{network}/digits/{digit}/prediction", params={"scale": scale}
    ).json()
    return found


def test_the_index_leads_to_every_experiment(look: Look) -> None:
    index = look("/experiments")
    assert index.faults == []
    for name in EXPERIMENTS:
        (address,) = [
            link for link in index.links() if urlsplit(link).path == f"/experiments/{name}"
        ]
        page = look(address)
        assert page.faults == []
        assert f"{EXPERIMENTS[name].paper}" in page.text


def test_it_is_about_the_stream_and_a_sample_unless_others_are_named(
    look: Look, digit: Digit
) -> None:
    named = f"/experiments/removal?network=mnist-resnet&digit={digit.id}"
    for address, network in (("/experiments/removal", "mnist-stream"), (named, "mnist-resnet")):
        (form,) = [form for form in look(address).all("form") if "data-draw" in form]
        assert form["data-live"].startswith(f"/networks/{network}/live?")
        assert f"network={network}" in form["data-page"]
        assert (digit.id in form["data-page"]) == (address == named)


def test_a_network_of_photographs_is_shown_with_one(engine: Engine, tmp_path: Path) -> None:
    manifest = replace(engine.manifest, id="photos", input=InputContract("image"))
    networks = {"mnist-resnet": engine, "photos": DescribedEngine(engine, manifest)}
    services = services_over(networks, tmp_path)
    photo = InputRecord.of_image(InputImage.of(np.full((28, 28), 9, np.uint8)), "photo")
    services.digits.pictures = {photo.image.id: photo}
    found = [
        get_experiment_context(services, ViewParameters(), network).stored for network in networks
    ]
    assert found == [services.default_digit, photo]
    services.close()


def test_every_page_is_there_for_every_kind_of_network(look: Look) -> None:
    for network in (*SHALLOW, "mnist-stream-plain"):
        for name in EXPERIMENTS:
            assert look(f"/experiments/{name}?network={network}").faults == []


@pytest.mark.parametrize("network", ["mnist-resnet", "mnist-highway", "mnist-stream"])
def test_pages_follow_a_drawing(api: TestClient, look: Look, network: str) -> None:
    """Each key of a page has a value, and that of the stored drawing's page."""
    stored = api.post("/api/v1/digits", json={"strokes": STROKES}).json()["id"]
    options = f"digit={stored}&network={network}"
    addresses = [f"/experiments/{name}".rstrip("/") for name in ["", *EXPERIMENTS]]
    pages = [f"{address}?{options}" for address in addresses]
    pages += [f"/experiments/gradients?{options}&view={view}" for view in ("line", "length")]
    for address in pages:
        page = look(address)
        (form,) = [form for form in page.all("form") if "data-draw" in form]
        values = frame(api, form["data-live"])
        for _, attributes in page.elements:
            for name, key in attributes.items():
                if name.startswith("data-live-"):
                    assert values[key] == attributes.get(name.removeprefix("data-live-"), ""), key
        shown = texts(api, address)
        assert shown == {key: values[key] for key in shown} | {"verdict": shown["verdict"]}


def test_a_network_that_is_not_loaded_is_not_linked(start: Start) -> None:
    """Of the networks that experiments lead to, the app has the default one alone."""
    client = start()
    for page in ("order", "votes", "classes", "removal", "gradients?view=length"):
        shown = client.get(f"/experiments/{page}")
        assert shown.status_code == 200
        assert "network=mnist-stream" not in shown.text, page
        assert "residual stream of 27" not in shown.text, page


def test_gradients_are_shown_by_path_along_a_line_or_by_length(
    api: TestClient, look: Look, refused: Refused, digit: Digit
) -> None:
    address = f"/experiments/gradients?digit={digit.id}"
    keys = {"": "gradients.identity", "line": "gradients.line.chain", "length": "gradients.length"}
    for view, key in keys.items():
        page = look(f"{address}&view={view}" if view else address)
        found = [attributes.get("data-live-d") for attributes in page.all("path")]
        assert [other for other in keys.values() if other in found] == [key]
    assert "see the residual stream" in look(f"{address}&view=length&network=mnist-resnet").text
    assert "line" in refused(api.get(f"{address}&view=sideways"), 422, "invalid_parameter")


def test_an_unknown_experiment_is_refused(api: TestClient, refused: Refused) -> None:
    response = api.post("/networks/mnist-resnet/live?experiment=alchemy", json={"strokes": STROKES})
    assert "removal" in refused(response, 422, "invalid_parameter")


def test_the_digit_is_classified_on_every_rung(api: TestClient, digit: Digit) -> None:
    shown = texts(api, f"/experiments/depth?digit={digit.id}")
    for kind in KINDS:
        for blocks in LADDER:
            found = prediction(api, stream_name(kind, blocks), digit.id)
            assert shown[f"depth.{kind}.{blocks}.label"] == found["label"]


def test_the_header_names_the_deepest_of_the_ladder_only(look: Look) -> None:
    rungs = [stream_name(kind, blocks) for kind in KINDS for blocks in LADDER[:-1]]
    for name in rungs:
        assert not [link for link in look("/").links() if f"/networks/{name}/" in link]
    assert [link for link in look("/").links() if "/networks/mnist-stream/" in link]


def test_accuracies_have_a_dot_for_each_run(ladder: tuple[MeasuredRun, ...]) -> None:
    chart = accuracy_chart(ladder)
    assert chart is not None
    assert sum(len(line.dots) for line in chart.lines) == len(ladder)
    assert [line.name for line in chart.lines if line.name] == ["with the skip", "without it"]
    assert accuracy_chart(()) is None
    assert describe_ladder(()) == ""


def test_losses_have_a_line_for_each_run_of_the_depth(ladder: tuple[MeasuredRun, ...]) -> None:
    for blocks in LADDER:
        chart = loss_chart(ladder, blocks)
        assert chart is not None
        assert len(chart.lines) == sum(run.blocks == blocks for run in ladder)
    assert loss_chart((), 27) is None


def test_another_depth_than_there_is_is_refused(api: TestClient, refused: Refused) -> None:
    assert "14" in refused(api.get("/experiments/depth?blocks=3"), 422, "invalid_parameter")


def test_ten_blocks_are_taken_out_by_a_link(
    api: TestClient, look: Look, digit: Digit, engines: Mapping[str, Engine]
) -> None:
    page = look(f"/experiments/removal?digit={digit.id}")
    manifest = engines["mnist-stream"].manifest
    found: dict[int, str] = {}
    for link in page.links():
        scale = parse_qs(urlsplit(link).query).get("scale", [""])[0]
        if urlsplit(link).path == "/experiments/removal":
            found.setdefault(len([pair for pair in scale.split(",") if pair]), link)
    assert {0, 5, 10, 15, 20, 25} <= set(found)
    without = look(found[10])
    scale = parse_qs(urlsplit(found[10]).query)["scale"][0]
    assert {pair.split(":")[0] for pair in scale.split(",")} == set(
        shuffled_blocks(manifest, 0)[:10]
    )
    answer = prediction(api, "mnist-stream", digit.id, scale)
    told = f"With 10 of 27 blocks removed the prediction is (still|now) {answer['label']}"
    assert re.search(told, without.text)


def test_the_least_needed_blocks_come_in_the_order_in_which_they_were_removed(
    engines: Mapping[str, Engine],
) -> None:
    manifest, experiments = engines["mnist-stream"].manifest, ExperimentResults(MODELS)
    found = experiments.measured(manifest, "least-needed")
    assert found is not None
    least = least_needed(experiments, manifest)
    assert least == tuple(curve.name for curve in found.curves)
    assert set(least) == set(manifest.disableable_blocks)
    assert [curve.points[0].x for curve in found.curves] == [*range(1, len(least) + 1)]


def test_without_that_measure_they_are_those_that_cost_least_alone(
    engines: Mapping[str, Engine],
) -> None:
    manifest, experiments = engines["mnist-resnet"].manifest, ExperimentResults()
    assert manifest.evaluation is not None
    drops = {one.off: one.accuracy_drop for one in manifest.evaluation.ablations}
    least = least_needed(experiments, manifest)
    assert set(least) == set(manifest.disableable_blocks)
    assert all(drops[(a,)] <= drops[(b,)] for a, b in pairwise(least))
    assert least_needed(experiments, engines["mnist-plain"].manifest) == ()


@pytest.mark.parametrize(
    ("blocks", "told"),
    [
        (1, "Without the 1 block that it needs least, the network of 1 block still reads 99.00"),
        (
            7,
            "Without the 7 blocks that it needs least, the network of 7 blocks still reads 93.00",
        ),
        (27, "Without the 10 blocks that it needs least, the network of 27 blocks"),
    ],
)
def test_the_accuracy_without_the_least_needed_is_told_of_few_blocks_and_of_many(
    engines: Mapping[str, Engine], tmp_path: Path, blocks: int, told: str
) -> None:
    stream = engines["mnist-stream"].manifest
    manifest = replace(stream, blocks=stream.blocks[:blocks])
    curves = tuple(
        Curve(block.name, (curve_point(at, [1 - at / 100]),))
        for at, block in enumerate(manifest.blocks, 1)
    )
    found = MeasuredExperiment("least-needed", 100, 0, curves)
    measured = MeasuredNetwork(manifest.files[NETWORK_FILE], (found,))
    (tmp_path / manifest.id).mkdir()
    stored = tmp_path / manifest.id / EXPERIMENTS_FILE
    stored.write_text(json.dumps(asdict(measured)), encoding="utf-8")
    assert describe_least_needed(ExperimentResults(tmp_path), manifest).startswith(told)


def test_the_index_takes_the_least_needed_blocks_out(look: Look, digit: Digit) -> None:
    index = look(f"/experiments?digit={digit.id}")
    assert "the network of 27 blocks still reads" in index.text
    (link,) = [
        link
        for link in index.links()
        if parse_qs(urlsplit(link).query).get("scale", [""])[0].count(":") == 10
    ]
    assert urlsplit(link).path == "/experiments"
    without = look(link).text
    assert re.search("With 10 of 27 blocks removed the prediction is (still|now)", without)
    assert "Without 10 blocks, the prediction is" in without


@pytest.mark.parametrize(
    ("experiment", "name", "value"),
    [
        ("removal", "draw", "1000"),
        ("removal", "draw", "-1"),
        ("removal", "draw", "9" * 5000),
        ("classes", "after", "99"),
        ("classes", "after", "x"),
        ("classes", "after", "9" * 5000),
    ],
    ids=lambda value: value[:6],
)
def test_an_option_that_the_page_refuses_is_refused_while_drawing(
    api: TestClient, experiment: str, name: str, value: str
) -> None:
    page = f"/experiments/{experiment}?{name}={value}"
    live = f"/networks/mnist-stream/live?experiment={experiment}&{name}={value}"
    assert api.get(page).status_code == 422
    refused = api.post(live, json={"strokes": STROKES})
    assert refused.status_code == 422
    assert refused.json()["detail"].startswith(name)


def test_another_shuffle_removes_other_blocks(engines: Mapping[str, Engine]) -> None:
    manifest = engines["mnist-stream"].manifest
    assert shuffled_blocks(manifest, 1) == shuffled_blocks(manifest, 1)
    assert shuffled_blocks(manifest, 1) != shuffled_blocks(manifest, 2)
    assert set(shuffled_blocks(manifest, 1)) == set(manifest.disableable_blocks)


def test_every_set_of_six_blocks_is_what_the_network_says_without_it(
    api: TestClient, look: Look, digit: Digit
) -> None:
    address = f"/experiments/removal?network=mnist-resnet&digit={digit.id}"
    page = look(address)
    sets = [attributes for attributes in page.all("a") if "removal.set" in str(attributes)]
    assert len(sets) == 64
    assert len({attributes["href"] for attributes in sets}) == 64
    shown = texts(api, address)
    for attributes in sets[::7]:
        scale = parse_qs(urlsplit(attributes["href"]).query).get("scale", [""])[0]
        answer = prediction(api, "mnist-resnet", digit.id, scale)
        assert shown[attributes["data-live"]] == answer["label"]
    assert not cells(look("/experiments/removal"), "removal.set")


def test_a_network_without_the_skip_has_nothing_to_remove(look: Look) -> None:
    page = look("/experiments/removal?network=mnist-plain")
    assert "No branch of this network can be switched off" in page.text
    scaled = look("/experiments/scale?network=mnist-plain").text
    assert "No branch of this network can be scaled" in scaled
    assert "This network has no branch to scale." in scaled
    assert "skiplens experiments" not in scaled


def test_all_branches_are_scaled_by_a_link(api: TestClient, look: Look, digit: Digit) -> None:
    page = look(f"/experiments/scale?network=mnist-resnet&digit={digit.id}")
    half = "block1:0.5,block2:0.5,block3:0.5,block4:0.5,block5:0.5,block6:0.5"
    (link,) = [link for link in page.links() if f"scale={half}" in link]
    answer = prediction(api, "mnist-resnet", digit.id, half)
    assert f"With every branch at 0.5, the prediction is {answer['label']}" in look(link).text


def test_a_line_runs_from_the_lower_left_to_the_upper_right() -> None:
    x, y = Axis("x", ((0, "0"),), 0, 4), Axis("y", ((1, "1"),), 0.1, 10, log=True)
    assert series_path(x, y, [(0, 0.1), (2, 1), (4, 10), (5, 100)]) == "M0 100L50 50L100 0L100 0"
    points = (Point(0, 1, "one", 0.1, 10), Point(4, 1, "two", 1, 1))
    chart = line_chart([Series("name", "ink", points)], x=x, y=y, alt="")
    (line,) = chart.lines
    assert line.area == "M0 0L100 50L100 50L0 100Z"
    assert [(dot.x, dot.y, dot.text) for dot in line.dots] == [(0, 50, "one"), (100, 50, "two")]
    assert chart.y_ticks == ((50, "1"),)
