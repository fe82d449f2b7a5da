"""Blocks, strips, streams, flow and read-out, for every network that ships."""

import io
from collections.abc import Mapping

import numpy as np
import pytest
from PIL import Image

from app.core.digit import Digit
from app.core.palettes import PaletteName
from app.core.scaling import TOP_LEVEL
from app.engine.protocol import Engine
from app.errors import InvalidParameterError
from app.service.blocks import figures
from app.service.catalogue import layer_of
from app.service.comparison import common_layers, compare, comparison_grid
from app.service.examination import EngineExaminer, Examination
from app.service.flow import flow
from app.service.grids import GridOptions
from app.service.matrices import block_strip, stream_matrix, streams
from app.service.readout import readouts


@pytest.fixture(scope="module")
def examinations(engines: Mapping[str, Engine], digit: Digit) -> dict[str, Examination]:
    """The same seven in every network."""
    return {name: EngineExaminer().examine(one, digit, ()) for name, one in engines.items()}


def test_sum_is_x_plus_f_and_output_its_positive_part(
    examinations: dict[str, Examination],
) -> None:
    for examination in examinations.values():
        for block in examination.manifest.blocks:
            maps = examination.activations
            total = maps[block.sum or block.residual]
            assert np.array_equal(maps[block.output], np.maximum(total, 0))
            if block.identity is None:
                continue
            x, fx = maps[block.identity], maps[block.residual]
            if block.gate is not None:
                x, fx = (1 - maps[block.gate]) * x, maps[block.gate] * fx
            assert np.abs(x + fx - total).max() <= 1e-5 * max(1, np.abs(total).max())


def test_a_block_that_is_off_adds_nothing(engines: Mapping[str, Engine], digit: Digit) -> None:
    for engine in engines.values():
        for name in engine.manifest.switches:
            found = EngineExaminer().examine(engine, digit, (name,)).activations
            block = next(one for one in engine.manifest.blocks if one.name == name)
            assert np.array_equal(found[str(block.sum)], found[str(block.identity)])


def test_all_off_is_not_what_one_off_is(engine: Engine, digit: Digit) -> None:
    one = EngineExaminer().examine(engine, digit, ("block2",))
    every = EngineExaminer().examine(engine, digit, engine.manifest.switches)
    assert not np.array_equal(one.probabilities, every.probabilities)


def test_figures_equal_numpys_on_the_same_arrays(examinations: dict[str, Examination]) -> None:
    examination = examinations["mnist-resnet"]
    for block, found in zip(examination.manifest.blocks, figures(examination), strict=True):
        x, fx, total = (
            examination.activations[str(name)].astype(np.float64).ravel()
            for name in (block.identity, block.residual, block.sum)
        )
        assert found.norm_x == pytest.approx(np.sqrt(x @ x))
        assert found.cosine == pytest.approx(x @ fx / np.sqrt((x @ x) * (fx @ fx)))
        assert found.relu_cut == pytest.approx(-total[total < 0].sum() / np.abs(total).sum())


def test_a_strips_rows_share_one_scale_and_equal_their_arrays(
    examinations: dict[str, Examination],
) -> None:
    for examination in examinations.values():
        for block in examination.manifest.blocks:
            strip = block_strip(examination, block, PaletteName.DUSK)
            with Image.open(io.BytesIO(strip.png())) as image:
                picture = np.asarray(image)
            filters = strip.geometry.columns
            for at, row in enumerate(strip.rows):
                x, y, width, height = strip.geometry.boxes[at * filters + 1]
                zoom = strip.geometry.zoom
                levels = picture[y : y + height : zoom, x : x + width : zoom]
                step = (row.range[1] - row.range[0]) / TOP_LEVEL
                found = row.range[0] + levels * step
                expected = examination.activations[row.layer.name][..., 1]
                assert np.abs(found - expected).max() <= step * 0.5001
            shared = {row.range for row in strip.rows if row.role != "gate"}
            assert len(shared) == 1


def test_strips_name_their_rows(examinations: dict[str, Examination]) -> None:
    manifest = examinations["mnist-resnet"].manifest
    roles = [
        [row.role for row in block_strip(examinations["mnist-resnet"], one, PaletteName.GREY).rows]
        for one in manifest.blocks
    ]
    assert roles[0] == ["x", "F(x)", "sum", "output"]
    assert roles[2] == ["projected x", "F(x)", "sum", "output"]


