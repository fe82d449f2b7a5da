"""Images of activations and kernels: every pixel gives its value back."""

import io
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from skiplens.core import grid_image
from skiplens.core.branch_scales import AS_TRAINED, Scales
from skiplens.core.colormaps import LABEL_LEVEL, PaletteName, colours
from skiplens.core.feature_stats import FilterStatistics, Sort
from skiplens.core.input_image import Digit
from skiplens.core.manifest import LayerInfo
from skiplens.core.value_range import TOP_LEVEL, Normalisation
from skiplens.engine.base import Engine
from skiplens.errors import InvalidParameterError, NotFoundError, UnknownBlockError
from skiplens.service.feature_map_table import (
    FeatureMapTable,
    block_table,
    feature_map_table,
    stage_table,
    stages,
)
from skiplens.service.forward import ForwardPass, run_network
from skiplens.service.map_grids import KERNEL_ZOOM as ZOOM
from skiplens.service.map_grids import (
    Grid,
    GridOptions,
    LabelledKernelGrid,
    kernel_grid,
    layer_grid,
)
from skiplens.service.registry import find_layer

KEYS: dict[Sort, Callable[[FilterStatistics], float]] = {
    Sort.INDEX: lambda one: one.index,
    Sort.MEAN: lambda one: -one.mean,
    Sort.MAXIMUM: lambda one: -one.max,
    Sort.ZEROS: lambda one: one.zero_share,
}


@pytest.fixture(scope="module")
def forward(engine: Engine, digit: Digit) -> ForwardPass:
    """The forward pass of a seven."""
    return run_network(engine, digit, AS_TRAINED)


def indices(drawing: Grid | LabelledKernelGrid | FeatureMapTable) -> np.ndarray:
    """The palette indices of its image."""
    with Image.open(io.BytesIO(drawing.png())) as image:
        return np.asarray(image)


def grid_of(forward: ForwardPass, name: str, options: GridOptions = GridOptions()) -> Grid:  # noqa: B008
    """The grid of a whole layer."""
    layer = find_layer(forward.manifest, name)
    return layer_grid(forward, layer, tuple(range(layer.filters)), options)


@pytest.mark.parametrize("normalisation", Normalisation)
@pytest.mark.parametrize("name", ["stem.conv", "block1.output", "block4.sum", "head.pool"])
def test_every_pixel_gives_its_value_back_to_half_a_level(
    forward: ForwardPass, name: str, normalisation: Normalisation
) -> None:
    grid = grid_of(forward, name, GridOptions(normalisation, zoom=3))
    picture = indices(grid)
    maps = forward.activations[name]
    assert picture.shape == (grid.layout.height, grid.layout.width)
    for cell in grid.cells:
        x, y, width, height = cell.box
        levels = picture[y : y + height, x : x + width]
        low, high = cell.range
        step = (high - low) / TOP_LEVEL
        expected = np.kron(maps[:, :, cell.filter], np.ones((3, 3)))
        assert np.abs(low + levels * step - expected).max() <= step * 0.5001 + 1e-12


def test_signed_layers_are_centred_and_the_others_start_at_zero(forward: ForwardPass) -> None:
    signed, positive = grid_of(forward, "block1.sum"), grid_of(forward, "block1.output")
    assert signed.diverging
    assert not positive.diverging
    assert signed.range[0] == -signed.range[1]
    assert positive.range[0] == 0.0
    forced = grid_of(forward, "block1.output", GridOptions(Normalisation.SYMMETRIC))
    assert forced.diverging
    assert forced.range[0] == -forced.range[1]


def test_the_parts_of_a_block_share_one_scale_and_one_colour_for_a_value(
    forward: ForwardPass,
) -> None:
    options = GridOptions(Normalisation.BLOCK)
    parts = [grid_of(forward, f"block2.{role}", options) for role in ("residual", "sum")]
    output = grid_of(forward, "block2.output", options)
    assert parts[0].range == parts[1].range
    assert output.range == (0.0, parts[0].range[1])
    names = ("block1.output", "block2.residual", "block2.sum", "block2.output")
    reach = max(float(np.abs(forward.activations[name]).max()) for name in names)
    assert output.range[1] == pytest.approx(reach)
    alone = grid_of(forward, "block2.conv1", options)
    assert alone.options.normalize is Normalisation.LAYER


