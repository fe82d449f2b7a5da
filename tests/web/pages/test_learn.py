"""The story: every step with and without what it is told on, its words, numbers and questions."""

import json
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import numpy as np
import pytest
from starlette.testclient import TestClient

from skiplens.application import create_app
from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.input_image import Digit, InputContract, InputImage
from skiplens.core.ladder import LADDER_FILE
from skiplens.core.two_layer_network import (
    HIDDEN,
    PLAIN,
    RESIDUAL,
    ActivationName,
    Applied,
    Symbol,
    evaluate,
    symbol_values,
)
from skiplens.engine.base import Engine
from skiplens.samples import load_samples
from skiplens.service.digit_store import InputRecord
from skiplens.service.early_exits_and_votes import exits_by_row
from skiplens.service.forward import ForwardPass
from skiplens.service.gradients import gradient_by_path
from skiplens.service.registry import find_layer
from skiplens.service.services import Services
from skiplens.settings import Settings
from skiplens.web.http import access_checks
from skiplens.web.pages import fmt
from skiplens.web.pages.learn import classroom, mathml
from skiplens.web.pages.learn.scene import story_networks
from skiplens.web.pages.learn.steps import COUNT, HANDOUT, STEPS, TERMS
from skiplens.web.pages.learn.two_layer import dense_figure, positions, route_width
from skiplens.web.parameters import parse_scales
from tests.conftest import services_over
from tests.web.engines import DescribedEngine
from tests.web.pages.conftest import Look
from tests.web.pages.markup import Markup

NAMES: Final = [step.name for step in STEPS]
RUNS: Final = (
    ("residual", 2, 9200, 1.0),
    ("plain", 2, 9400, 0.5),
    ("residual", 27, 9900, 1.0),
    ("residual", 27, 9920, 0.8),
    ("plain", 27, 9800, 0.25),
    ("plain", 27, 9700, 0.15),
    ("plain", 14, 9900, 0.5),
)
MOST_WORDS: Final = 60
MOST_IN_A_SENTENCE: Final = 19
Ask = Callable[..., Markup]


