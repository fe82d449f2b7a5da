"""How a value is computed, on the filter page: the numbers shown add up to the value."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
from starlette.testclient import TestClient

from skiplens.core.input_image import Digit
from skiplens.core.manifest import FORMAT, BlockInfo, LayerInfo, Manifest
from skiplens.core.unit_arithmetic import Convolution, Dense, Merge, Unit
from skiplens.engine.base import Engine
from skiplens.errors import UnknownFilterError
from skiplens.service.forward import run_network
from skiplens.service.registry import find_layer
from skiplens.service.services import Services
from skiplens.web.links import Links
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.unit import UnitQuery, UnitSection, unit_section
from skiplens.web.pages.unit_steps import (
    ConvolutionView,
    InputLabels,
    Step,
    Term,
    UnitExplanation,
    convolution_step,
    dense_steps,
    merge_steps,
)
from skiplens.web.parameters import parse_scales
from tests.conftest import SHALLOW
from tests.web.conftest import Refused
from tests.web.pages.conftest import Look

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
        scale: str = "",
    ) -> UnitSection:
        engine = engines[network]
        scales = parse_scales(engine.manifest, scale)
        forward = run_network(engine, digit, scales)
        page_links = Links(network, digit.id, scales)
        context = PageContext(services, engine, services.digits.get(digit.id), forward, page_links)
        return unit_section(
            context, find_layer(engine.manifest, layer), index, UnitQuery(at=at, channel=channel)
        )

    return explained


def number(text: str) -> float:
    """A number as a page writes it."""
    return float(text.replace("\N{MINUS SIGN}", "-").replace(",", ""))


def test_by_default_it_is_about_the_largest_value(explain: Explain) -> None:
    section = explain("block1.output", 7)
    assert section.picker is not None
    assert f"at={section.row},{section.column}" in section.picker.largest
    again = explain("block1.output", 7, f"{section.row},{section.column}")
    assert again.value == section.value


def test_steps_end_at_the_edge(explain: Explain) -> None:
    picker = explain("block1.output", 7, "0,27").picker
    assert picker is not None
    left, up, down, right = picker.steps
    assert up.href is right.href is None
    assert "at=0,26#unit" in (left.href or "")
    assert "at=1,27#unit" in (down.href or "")


def test_a_map_of_one_value_has_no_picker(explain: Explain) -> None:
    assert explain("head.pool", 7).picker is None


def test_both_ways_to_the_value_are_stated(explain: Explain) -> None:
    section = explain("block4.conv2", 7, "3,3")
    assert number(section.sum) == pytest.approx(number(section.exact), rel=1e-4)


def test_every_layers_page_explains_a_value(
    look: Look, gallery: str, engines: Mapping[str, Engine]
) -> None:
    for network in SHALLOW:
        layers = engines[network].manifest.layers
        kinds = {(one.kind, one.role, one.shape, one.kernel, one.strides): one for one in layers}
        for layer in kinds.values():
            address = f"{gallery}/layers/{layer.name}/filters/0".replace("mnist-resnet", network)
            page = look(address)
            assert page.faults == [], layer.name
            assert "How this value is computed" in page.text
            assert "Computed by the network" in page.text


def test_links_keep_how_the_map_is_looked_at(look: Look, gallery: str) -> None:
    page = look(f"{gallery}/layers/block1.sum/filters/3?scale=block2:0&palette=light&at=4,5")
    inner = [link for link in page.links() if link.endswith("#unit")]
    assert len(inner) >= 8
    assert all("scale=block2:0" in link and "palette=light" in link for link in inner)
    fields = {
        element["name"]: element.get("value") for element in page.all("input") if "name" in element
    }
    assert fields["at"] == "4,5"
    assert fields["palette"] == "light"


@pytest.mark.parametrize(
    ("query", "status"),
    [("at=28,0", 404), ("at=x", 422), ("at=5", 422), ("channel=16", 404), ("channel=-1", 422)],
)
def test_missing_positions_and_maps_are_refused(
    api: TestClient, gallery: str, refused: Refused, query: str, status: int
) -> None:
    code = {404: ("unknown_unit", "unknown_filter"), 422: ("invalid_parameter",)}[status]
    address = f"{gallery}/layers/block1.conv1/filters/3?{query}"
    answer = api.get(address, headers={"accept": "application/json"})
    assert answer.json()["code"] in code
    refused(answer, status, answer.json()["code"])


def view_of(section: UnitSection) -> ConvolutionView:
    assert section.explanation is not None
    assert section.explanation.convolution is not None
    return section.explanation.convolution


def test_the_sums_of_all_maps_add_up_to_the_value(explain: Explain) -> None:
    section = explain("block1.conv1", 3, "9,20")
    page_links = view_of(section)
    sums = [number(channel.sum) for channel in page_links.channels]
    assert len(sums) == 16
    assert sum(sums) == pytest.approx(number(section.value), abs=0.01)
    assert [abs(item) for item in sums] == sorted(map(abs, sums), reverse=True)


def test_the_products_shown_add_up_to_the_sum_of_their_map(explain: Explain) -> None:
    chosen = view_of(explain("block1.conv1", 3, "9,20")).chosen
    products = [number(square.text) for square in chosen.products.cells]
    assert len(products) == 9
    assert sum(products) == pytest.approx(number(chosen.sum), abs=0.01)
    patch, kernel = chosen.patch.cells, chosen.kernel.cells
    for value, weight, product in zip(patch, kernel, products, strict=True):
        assert number(value.text) * number(weight.text) == pytest.approx(
            product, rel=0.02, abs=2e-3
        )


def test_the_largest_contribution_is_shown_by_default(
    explain: Explain,
) -> None:
    by_default = view_of(explain("block1.conv1", 3, "9,20"))
    assert by_default.chosen is by_default.channels[0]
    other = view_of(explain("block1.conv1", 3, "9,20", channel=11))
    assert (other.chosen.index, other.chosen.chosen) == (11, True)
    assert sum(channel.chosen for channel in other.channels) == 1
    assert f"channel={other.channels[2].index}" in other.channels[2].href
    with pytest.raises(UnknownFilterError, match=r"its maps are 0 to 15"):
        explain("block1.conv1", 3, "9,20", channel=16)


def test_the_last_line_adds_the_largest_the_others_and_the_bias(explain: Explain) -> None:
    section = explain("block2.conv", 1, "14,14", network="mnist-classic")
    (line,) = view_of(section).lines
    terms = [token for token in line.tokens if isinstance(token, Term)]
    assert [term.label for term in terms][-3:] == ["4 others", "bias", "value"]
    *parts, value = (number(term.value) for term in terms)
    assert sum(parts) == pytest.approx(value, abs=0.01)
    assert value == number(section.value)


def test_beyond_the_edge_nothing_is_coloured(explain: Explain) -> None:
    page_links = view_of(explain("block1.conv1", 3, "0,0"))
    assert page_links.beyond
    missing = [square for square in page_links.chosen.patch.cells if square.colour == "none"]
    assert {(square.y, square.x) for square in missing} == {(0, 0), (0, 1), (0, 2), (1, 0), (2, 0)}
    assert {square.text for square in missing} == {"0"}
    assert not view_of(explain("block1.conv1", 3, "5,5")).beyond


def test_the_window_lies_where_the_patch_is(explain: Explain) -> None:
    page_links = view_of(explain("block3.conv1", 3, "4,6"))
    assert page_links.input_window.text.startswith("rows 8 to 10 and columns 12 to 14 of filter ")
    x, y, width, height = page_links.input_window.window
    left, top, *_ = map(int, page_links.input_window.box.split())
    assert ((x - left) / 4, (y - top) / 4, width / 4, height / 4) == (12, 8, 3, 3)


def test_many_maps_are_drawn_in_part_and_summed_up_for_the_rest(explain: Explain) -> None:
    page_links = view_of(explain("block6.conv2", 3, "3,3"))
    assert (len(page_links.channels), page_links.drawn) == (64, 16)
    assert page_links.rest is not None
    rest = sum(number(channel.sum) for channel in page_links.channels[16:])
    assert number(page_links.rest.split()[-1]) == pytest.approx(rest, abs=0.01)


def test_the_first_convolution_looks_at_the_digit(explain: Explain) -> None:
    page_links = view_of(explain("stem.conv", 3, "9,20"))
    assert page_links.source == "the digit"
    assert len(page_links.channels) == 1
    assert page_links.chosen_href is None
    assert page_links.input_window.picture.src.endswith("/input.png")
    patch, _, _ = page_links.legends
    assert (patch.high, patch.ramp) == ("1.00", "grey")


def lines_of(explain: Explain, layer: str, at: str = "9,20", **options: object) -> tuple[Step, ...]:
    explanation = explain(layer, 3, at, **options).explanation
    assert explanation is not None
    return explanation.lines


def terms_of(line: Step) -> list[Term]:
    return [token for token in line.tokens if isinstance(token, Term)]


def values_of(line: Step) -> list[float]:
    return [number(term.value) for term in terms_of(line)]


def tiny(layers: tuple[LayerInfo, ...], *blocks: BlockInfo) -> Manifest:
    """A network of these layers."""
    return Manifest(
        format=FORMAT,
        id="tiny",
        title="Tiny",
        summary="A tiny network.",
        input_shape=(28, 28, 1),
        classes=("0", "1"),
        parameters=3,
        layers=layers,
        blocks=blocks,
        graphs={},
        test_accuracy=None,
        evaluation=None,
        training=None,
        files={},
    )


def test_a_batch_norm_goes_on_from_line_to_line(explain: Explain) -> None:
    first, second, third = map(values_of, lines_of(explain, "block1.norm1"))
    assert first[0] - first[1] == pytest.approx(first[2], abs=1e-2)
    assert second[0] == first[2]
    assert second[0] / second[1] == pytest.approx(second[2], rel=1e-2)
    assert third[0] == second[2]
    assert third[0] * third[1] + third[2] == pytest.approx(third[3], rel=1e-2)


def test_a_sum_has_the_two_colours_and_leads_to_both(explain: Explain) -> None:
    (line,) = lines_of(explain, "block1.sum")
    x, fx, total = terms_of(line)
    assert (x.tone, fx.tone, total.tone) == ("identity", "residual", "")
    assert (x.label, fx.label) == ("x: stem.output", "F(x): block1.residual")
    assert "/layers/stem.output/filters/3?at=9,20#unit" in (x.href or "")
    assert number(x.value) + number(fx.value) == pytest.approx(number(total.value), abs=1e-2)


def test_a_projected_x_is_still_x(explain: Explain) -> None:
    (line,) = lines_of(explain, "block3.sum", "9,10")
    assert terms_of(line)[0].label == "x: block3.identity"


def test_relu_says_what_it_does(explain: Explain) -> None:
    results = []
    for at in ("9,20", "20,12"):
        (line,) = lines_of(explain, "block1.relu1", at)
        given, result = values_of(line)
        assert result == max(given, 0)
        assert line.text.startswith("Above zero" if result else "Not above zero")
        results.append(result)
    assert results[0] > results[1] == 0


def test_a_disabled_branch_is_multiplied_by_zero(explain: Explain) -> None:
    (on,) = lines_of(explain, "block1.residual")
    given, result = values_of(on)
    assert given == result
    (off,) = lines_of(explain, "block1.residual", scale="block1:0")
    assert [term.label for term in terms_of(off)] == ["block1.norm2", "branch off", "F(x)"]
    assert values_of(off)[1:] == [0, 0]


def test_a_highway_takes_shares_of_both() -> None:
    names = ("stem.output", "block1.residual", "block1.gate")
    merged = LayerInfo("block1.sum", "Highway", "sum", "block1", (2, 2, 1), inputs=names)
    given = [replace(merged, name=name, role="conv", kind="Conv2D") for name in names]
    x, fx, gate = names
    block = BlockInfo("block1", "highway", x, x, fx, gate, merged.name, merged.name, True)
    manifest = tiny((*given, merged), block)
    found = Merge("highway", (8.0, 4.0, 0.25))
    unit = Unit(merged, 0, (1, 1), 7.0, found)
    lines = merge_steps(found, InputLabels(unit, manifest, Links("tiny", "0" * 16)))
    assert [values_of(line) for line in lines] == [[0.25, 4, 1], [0.75, 8, 6], [1, 6, 7]]
    tones = [[term.tone for term in terms_of(line)] for line in lines]
    assert tones[0] == ["", "residual", "residual"]
    assert tones[1] == ["", "identity", "identity"]
    assert terms_of(lines[0])[0].label == "T(x): block1.gate"


def test_a_batch_norm_explains_a_missing_bias_only_if_one_follows() -> None:
    conv = LayerInfo("stem.conv", "Conv2D", "conv", None, (2, 2, 1), inputs=("input",))
    norm = LayerInfo(
        "stem.norm", "BatchNormalization", "norm", None, (2, 2, 1), inputs=(conv.name,)
    )
    relu = replace(norm, name="stem.relu", kind="ReLU", role="activation")
    item = np.ones((1, 1, 1), np.float32)
    found = Convolution(item, np.ones((1, 1), bool), item, None, (0, 0), (1, 1), 0)
    unit = Unit(conv, 0, (0, 0), 1.0, found)
    words = []
    for behind in ((norm,), (relu,), (relu, replace(norm, inputs=(relu.name,)))):
        sources = InputLabels(unit, tiny((conv, *behind)), Links("tiny", "0" * 16))
        words.append(convolution_step(found, [0], sources).text)
    assert [item.partition("; ")[2] for item in words] == [
        "this layer has no bias, because the batch normalisation after it has one.",
        "this layer has no bias.",
        "this layer has no bias.",
    ]


@pytest.mark.parametrize(
    ("bias", "text"),
    [(0.5, "All products and the bias are added."), (None, "All products are added.")],
)
def test_a_dense_layer_adds_a_bias_if_it_has_one(bias: float | None, text: str) -> None:
    layer = LayerInfo("head.logits", "Dense", "logits", None, (1, 1, 1), inputs=("input",))
    found = Dense(np.ones(3, np.float32), np.ones(3, np.float32), bias)
    labels = InputLabels(
        Unit(layer, 0, (0, 0), 3.0, found), tiny((layer,)), Links("tiny", "0" * 16)
    )
    (line,) = dense_steps(found, labels).lines
    assert line.text == text


def explanation_of(explain: Explain, *asked: object, **options: object) -> UnitExplanation:
    explanation = explain(*asked, **options).explanation
    assert explanation is not None
    return explanation


@pytest.mark.parametrize("network", ["mnist-resnet", "mnist-classic"])
def test_a_dense_layer_lists_its_ten_largest_products(explain: Explain, network: str) -> None:
    explanation = explanation_of(explain, "head.logits", 7, network=network)
    table = explanation.table
    assert table is not None
    assert len(table.rows) == 10
    for row in table.rows:
        value, weight, product = map(number, row.cells)
        assert value * weight == pytest.approx(product, abs=2e-3)
        assert row.href is not None
    listed, rest, bias, total = values_of(explanation.lines[0])
    assert listed == pytest.approx(sum(number(row.cells[2]) for row in table.rows), abs=1e-2)
    assert listed + rest + bias == pytest.approx(total, abs=1e-2)
    assert table.rest is not None
    assert number(table.rest.split()[-1]) == rest


def test_a_position_of_a_flattened_map_is_named(explain: Explain) -> None:
    table = explanation_of(explain, "head.logits", 7, network="mnist-classic").table
    assert table is not None
    name, href = table.rows[0].name, table.rows[0].href or ""
    source, place = name.split(" at ")
    assert f"/filters/{source.split(':')[1]}?at={place}#unit" in href


def test_a_softmax_shows_every_class(explain: Explain) -> None:
    explanation = explanation_of(explain, "head.probabilities", 7)
    table = explanation.table
    assert table is not None
    assert [row.name for row in table.rows] == list("0123456789")
    assert [row.name for row in table.rows if row.chosen] == ["7"]
    powers = [number(row.cells[1]) for row in table.rows]
    assert max(powers) == 1
    power, total, value = values_of(explanation.lines[0])
    assert total == pytest.approx(sum(powers), abs=1e-2)
    assert power / total == pytest.approx(value, abs=1e-3)


def test_a_pooling_writes_its_window_out(explain: Explain) -> None:
    explanation = explanation_of(explain, "head.pool", 3, "3,4", network="mnist-classic")
    window = explanation.window
    assert window is not None
    assert window.numbers is not None
    values = [number(square.text) for square in window.numbers.cells]
    assert len(values) == 4
    assert values_of(explanation.lines[0]) == [pytest.approx(max(values), rel=0.01)]
    assert window.text.startswith("2 \N{MULTIPLICATION SIGN} 2 values: rows 6 to 7 and columns 8")


def test_a_global_pooling_is_a_mean(explain: Explain) -> None:
    explanation = explanation_of(explain, "head.pool", 1)
    total, count, value = values_of(explanation.lines[0])
    assert count == 49
    assert total / count == pytest.approx(value, rel=1e-3)