def test_streams_are_runs_of_one_shape(examinations: dict[str, Examination]) -> None:
    names = [
        [block.name for block in run] for run in streams(examinations["mnist-resnet"].manifest)
    ]
    assert names == [["block1", "block2"], ["block3", "block4"], ["block5", "block6"]]
    assert len(streams(examinations["mnist-classic"].manifest)) == 1


def test_a_stream_matrix_follows_one_filter(examinations: dict[str, Examination]) -> None:
    examination = examinations["mnist-classic"]
    matrix = stream_matrix(examination, 1, "residual", PaletteName.DUSK)
    assert [row.layer.name for row in matrix.rows] == [f"block{at}.residual" for at in range(1, 6)]
    assert matrix.geometry.columns == 8
    with pytest.raises(InvalidParameterError, match="stream must be 1 to 1; got 2"):
        stream_matrix(examination, 2, "output", PaletteName.DUSK)
    with pytest.raises(InvalidParameterError, match="role gate is not to be had"):
        stream_matrix(examination, 1, "gate", PaletteName.DUSK)


def test_the_two_routes_of_the_flow_sum_to_the_whole(
    engines: Mapping[str, Engine], examinations: dict[str, Examination]
) -> None:
    for name, engine in engines.items():
        examination = examinations[name]
        image = examination.digit.as_input()
        for target in (examination.label, 4):
            gradients = engine.gradients(image, examination.gates, target)
            found = flow(engine, examination, target)
            for block, one in zip(engine.manifest.blocks, found.blocks, strict=True):
                whole = gradients[block.input]
                assert one.total == pytest.approx(np.linalg.norm(whole), rel=1e-5)
                if block.identity is None:
                    continue
                routes = (
                    gradients[f"{block.name}.x:identity"] + gradients[f"{block.name}.x:residual"]
                )
                assert np.abs(routes - whole).max() <= 1e-4 * np.abs(whole).max()


def test_flow_takes_the_predicted_class_unless_told(
    engine: Engine, examinations: dict[str, Examination]
) -> None:
    examination = examinations["mnist-resnet"]
    assert flow(engine, examination).target == 7
    assert flow(engine, examination, 2).target == 2
    with pytest.raises(InvalidParameterError, match="target must be 0 to 9; got 10"):
        flow(engine, examination, 10)


def test_the_last_readout_is_the_answer(
    engines: Mapping[str, Engine], examinations: dict[str, Examination]
) -> None:
    for name, engine in engines.items():
        found = readouts(examinations[name], engine.weights)
        assert found[-1].after == engine.manifest.blocks[-1].output
        assert np.abs(found[-1].probabilities - examinations[name].probabilities).max() < 1e-5
        for one in found:
            assert one.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_a_digit_compared_with_itself_differs_nowhere(
    examinations: dict[str, Examination],
) -> None:
    one = examinations["mnist-resnet"]
    assert {found.norm_difference for found in compare(one, one)} == {0.0}
    assert len(common_layers(one, one)) == len(one.manifest.layers)


def test_a_difference_is_signed_and_both_sides_share_a_range(
    engine: Engine, examinations: dict[str, Examination]
) -> None:
    a = examinations["mnist-resnet"]
    b = EngineExaminer().examine(engine, a.digit, ("block1",))
    options = GridOptions()
    sides = [comparison_grid(a, b, "block2.output", side, options) for side in ("a", "b")]
    assert sides[0].range == sides[1].range
    difference = comparison_grid(a, b, "block2.output", "difference", options)
    assert difference.diverging
    assert difference.range[0] == -difference.range[1]
    expected = a.activations["block2.output"] - b.activations["block2.output"]
    assert np.array_equal(difference.maps, expected)
    with pytest.raises(InvalidParameterError, match="layer must be one that both have"):
        comparison_grid(a, b, "nope", "a", options)


def test_networks_of_different_shape_share_what_they_share(
    examinations: dict[str, Examination],
) -> None:
    shared = common_layers(examinations["mnist-resnet"], examinations["mnist-classic"])
    assert {layer.name for layer in shared} >= {"head.logits", "head.probabilities"}
    for layer in shared:
        assert layer_of(examinations["mnist-classic"].manifest, layer.name).shape == layer.shape