def test_the_input_of_a_block_is_shown_in_the_range_of_that_block(forward: ForwardPass) -> None:
    alone = grid_of(forward, "block1.output")
    as_x = grid_of(forward, "block1.output", GridOptions(block="block2"))
    residual = grid_of(forward, "block2.residual")
    assert as_x.range == (0.0, residual.range[1]) != alone.range
    np.testing.assert_array_equal(as_x.maps, alone.maps)
    layer = GridOptions(Normalisation.LAYER, block="block2")  # it matters to no other range
    largest = float(forward.activations["block1.output"].max())
    assert grid_of(forward, "block1.output", layer).range == (0.0, largest)
    with pytest.raises(UnknownBlockError):
        grid_of(forward, "block1.output", GridOptions(block="block9"))


def test_a_filter_looks_the_same_alone_as_among_the_others(forward: ForwardPass) -> None:
    layer = find_layer(forward.manifest, "block3.output")
    every = grid_of(forward, "block3.output")
    alone = layer_grid(forward, layer, (5,), GridOptions())
    assert alone.cells[0].range == every.cells[5].range
    x, y, width, height = every.cells[5].box
    ax, ay, _, _ = alone.cells[0].box
    assert (
        indices(alone)[ay : ay + height, ax : ax + width]
        == indices(every)[y : y + height, x : x + width]
    ).all()


def test_dead_filters_are_flat_and_flagged(forward: ForwardPass) -> None:
    silent = dict(forward.activations)
    silent["block1.output"] = np.zeros_like(silent["block1.output"])
    silent["block1.output"][..., 3] = 0.7
    silent["block1.output"][2, 2, 4] = 0.2
    found = grid_of(
        ForwardPass(forward.manifest, forward.digit, AS_TRAINED, silent),
        "block1.output",
        GridOptions(Normalisation.FILTER),
    )
    assert [cell.dead for cell in found.cells[2:5]] == [True, False, False]
    assert [cell.constant for cell in found.cells[2:5]] == [True, True, False]
    x, y, width, height = found.cells[2].box
    assert not indices(found)[y : y + height, x : x + width].any()


def test_the_same_picture_always_has_the_same_bytes(forward: ForwardPass) -> None:
    assert grid_of(forward, "stem.conv").png() == grid_of(forward, "stem.conv").png()


def test_the_palette_asked_for_is_the_palette_used(forward: ForwardPass) -> None:
    with Image.open(
        io.BytesIO(grid_of(forward, "stem.conv", GridOptions(palette=PaletteName.LIGHT)).png())
    ) as image:
        used = np.array(image.getpalette(), np.uint8).reshape(-1, 3)
    assert (used == colours(PaletteName.LIGHT, diverging=True)[: len(used)]).all()


def test_a_picture_beyond_all_measure_is_refused(forward: ForwardPass) -> None:
    huge = dict(forward.activations)
    huge["stem.conv"] = np.zeros((512, 512, 16), np.float32)
    layer = find_layer(forward.manifest, "stem.conv")
    large = type(layer)(**{**vars(layer), "shape": (512, 512, 16)})
    forward_pass = ForwardPass(forward.manifest, forward.digit, AS_TRAINED, huge)
    with pytest.raises(InvalidParameterError, match=r"zoom 16 .* at most 16000000"):
        layer_grid(forward_pass, large, tuple(range(16)), GridOptions(zoom=16))


def test_kernels_stand_a_row_an_output_and_a_column_an_input(engine: Engine) -> None:
    kernel = engine.weights["block3.conv1/kernel"]
    height, width, channels, count = kernel.shape
    grid = kernel_grid(kernel, GridOptions())
    assert grid.layout.columns == channels
    assert len(grid.cells) == channels * count
    picture = indices(grid)
    low, high = grid.range
    for output, channel in ((0, 0), (3, 7), (count - 1, channels - 1)):
        x, y, box_width, box_height = grid.cells[output * channels + channel].box
        zoom = grid.layout.zoom
        levels = picture[y : y + box_height : zoom, x : x + box_width : zoom]
        step = (high - low) / TOP_LEVEL
        assert levels.shape == (height, width)
        assert np.abs(low + levels * step - kernel[:, :, channel, output]).max() <= step * 0.5001