@pytest.fixture(scope="module")
def told(
    engines: Mapping[str, Engine], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """A client of an app that has a ladder."""
    folder = tmp_path_factory.mktemp("told")
    write_ladder(folder)
    with client_of(engines, folder) as client:
        yield client


def write_ladder(models: Path) -> None:
    """Each run by kind, blocks, test digits that are right, and share of the first gradient."""
    runs = [
        {
            "kind": kind,
            "blocks": blocks,
            "seed": seed,
            "test_accuracy": {"correct": correct, "digits": 10_000},
            "history": {
                "epochs": [
                    {
                        "epoch": 1,
                        "loss": 1 - correct / 10_000,
                        "validation_accuracy": None,
                        "seconds": 1.0,
                    }
                ],
                "loss": [],
                "gradients": [
                    {"step": 0, "stream": [share, 0.9, 1.0], "kernels": [1.0]},
                    {"step": 9, "stream": [7.0, 7.0, 7.0], "kernels": [1.0]},
                ],
            },
        }
        for seed, (kind, blocks, correct, share) in enumerate(RUNS)
    ]
    (models / LADDER_FILE).write_text(json.dumps({"runs": runs}))


def client_of(
    engines: Mapping[str, Engine],
    folder: Path,
    host: str = "127.0.0.1",
    token: str = "",
) -> TestClient:
    services = services_over(engines, folder, models=folder)
    settings = Settings(host=host, token=token)
    return TestClient(create_app(settings, lambda: services), "http://127.0.0.1")


@pytest.fixture
def ask(told: TestClient, digit: Digit) -> Ask:
    """Fetches a step with its figure in some state."""

    def asked(step: str, **state: object) -> Markup:
        query = urlencode({"digit": digit.id, **state}, safe=":,")
        response = told.get(f"/learn/{step}?{query}")
        assert response.status_code == 200, response.text[:500]
        return Markup(response.text)

    return asked


@pytest.fixture
def forward(services: Services, engine: Engine, digit: Digit) -> ForwardPass:
    """The digit in the first network of the story."""
    return services.runner.run(engine, digit, AS_TRAINED)


def verdicts(page: Markup) -> list[str]:
    """What the figure says to the two questions: open, right or wrong."""
    classes = [item.get("class", "") for item in page.all("li")]
    return [name for name in classes if name in {"is-open", "is-right", "is-wrong"}]


def judged(first: bool, second: bool) -> list[str]:
    """What it says to answers: who answers one question is not told to have missed the other."""
    wrong = "is-open" if first or second else "is-wrong"
    return ["is-right" if right else wrong for right in (first, second)]


@pytest.mark.parametrize("step", NAMES)
def test_every_step_is_sound_and_asks_two_questions(ask: Ask, step: str) -> None:
    page = ask(step)
    assert page.faults == []
    assert verdicts(page) == ["is-open", "is-open"]
    current = [link for link in page.all("a") if link.get("aria-current") == "step"]
    assert [link["title"] for link in current] == [STEPS[NAMES.index(step)].title]


@pytest.mark.parametrize("step", NAMES)
def test_every_link_of_a_step_leads_somewhere(told: TestClient, ask: Ask, step: str) -> None:
    page = ask(step)
    pictures = [item["href"] for item in page.all("image")]
    links = {link.partition("#")[0] for link in page.links()} - {""}
    kinds = {re.sub("[0-9a-f]{16}", "", link): link for link in sorted(links)}
    for address in {*kinds.values(), *pictures}:
        assert told.get(address).status_code == 200, address


def test_the_steps_lead_to_one_another_and_keep_the_digit(ask: Ask, digit: Digit) -> None:
    for at, step in enumerate(NAMES):
        ways = {link["rel"]: link["href"] for link in ask(step).all("a") if "rel" in link}
        expected = {}
        if at > 0:
            expected["prev"] = f"/learn/{NAMES[at - 1]}?digit={digit.id}"
        if at + 1 < len(NAMES):
            expected["next"] = f"/learn/{NAMES[at + 1]}?digit={digit.id}"
        assert ways == expected


def test_the_story_is_one_click_from_the_front_page(look: Look) -> None:
    found = [link for link in look("/").links() if link.startswith("/learn")]
    assert found
    assert look(found[0]).faults == []


def test_a_step_that_is_not_there_is_not_found(api: TestClient) -> None:
    response = api.get("/learn/nowhere")
    assert response.status_code == 404
    assert "filter, layer, block" in response.json()["detail"]


@pytest.mark.parametrize("step", ["depth", "meaning"])
def test_without_a_ladder_the_story_says_so_and_goes_on(
    engines: Mapping[str, Engine], tmp_path: Path, step: str
) -> None:
    with client_of(engines, tmp_path) as client:
        page = Markup(client.get(f"/learn/{step}").text)
    assert page.faults == []
    assert ("not trained on this server" in page.text) == (step == "depth")


@pytest.mark.parametrize("step", NAMES)
def test_one_network_is_enough(engine: Engine, tmp_path: Path, step: str) -> None:
    with client_of({engine.manifest.id: engine}, tmp_path) as client:
        page = Markup(client.get(f"/learn/{step}").text)
    assert page.faults == []
    assert len(page.all("h1")) == 1


@pytest.mark.parametrize("network", ["mnist-plain", "mnist-stream", "mnist-classic"])
def test_a_story_that_cannot_be_told_is_not_offered(
    engines: Mapping[str, Engine], tmp_path: Path, network: str
) -> None:
    with client_of({network: engines[network]}, tmp_path) as client:
        assert client.get("/learn").status_code == 404
        assert not [link for link in Markup(client.get("/").text).links() if "/learn" in link]


def test_networks_of_other_images_than_digits_have_no_part_in_it(
    engines: Mapping[str, Engine], tmp_path: Path
) -> None:
    image = InputContract("image")
    named = ((engine, f"other-{name}") for name, engine in engines.items())
    others = {
        name: DescribedEngine(engine, replace(engine.manifest, id=name, input=image))
        for engine, name in named
    }
    digits = {name: engines[name] for name in ("mnist-resnet", "mnist-plain")}
    networks = story_networks(services_over({**others, **digits}, tmp_path))
    found = (networks.residual, networks.deep, networks.twin, networks.reader)
    assert [one.manifest.id if one else None for one in found] == [
        *("mnist-resnet", "mnist-resnet", "mnist-plain", "mnist-resnet"),
    ]
    assert networks.gated is None
    with client_of(others, tmp_path) as client:
        assert client.get("/learn").status_code == 404


def test_a_twin_has_the_same_classes(engines: Mapping[str, Engine], tmp_path: Path) -> None:
    plain = engines["mnist-plain"]
    letters = DescribedEngine(plain, replace(plain.manifest, classes=tuple("ABCDEFGHIJ")))
    found = {"mnist-resnet": engines["mnist-resnet"], "mnist-plain": letters}
    assert story_networks(services_over(found, tmp_path)).twin is None


@pytest.mark.parametrize(
    "changes",
    [
        {"output": "block2.sum", "rectified": False},
        {"merge": "concatenate"},
        {"merge": "multiply", "output": "block2.sum", "rectified": False},
    ],
    ids=["ends in its sum", "concatenates", "ends in its merge"],
)
def test_blocks_of_every_kind_are_drawn(
    engine: Engine, tmp_path: Path, changes: dict[str, Any]
) -> None:
    blocks = tuple(
        replace(block, **changes) if block.name == "block2" else block
        for block in engine.manifest.blocks
    )
    described = DescribedEngine(engine, replace(engine.manifest, blocks=blocks))
    with client_of({engine.manifest.id: described}, tmp_path) as client:
        page = Markup(client.get("/learn/block?block=block2").text)
    insets = [one["class"].split()[1] for one in page.all("div") if "inset" in one.get("class", "")]
    assert "output" in insets
    assert page.faults == []


def test_deep_networks_are_told_with_their_twin(services: Services) -> None:
    networks = story_networks(services)
    assert networks.residual.manifest.id == "mnist-resnet"
    assert networks.deep.manifest.id == "mnist-stream"
    assert networks.twin is not None
    assert networks.twin.manifest.id == "mnist-stream-plain"


# Words.


def words_of(html: str) -> list[str]:
    """Texts of a step that people read through, without definitions."""
    html = re.sub(r'<span class="term-text".*?</span>', "", html, flags=re.DOTALL)
    blocks = re.findall(r"<(div|p)[^>]* data-words>(.*?)</\1>", html, flags=re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", "", text)).split()) for _, text in blocks]


@pytest.mark.parametrize("step", NAMES)
def test_a_step_has_few_words_in_short_sentences(told: TestClient, digit: Digit, step: str) -> None:
    texts = words_of(told.get(f"/learn/{step}?digit={digit.id}").text)
    assert len(texts) == 3
    assert sum(len(text.split()) for text in texts) <= MOST_WORDS
    for sentence in re.split(r"(?<=[.?!:])\s", " ".join(texts)):
        assert len(sentence.split()) <= MOST_IN_A_SENTENCE, sentence


def test_the_first_kernel_has_products_to_show_and_answers_nothing(ask: Ask) -> None:
    page = ask("filter")
    grids = [one["aria-label"] for one in page.all("svg") if one.get("class") == "number-grid"]
    products = next(label for label in grids if label.startswith("Products"))
    assert re.search("[1-9]", products)
    address = next(link for link in page.links() if "at=" in link and "/learn/" in link)
    assert address


def test_the_depths_in_the_words_are_those_of_the_ladder(ask: Ask) -> None:
    assert "Simple stacks of 2 to 27 blocks" in " ".join(ask("depth").text.split())


def test_every_definition_is_used_and_short(ask: Ask) -> None:
    pages = " ".join(ask(step).text for step in NAMES)
    for term, meaning in TERMS.items():
        assert meaning in pages, term
        assert all(len(part.split()) <= MOST_IN_A_SENTENCE for part in meaning.split(". "))


def test_the_skip_through_time_is_drawn_with_the_chosen_row(ask: Ask, digit: Digit) -> None:
    page = ask("time", at=14)
    assert f"/networks/mnist-rows/digits/{digit.id}/blocks" in page.links()
    sprites = [one for one in page.all("svg") if "row by row" in one.get("aria-label", "")]
    views = [[int(side) for side in one["viewbox"].split()] for one in sprites]
    assert [view[2:] for view in views] == [[4 * 64, 4 * 28]] * 3
    marks = [one for one in page.all("rect") if one.get("class") == "row-mark"]
    assert [int(one["y"]) for one in marks] == [view[1] + 14 * 4 for view in views]


@pytest.mark.parametrize("at", ["28", "-1", "x", "1,2", "\N{SUPERSCRIPT TWO}"])
def test_a_row_that_is_not_there_is_told(told: TestClient, at: str) -> None:
    response = told.get("/learn/time", params={"at": at}, headers={"accept": "application/json"})
    assert response.status_code == 422
    assert "at must be a row, 0 to 27" in response.json()["detail"]


# Questions: what the network does in the state of the figure decides.


def answered(ask: Ask, step: str, states: list[dict[str, object]]) -> list[list[str]]:
    return [verdicts(ask(step, **state)) for state in states]


def test_the_sums_of_the_kernel_decide(ask: Ask, forward: ForwardPass) -> None:
    layer = find_layer(forward.manifest, "stem.conv")
    maps = forward.maps(layer)[:, :, 3]
    places = [np.unravel_index(found, maps.shape) for found in (maps.argmax(), maps.argmin())]
    states: list[dict[str, object]] = [
        {"filter": 3, "at": ",".join(map(str, place))} for place in places
    ]
    assert answered(ask, "filter", states) == [["is-right", "is-open"], ["is-open", "is-right"]]


def test_the_means_of_the_maps_decide(ask: Ask, forward: ForwardPass) -> None:
    layer = find_layer(forward.manifest, forward.manifest.blocks[0].input)
    means = forward.maps(layer).mean(axis=(0, 1))
    states: list[dict[str, object]] = [{"filter": means.argmax()}, {"filter": means.argmin()}]
    assert answered(ask, "layer", states) == [["is-right", "is-open"], ["is-open", "is-right"]]


def test_the_ratios_of_the_blocks_decide(ask: Ask, forward: ForwardPass) -> None:
    ratios = {found.block: found.ratio or 0.0 for found in forward.block_metrics}
    states: list[dict[str, object]] = [
        {"block": pick(ratios, key=lambda name: ratios[name])} for pick in (max, min)
    ]
    assert answered(ask, "block", states) == [["is-right", "is-open"], ["is-open", "is-right"]]


def test_the_answers_after_each_row_decide(ask: Ask, services: Services, digit: Digit) -> None:
    engine = story_networks(services).reader
    forward = services.runner.run(engine, digit, AS_TRAINED)
    labels = [int(one.probabilities.argmax()) for one in exits_by_row(engine, forward)]
    others = [row for row, label in enumerate(labels) if label != labels[-1]]
    stays = others[-1] + 1
    for row in (others[0], stays, 27):
        assert verdicts(ask("time", at=row)) == judged(row == stays, row in others)
    assert ask("time").text.count("After all rows the answer is") == 1
    assert ask("time", at=0).text.count("the answer is") >= 2
    links = [link.get("aria-label", "") for link in ask("time", at=stays).all("a")]
    assert len([label for label in links if label.startswith("After ")]) == 28


def test_the_answer_without_blocks_decides(
    ask: Ask, services: Services, engine: Engine, digit: Digit
) -> None:
    blocks = engine.manifest.disableable_blocks
    trained = services.runner.run(engine, digit, AS_TRAINED).label
    for name in blocks:
        scales = replace(AS_TRAINED, factors=((name, 0.0),))
        kept = services.runner.run(engine, digit, scales).label == trained
        expected = ["is-right", "is-open"] if kept else ["is-open", "is-right"]
        assert verdicts(ask("switch", scale=f"{name}:0")) == expected
    everything = ",".join(f"{name}:0" for name in blocks)
    assert verdicts(ask("switch", scale=everything))[0] != "is-right"


def test_the_numbers_of_the_pixel_decide(ask: Ask, forward: ForwardPass) -> None:
    block = forward.manifest.blocks[0]
    assert block.sum is not None
    residual = forward.activations[block.residual]
    index = int(np.linalg.norm(residual, axis=(0, 1)).argmax())
    parts = residual[:, :, index], forward.activations[block.sum][:, :, index]
    signs = {tuple(bool(part[place] < 0) for part in parts): place for place in np.ndindex(28, 28)}
    assert len(signs) > 1
    for (smaller, zero), place in signs.items():
        assert verdicts(ask("sum", at=",".join(map(str, place)))) == judged(smaller, zero)


@pytest.mark.parametrize(
    ("scale", "takes_out", "scales"),
    [
        ("block2:0,block3:0", False, False),
        ("block2:0,block3:0,block4:0", True, False),
        ("block1:1.5", False, True),
        ("block1:-4,block2:-4,block3:-4,block4:-4", False, True),
    ],
)
def test_the_answer_of_the_deep_network_decides(
    ask: Ask, services: Services, digit: Digit, scale: str, takes_out: bool, scales: bool
) -> None:
    engine = story_networks(services).deep
    labels = [
        services.runner.run(engine, digit, parse_scales(engine.manifest, text)).label
        for text in (None, scale)
    ]
    changed = labels[0] != labels[1]
    expected = judged(takes_out and not changed, scales and changed)
    expected[0 if scales else 1] = "is-open"  # what was not touched is not judged
    assert verdicts(ask("ablation", scale=scale)) == expected


def test_the_gradients_of_the_two_layer_network_decide(ask: Ask) -> None:
    states: list[dict[str, object]] = [
        {"w2": 0},
        {"x": 0},
        {"w1": 1, "w2": 1, "x": 1},
        {"f": "relu", "w2": -1},
    ]
    assert answered(ask, "routes", states) == [
        ["is-right", "is-open"],
        ["is-open", "is-right"],
        ["is-wrong", "is-wrong"],
        ["is-right", "is-open"],
    ]
    assert "Distance from zero: plain 0.000617, residual 0.00308." in ask("routes", w1=-6).text


def test_the_gradients_of_the_trained_networks_decide(
    ask: Ask, services: Services, digit: Digit
) -> None:
    networks = story_networks(services)
    assert networks.twin is not None
    own, plain = (
        gradient_by_path(engine, services.runner.run(engine, digit, AS_TRAINED), None)
        for engine in (networks.deep, networks.twin)
    )
    if own.target != plain.target:
        pytest.skip("the two networks disagree on this digit")
    least = min(plain.blocks, key=lambda found: found.total).block
    ratios = {found.block: found.residual / (found.identity or 1.0) for found in own.blocks}
    most = max(ratios, key=lambda block: ratios[block])
    for block in ratios:
        assert verdicts(ask("gradients", block=block)) == judged(block == least, block == most)


def test_the_gradients_follow_a_drawing(
    told: TestClient, ask: Ask, services: Services, digit: Digit
) -> None:
    (form,) = [form for form in ask("gradients", block="block2").all("form") if "data-live" in form]
    answer = told.post(form["data-live"], json={"strokes": [], "over": digit.id})
    (length,) = struct.unpack_from("<I", answer.content)
    values = json.loads(answer.content[4 : 4 + length])["values"]
    deep = story_networks(services).deep
    found = gradient_by_path(deep, services.runner.run(deep, digit, AS_TRAINED)).blocks[1]
    here = [values[f"gradients.{tone}.here"] for tone in ("ink", "identity", "residual")]
    assert here == [
        fmt.number(norm or 0.0) for norm in (found.total, found.identity, found.residual)
    ]
    assert values["gradients.identity"].startswith("M")


def test_the_gradient_before_training_is_told(ask: Ask) -> None:
    text = ask("gradients").text.replace(fmt.NARROW, " ")
    assert "so 80 % to 100 % of the gradient reaches the first block." in text
    assert "Without skips it depends on the starting weights: 15 % to 25 % in 2 runs." in text


def test_the_chart_by_depth_says_which_its_intervals_are(ask: Ask) -> None:
    paths = [path.get("class", "") for path in ask("depth").all("path")]
    shown = [tones for tones in paths if "interval" in tones.split()]
    assert len(shown) == 1 + 2 * 2  # in the legend, and with the skip and without at two depths
    assert "95 % interval" in ask("depth").text


@pytest.mark.parametrize("step", ["depth", "meaning"])
def test_intervals_that_do_not_touch_decide(ask: Ask, step: str) -> None:
    assert verdicts(ask(step, pair="2")) == ["is-open", "is-right"]
    assert verdicts(ask(step, pair="27")) == ["is-right", "is-open"]
    text = ask(step, pair="27").text.replace(fmt.NARROW, " ")
    told = "99.10 % with the skip, 97.50 % without. The skip clearly helps."
    assert re.search(rf"27 blocks\)?: {told}", text)


def test_the_notes_and_the_end_give_the_numbers_of_the_ladder(ask: Ask) -> None:
    text = " ".join(ask("depth").text.replace(fmt.NARROW, " ").split())
    assert "15 % to 25 % of the gradient reaches the first of 27 blocks" in text
    assert (
        "With 2 blocks, 50 % reaches the first; there, skips cost 2.00 points of accuracy." in text
    )
    assert (
        "is 0.0800, against 0.0600 without skips. So it has not learned those digits too closely"
        in text
    )
    end = " ".join(ask("meaning").text.replace(fmt.NARROW, " ").split())
    assert "Gradient at the first block, before training 80 % to 100 % 15 % to 25 %" in end
    assert "Test accuracy, 27 blocks 99.10 % 97.50 %" in end


def test_the_story_has_ten_steps_and_an_extra(ask: Ask) -> None:
    assert COUNT == 10
    assert "10 of 10" in ask("meaning").text
    assert "of 10" not in ask("time").text


def test_each_pair_is_told_once(ask: Ask) -> None:
    links = [link for link in ask("meaning").links() if "pair=" in link]
    pairs = [link.partition("pair=")[2] for link in links]
    assert pairs[-2:] == ["2", "27"]
    assert "mnist-resnet" in pairs
    assert not [pair for pair in pairs if pair.startswith("mnist-stream")]


def test_an_unknown_pair_is_refused(told: TestClient) -> None:
    response = told.get("/learn/depth?pair=9")
    assert response.status_code == 422
    assert "2, 27" in response.json()["detail"]


# The two-layer network as a figure.


FORMULAS: Final = {
    "h": HIDDEN,
    **{
        f"{name}.{by}": formula
        for name, network in (("plain", PLAIN), ("residual", RESIDUAL))
        for by, formula in (("y", network.output), *network.by.items())
    },
}


AT: Final = symbol_values(x=0.75, w1=-1.25, w2=2.5, activation="sigmoid")


def read_formula(drawn: str, **names: object) -> np.ndarray:
    """The value of drawn MathML, read as a person reads it."""
    signs = {"\N{FUNCTION APPLICATION}": "", "\N{INVISIBLE TIMES}": "*", "\N{DOT OPERATOR}": "*"}
    text = re.sub(r"<[^>]+>", "", drawn).replace("f\N{PRIME}", "slope")
    for sign, operator in {**signs, "\N{MINUS SIGN}": "-"}.items():
        text = text.replace(sign, operator)
    return np.asarray(eval(text, {"__builtins__": {}}, names))  # noqa: S307  # from our own pages


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
@pytest.mark.parametrize("name", FORMULAS)
def test_a_drawn_formula_says_what_is_computed(name: str, activation: ActivationName) -> None:
    values = symbol_values(x=0.75, w1=1.25, w2=2.5, activation=activation)

    def applied(value: float, *, derivative: bool = False) -> float:
        return evaluate(Applied(Symbol("z"), derivative), {"z": value}, activation)

    said = read_formula(
        mathml.draw(FORMULAS[name]),
        **values,
        f=applied,
        slope=lambda value: applied(value, derivative=True),
    )
    assert said == pytest.approx(evaluate(FORMULAS[name], values, activation))
    assert said


@pytest.mark.parametrize("name", FORMULAS)
def test_the_numbers_beneath_a_formula_give_its_result(name: str) -> None:
    figure = dense_figure(AT["x"], AT["w1"], AT["w2"], "sigmoid")
    views = {view.name: view for view in (figure.hidden, *figure.plain, *figure.residual)}
    numbers, _, result = views[name].numbers.partition("<mo>=</mo>")
    assert read_formula(result) == pytest.approx(evaluate(FORMULAS[name], AT, "sigmoid"), rel=0.01)
    if "<mn" in numbers:
        assert read_formula(numbers) == pytest.approx(read_formula(result), rel=0.02)


def test_each_route_of_a_formula_has_its_colour() -> None:
    drawn = mathml.draw(RESIDUAL.by["w1"])
    routes = re.findall(r'<mrow class="(\w+)">', drawn)
    assert routes == ["identity", "residual"]
    assert mathml.draw(PLAIN.by["w1"]) in drawn
    assert 'class="identity"' in mathml.draw(RESIDUAL.output)
    assert "identity" not in mathml.draw(PLAIN.by["w1"])


def test_the_formula_of_the_gate_is_what_a_highway_block_computes(
    services: Services, digit: Digit
) -> None:
    engine = story_networks(services).gated
    assert engine is not None
    values = services.runner.run(engine, digit, AS_TRAINED).activations
    block = engine.manifest.blocks[0]
    x, residual, gate, merged = (
        values[str(name)] for name in (block.identity, block.residual, block.gate, block.sum)
    )
    drawn = re.sub(
        r"<mo[^>]*>\(</mo><mi>x</mi><mo[^>]*>\)</mo>", "", mathml.HIGHWAY.partition("<mo>=</mo>")[2]
    )
    assert np.allclose(read_formula(drawn, T=gate, F=residual, x=x), merged, atol=1e-5)


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_each_slider_has_the_numbers_of_every_place(activation: ActivationName) -> None:
    figure = dense_figure(1.0, 1.5, -2.0, activation)
    keys = json.loads(figure.keys)
    for slider in figure.sliders:
        numbers = json.loads(slider.numbers)
        assert len(numbers) == len(positions())
        for place, texts in numbers.items():
            at = {"x": 1.0, "w1": 1.5, "w2": -2.0, slider.name: float(place)}
            values = symbol_values(**at, activation=activation)
            expected = evaluate(RESIDUAL.by["w1"], values, activation)
            assert dict(zip(keys, texts, strict=True))["residual.w1"] == fmt.number(expected)


def test_a_route_without_gradient_is_not_drawn_and_a_larger_one_is_wider() -> None:
    widths = [route_width(gradient) for gradient in (0.0, 1e-9, 1e-3, -0.1, 1.0, 50.0)]
    assert widths[0] == 0
    assert widths[1:] == sorted(widths[1:])
    assert widths[-1] == widths[-2]


def test_the_forms_numbers_are_those_of_the_address(ask: Ask) -> None:
    page = ask("routes", x=2, w1=-0.5, w2=3, f="relu")
    fields = {item["name"]: item["value"] for item in page.all("input") if "name" in item}
    assert {name: fields[name] for name in ("x", "w1", "w2", "f")} == {
        "x": "2",
        "w1": "-0.5",
        "w2": "3",
        "f": "relu",
    }


def test_a_class_sees_the_figure_and_stays_in_the_presentation(ask: Ask) -> None:
    page = ask("block", present=1)
    ways = [link["href"] for link in page.all("a") if "rel" in link]
    assert all("present=1" in way for way in ways)


def codes(client: TestClient, origin: str, query: str = "?present=1") -> list[str]:
    """What the pictures of a QR code say that they are of."""
    page = Markup(client.get(f"{origin}/learn/sum{query}").text)
    assert page.faults == []
    prefix = "QR code of "
    labels = [item.get("aria-label", "") for item in page.all("svg")]
    return [label.removeprefix(prefix) for label in labels if label.startswith(prefix)]


def test_a_class_gets_the_address_where_the_server_can_be_reached(
    engine: Engine, tmp_path: Path
) -> None:
    host = "0.0.0.0"  # noqa: S104
    with client_of({engine.manifest.id: engine}, tmp_path, host=host) as client:
        (address,) = codes(client, "http://192.0.2.7:8000")
        assert re.fullmatch(r"http://192\.0\.2\.7:8000/learn/sum\?lesson=[a-z2-9]{8}", address)
        assert codes(client, "http://192.0.2.7:8000", "") == []


@pytest.mark.parametrize("own", ["192.0.2.9", None])
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104
@pytest.mark.parametrize("opened", ["localhost", "0.0.0.0", "[::1]", "[::]"])  # noqa: S104
def test_at_the_server_itself_its_address_on_the_network_is_shown(  # one parameter each
    engine: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    own: str | None,
    host: str,
    opened: str,
) -> None:
    monkeypatch.setattr(classroom, "_own_address", lambda: own)
    address = f"http://{own}:8000/learn/sum?lesson=abcdef"
    expected = [address] if own and host != "127.0.0.1" else []
    with client_of({engine.manifest.id: engine}, tmp_path, host=host) as client:
        found = codes(client, f"http://{opened}:8000", "?present=1&lesson=abcdef")
        assert found == expected


# The whole story on paper.


def test_the_handout_has_every_step_with_its_pictures(told: TestClient, digit: Digit) -> None:
    html = told.get(f"/learn/handout?digit={digit.id}").text
    page = Markup(html)
    assert page.faults == []
    assert "<noscript" not in html
    numbers = [*range(1, COUNT + 1), "Extra"]
    for number, step in zip(numbers, STEPS, strict=True):
        assert f"{number}. {step.title}" in page.text
    assert html.count("<li>", html.index("handout-questions")) >= 2 * len(STEPS)
    pictures = {item["href"] for item in page.all("image")}
    pictures |= {item["src"] for item in page.all("img")}
    assert pictures
    for address in pictures:
        assert told.get(address).status_code == 200, address
        assert "palette=grey" in address or "/digits/" in address


def test_the_handout_is_of_the_digit_of_the_step(ask: Ask, digit: Digit) -> None:
    links = [link for link in ask("sum").links() if "/handout" in link]
    assert links == [f"/learn/handout?digit={digit.id}"]


# A class: pupils show their digits, and the teacher has them.

SHOWN: Final = "of the class"


def shown(client: TestClient, lesson: str) -> list[str]:
    """Addresses of the digits on the teacher's screen."""
    page = Markup(client.get(f"/learn/sum?present=1&lesson={lesson}").text)
    assert page.faults == []
    tiles = [link for link in page.all("a") if link.get("aria-label", "").endswith(SHOWN)]
    return [link["href"] for link in tiles]


def test_each_presentation_is_a_lesson_of_its_own(engine: Engine, tmp_path: Path) -> None:
    with client_of({engine.manifest.id: engine}, tmp_path, host="0.0.0.0") as client:  # noqa: S104
        address = "http://192.0.2.7:8000/learn/filter?present=1&filter=3"
        lessons = {str(client.get(address).url) for _ in range(2)}
    assert len(lessons) == 2
    for one in lessons:
        assert re.search(r"/learn/filter\?present=1&filter=3&lesson=[a-z2-9]{8}$", one)


def test_digits_that_a_class_shows_are_on_the_screen_newest_first(
    engine: Engine, tmp_path: Path
) -> None:
    first, second = [sample.digit.id for sample in load_samples()[:2]]
    with client_of({engine.manifest.id: engine}, tmp_path) as client:
        for digit in (first, second):
            answer = client.post("/learn/sum/lesson/abcdef", data={"digit": digit})
            assert "The class sees this digit." in answer.text
            assert str(answer.url).endswith(f"/learn/sum?digit={digit}&lesson=abcdef")
        found = shown(client, "abcdef")
        kept = "lesson=abcdef&present=1"
        assert found == [f"/learn/sum?digit={digit}&{kept}" for digit in (second, first)]
        assert all(client.get(address).status_code == 200 for address in found)
        assert shown(client, "ghijkl") == []
        sheet = client.get(f"/pictures/digits.png?digits={second},{first}")
        assert "private" in sheet.headers["cache-control"]


def test_a_picture_may_be_shown_among_digits(engine: Engine, tmp_path: Path) -> None:
    picture = InputRecord.of_image(InputImage.of(np.full((10, 20, 3), 9, np.uint8)))
    digit = load_samples()[0].digit.id
    with client_of({engine.manifest.id: engine}, tmp_path) as client:
        client.app.state.services.digits.put(picture)  # type: ignore[attr-defined]
        address = f"/pictures/digits.png?digits={picture.image.id},{digit}"
        assert client.get(address).status_code == 200


def test_only_digits_that_are_stored_are_shown_to_a_class(engine: Engine, tmp_path: Path) -> None:
    with client_of({engine.manifest.id: engine}, tmp_path) as client:
        gone = client.post("/learn/sum/lesson/abcdef", data={"digit": "f" * 16})
        assert gone.status_code == 404
        assert client.post("/learn/sum/lesson/ab").status_code == 422


DRAWN: Final = {"strokes": [{"points": [[0.3, 0.2, 0.1], [0.7, 0.2, 0.1], [0.4, 0.8, 0.1]]}]}
TOKEN: Final = "open sesame"  # noqa: S105  # of the test


def test_with_a_token_the_code_of_a_lesson_opens_one_page_alone(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = "0.0.0.0"  # noqa: S104
    with client_of({engine.manifest.id: engine}, tmp_path, host=host, token=TOKEN) as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        screen = str(client.get("http://192.0.2.7:8000/learn/sum?present=1").url)
        lesson = screen.rpartition("lesson=")[2]
        (address,) = codes(client, "http://192.0.2.7:8000", f"?present=1&lesson={lesson}")
        assert address == f"http://192.0.2.7:8000/learn/class/{lesson}"
        del client.headers["Authorization"]
        page = f"/learn/class/{lesson}"
        assert Markup(client.get(page).text).faults == []
        assert client.post(page, json={"strokes": []}).status_code == 422
        assert "The class sees your digit." in client.post(page, json=DRAWN).text
        for closed in ("/", f"/learn/sum?lesson={lesson}", f"{page}/", f"/x{page}"):
            assert client.get(closed).status_code == 401, closed
        for closed in (f"/learn/sum/lesson/{lesson}", "/api/v1/digits"):
            assert client.post(closed, json=DRAWN).status_code == 401, closed
        for wrong in (f"{page[:-1]}{'b' if page[-1] == 'a' else 'a'}", page[:-1], page[:-12]):
            assert client.get(wrong).status_code == 401, wrong
            assert client.post(wrong, json=DRAWN).status_code == 401, wrong
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        assert len(shown(client, lesson)) == 1
        del client.headers["Authorization"]
        today = access_checks.lesson_day()
        for days, status in ((1, 200), (2, 401)):
            monkeypatch.setattr(access_checks, "lesson_day", lambda day=today + days: day)
            assert client.get(page).status_code == status


def test_the_code_of_a_lesson_is_of_its_token() -> None:
    lesson = access_checks.new_lesson(TOKEN)
    assert access_checks.is_signed_lesson(lesson, TOKEN)
    assert not access_checks.is_signed_lesson(lesson, "another")
    assert not access_checks.is_signed_lesson(access_checks.new_lesson(""), TOKEN)


def test_a_lesson_goes_with_its_class_from_step_to_step(ask: Ask) -> None:
    page = ask("sum", lesson="abcdef")
    steps = [link for link in page.links() if link.startswith("/learn/") and HANDOUT not in link]
    assert len(steps) > len(STEPS)
    assert all("lesson=abcdef" in link for link in steps)