@pytest.mark.parametrize("sort", Sort)
def test_a_sorted_grid_shows_each_filter_in_its_new_place(forward: ForwardPass, sort: Sort) -> None:
    grid = grid_of(forward, "block4.output", GridOptions(sort=sort))
    plain = grid_of(forward, "block4.output")
    statistics = forward.statistics(find_layer(forward.manifest, "block4.output"))
    order = [cell.filter for cell in grid.cells]
    assert sorted(order) == list(range(32))
    assert order == [one.index for one in sorted(statistics, key=KEYS[sort])]
    assert [cell.box for cell in grid.cells] == [cell.box for cell in plain.cells]
    assert [cell.dead for cell in grid.cells] == [statistics[at].dead for at in order]
    picture, usual = indices(grid), indices(plain)
    for cell in grid.cells:
        x, y, width, height = cell.box
        left, top, *_ = plain.cells[cell.filter].box
        shown = picture[y : y + height, x : x + width]
        assert np.array_equal(shown, usual[top : top + height, left : left + width])


def test_filters_that_are_named_are_sorted_among_themselves(forward: ForwardPass) -> None:
    layer = find_layer(forward.manifest, "block4.output")
    named = layer_grid(forward, layer, (9, 2, 5), GridOptions())
    assert [cell.filter for cell in named.cells] == [9, 2, 5]
    by_mean = layer_grid(forward, layer, (9, 2, 5), GridOptions(sort=Sort.MEAN))
    means = [float(forward.maps(layer)[:, :, cell.filter].mean()) for cell in by_mean.cells]
    assert means == sorted(means, reverse=True)


COUNT, CHANNELS = 12, 3


@pytest.fixture
def kernel() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(1).normal(size=(3, 3, CHANNELS, COUNT)).astype(np.float32)


@pytest.fixture
def drawn(kernel: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> LabelledKernelGrid:
    return LabelledKernelGrid.of(kernel, PaletteName.DARK)


def test_the_picture_is_as_large_as_it_says(drawn: LabelledKernelGrid) -> None:
    assert indices(drawn).shape == (drawn.layout.height, drawn.layout.width)


def test_a_row_is_a_filter_and_a_column_what_it_is_given(
    drawn: LabelledKernelGrid, kernel: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> None:
    picture = indices(drawn)
    reach = np.abs(kernel).max()
    for row, column in ((0, 0), (4, 2), (11, 1)):
        x, y, width, height = drawn.layout.boxes[row * CHANNELS + column]
        shown = picture[y : y + height : ZOOM, x : x + width : ZOOM]
        expected = np.rint((kernel[:, :, column, row] / reach + 1) * 126)
        assert np.abs(shown - expected).max() <= 1


@pytest.mark.parametrize("row", [0, 9, 11])
def test_each_filter_has_its_index_beside_its_row(drawn: LabelledKernelGrid, row: int) -> None:
    x, y, _, height = drawn.layout.boxes[row * CHANNELS]
    ink = grid_image.draw_index(row)
    beside = indices(drawn)[y : y + height, : x - 2] == LABEL_LEVEL
    assert beside.sum() == ink.sum()
    rows, columns = beside.nonzero()
    assert (
        (beside[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]).sum() == ink.sum()
    )


def test_columns_have_their_index_above_the_first_row(drawn: LabelledKernelGrid) -> None:
    _, top, *_ = drawn.layout.boxes[0]
    above = indices(drawn)[:top] == LABEL_LEVEL
    assert above.sum() == sum(grid_image.draw_index(column).sum() for column in range(CHANNELS))


def test_kernels_of_one_weight_still_have_room_for_their_index() -> None:
    kernel = np.ones((1, 1, 2, 120), np.float32)
    picture = indices(LabelledKernelGrid.of(kernel, PaletteName.GREY))
    assert (picture == LABEL_LEVEL).any()


def test_a_tables_rows_share_one_scale_and_equal_their_arrays(
    forward_passes: dict[str, ForwardPass],
) -> None:
    for forward in forward_passes.values():
        for block in forward.manifest.blocks:
            table = block_table(forward, block, PaletteName.DARK)
            picture = indices(table)
            filters = table.layout.columns
            for at, row in enumerate(table.rows):
                x, y, width, height = table.layout.boxes[at * filters + 1]
                zoom = table.layout.zoom
                levels = picture[y : y + height : zoom, x : x + width : zoom]
                step = (row.range[1] - row.range[0]) / TOP_LEVEL
                found = row.range[0] + levels * step
                expected = forward.activations[row.layer.name][..., 1].reshape(levels.shape)
                assert np.abs(found - expected).max() <= step * 0.5001
            shared = {row.range for row in table.rows if row.role != "gate"}
            assert len(shared) == 1


@pytest.mark.parametrize("room", [0, 1380, 1880])
def test_a_table_takes_the_largest_zoom_for_which_there_is_room(
    forward_passes: dict[str, ForwardPass], room: int
) -> None:
    forward = forward_passes["mnist-resnet"]
    for block in forward.manifest.blocks:
        usual = block_table(forward, block, PaletteName.DARK)
        zoom = usual.zoom_within(room)
        found, larger = (
            block_table(forward, block, PaletteName.DARK, zoom=one) for one in (zoom, zoom + 1)
        )
        assert found.layout.width <= room or zoom == usual.layout.zoom
        side = max(larger.layout.boxes[0][2:])
        assert larger.layout.width > room or side > grid_image.MAX_MAP_SIDE_PX


def test_tables_name_their_rows(forward_passes: dict[str, ForwardPass]) -> None:
    manifest = forward_passes["mnist-resnet"].manifest
    roles = [
        [
            row.role
            for row in block_table(forward_passes["mnist-resnet"], one, PaletteName.GREY).rows
        ]
        for one in manifest.blocks
    ]
    assert roles[0] == ["x", "F(x)", "sum", "output"]
    assert roles[2] == ["projected x", "F(x)", "sum", "output"]


@pytest.fixture
def concatenating(forward_passes: dict[str, ForwardPass]) -> ForwardPass:
    """A block that concatenates three maps of x and two of F(x)."""
    manifest = forward_passes["mnist-classic"].manifest
    rng = np.random.default_rng(3)
    x, fx = (rng.normal(size=(6, 6, count)).astype(np.float32) for count in (3, 2))
    both = np.concatenate([x, fx], axis=-1)
    maps = {"stem": x, "block1.residual": fx, "block1.sum": both, "block1.output": both.clip(0)}
    layers = tuple(
        LayerInfo(name, "Any", "any", "block1", (6, 6, one.shape[-1])) for name, one in maps.items()
    )
    block = replace(manifest.blocks[0], merge="concatenate", input="stem", identity="stem")
    manifest = replace(manifest, layers=layers, blocks=(block,))
    return replace(forward_passes["mnist-classic"], manifest=manifest, activations=maps)


def test_concatenated_maps_have_columns_of_their_own(concatenating: ForwardPass) -> None:
    block = concatenating.manifest.blocks[0]
    table = block_table(concatenating, block, PaletteName.GREY, zoom=1)
    x, fx, total, _ = table.rows
    assert [(row.first, row.layer.filters) for row in table.rows] == [
        (0, 3),
        (3, 2),
        (0, 5),
        (0, 5),
    ]
    assert table.box(x, 3) is None
    assert table.box(fx, 2) is None
    picture = indices(table)
    for column in range(5):
        above = table.box(x if column < 3 else fx, column)
        below = table.box(total, column)
        assert above
        assert below
        assert above[0] == below[0]
        first, second = (picture[y : y + 6, left : left + 6] for left, y, *_ in (above, below))
        assert np.array_equal(first, second)


def test_a_row_of_a_table_may_have_no_map(concatenating: ForwardPass) -> None:
    block = concatenating.manifest.blocks[0]
    every, one = (
        block_table(concatenating, block, PaletteName.GREY, 4, filters) for filters in (None, (4,))
    )
    assert [len(one.places(row)) for row in one.rows] == [0, 1, 1, 1]
    alone, together = (indices(table) for table in (one, every))
    for row, among in zip(one.rows[1:], every.rows[1:], strict=True):
        box, other = one.box(row, 4), every.box(among, 4)
        assert box
        assert other
        first, second = (
            picture[y : y + height, x : x + width]
            for picture, (x, y, width, height) in ((alone, box), (together, other))
        )
        assert np.array_equal(first, second)


def test_a_table_too_large_to_draw_is_refused(concatenating: ForwardPass) -> None:
    block = concatenating.manifest.blocks[0]
    with pytest.raises(InvalidParameterError, match="at most 16000000 are allowed"):
        block_table(concatenating, block, PaletteName.GREY, zoom=1000)


def test_the_gates_of_a_stage_share_the_range_of_the_largest_factor(
    engines: Mapping[str, Engine], digit: Digit
) -> None:
    scales = Scales((("block2", -2.0), ("block3", 0.5)))
    forward = run_network(engines["mnist-highway"], digit, scales)
    table = stage_table(forward, 1, "gate", PaletteName.DARK)
    assert {row.range for row in table.rows} == {(-2.0, 2.0)}
    ranges = [
        block_table(forward, block, PaletteName.DARK).gate_range
        for block in forward.manifest.blocks[:3]
    ]
    assert ranges == [(-1.0, 1.0), (-2.0, 2.0), (-1.0, 1.0)]


@pytest.mark.parametrize(
    ("network", "role", "factor", "diverging"),
    [
        ("mnist-resnet", "output", 1.0, False),
        ("mnist-resnet", "residual", 1.0, True),
        ("mnist-highway", "gate", 1.0, False),
        ("mnist-highway", "gate", 2.0, False),
        ("mnist-highway", "gate", -2.0, True),
    ],
)
def test_a_stage_of_nothing_negative_is_drawn_from_zero(
    engines: Mapping[str, Engine],
    digit: Digit,
    network: str,
    role: str,
    factor: float,
    diverging: bool,
) -> None:
    forward = run_network(engines[network], digit, Scales.in_order({"block2": factor}, ["block2"]))
    table = stage_table(forward, 1, role, PaletteName.DARK)
    low, high = table.range
    assert table.diverging == diverging
    assert low == (-high if diverging else 0)
    assert table.gate_range is None  # there are no others that it is the range beside
    if role == "gate":
        assert high == max(1.0, abs(factor))
    picture, zoom = indices(table), table.layout.zoom
    for row in table.rows:
        box = table.box(row, 1)
        assert box
        x, y, width, height = box
        found = (
            low + picture[y : y + height : zoom, x : x + width : zoom] * (high - low) / TOP_LEVEL
        )
        expected = forward.activations[row.layer.name][..., 1]
        assert np.abs(found - expected).max() <= (high - low) / TOP_LEVEL * 0.5001


def test_what_a_negative_factor_makes_negative_is_drawn_around_zero(
    concatenating: ForwardPass,
) -> None:
    never = [replace(layer, signed=False) for layer in concatenating.manifest.layers]
    manifest = replace(concatenating.manifest, layers=tuple(never))
    forward = replace(concatenating, manifest=manifest, scales=Scales((("block1", -1.0),)))
    parts = [("sum", "block1.sum")]
    assert feature_map_table(forward, parts, PaletteName.DARK, None).diverging
    trained = replace(forward, scales=AS_TRAINED)
    assert not feature_map_table(trained, parts, PaletteName.DARK, None).diverging


def test_stages_are_runs_of_one_shape(forward_passes: dict[str, ForwardPass]) -> None:
    names = [
        [block.name for block in run] for run in stages(forward_passes["mnist-resnet"].manifest)
    ]
    assert names == [["block1", "block2"], ["block3", "block4"], ["block5", "block6"]]
    assert len(stages(forward_passes["mnist-classic"].manifest)) == 1


def test_a_stage_table_follows_one_filter(forward_passes: dict[str, ForwardPass]) -> None:
    forward = forward_passes["mnist-classic"]
    table = stage_table(forward, 1, "residual", PaletteName.DARK)
    assert [row.layer.name for row in table.rows] == [f"block{at}.residual" for at in range(1, 6)]
    assert table.layout.columns == 8
    with pytest.raises(NotFoundError, match="stage must be 1 to 1; got '2'"):
        stage_table(forward, 2, "output", PaletteName.DARK)
    with pytest.raises(InvalidParameterError, match="role gate is not available"):
        stage_table(forward, 1, "gate", PaletteName.DARK)
