"""Metrics of a block and of its filters."""

import numpy as np
import pytest

from skiplens.core.block_metrics import block_metrics, cosine, filter_metrics, merge_inputs
from skiplens.core.manifest import BlockInfo


def block(**changes: str | None) -> BlockInfo:
    """A block whose parts are called x, f, s and o."""
    parts: dict[str, str | None] = {
        "merge": "add",
        "input": "x",
        "identity": "x",
        "residual": "f",
        "gate": None,
        "sum": "s",
        "output": "o",
    }
    return BlockInfo(name="b", can_disable=True, **{**parts, **changes})  # type: ignore[arg-type]


@pytest.fixture
def parts() -> dict[str, np.ndarray]:
    """Activations of a small block."""
    rng = np.random.default_rng(2)
    x, f = (rng.normal(size=(3, 3, 2)).astype(np.float32) for _ in range(2))
    gate = rng.random((3, 3, 2)).astype(np.float32)
    return {"x": x, "f": f, "s": x + f, "t": gate, "gated": gate * f + (1 - gate) * x}


def test_figures_are_what_numpy_says(parts: dict[str, np.ndarray]) -> None:
    found = block_metrics(block(), parts)
    x, f, s = (parts[name].astype(np.float64) for name in "xfs")
    assert found.norm_x == pytest.approx(np.sqrt((x**2).sum()))
    assert found.norm_residual == pytest.approx(np.sqrt((f**2).sum()))
    assert found.norm_sum == pytest.approx(np.sqrt((s**2).sum()))
    assert found.ratio == pytest.approx(found.norm_residual / found.norm_x)
    assert found.cosine == pytest.approx((x * f).sum() / (found.norm_x * found.norm_residual))
    assert found.relu_zeroed == pytest.approx(np.abs(s[s < 0]).sum() / np.abs(s).sum())


def test_norms_and_cosine_add_up_to_the_sums_norm(parts: dict[str, np.ndarray]) -> None:
    found = block_metrics(block(), parts)
    assert found.cosine is not None
    squared = (
        found.norm_x**2
        + found.norm_residual**2
        + 2 * found.cosine * found.norm_x * found.norm_residual
    )
    assert found.norm_sum**2 == pytest.approx(squared, rel=1e-5)


def test_a_gated_blocks_addends_add_up_to_its_sum(parts: dict[str, np.ndarray]) -> None:
    carried, taken = merge_inputs(block(gate="t", sum="gated"), parts)
    assert np.allclose(carried + taken, parts["gated"], atol=1e-6)


def test_a_block_without_identity_has_no_cosine(parts: dict[str, np.ndarray]) -> None:
    found = block_metrics(block(identity=None, sum=None, merge=None), parts)
    assert found.cosine is None
    assert found.norm_sum == found.norm_residual


def test_silence_is_zero_and_not_a_division_by_zero() -> None:
    nothing = np.zeros((2, 2, 1), np.float32)
    found = block_metrics(block(), {"x": nothing, "f": nothing, "s": nothing})
    assert (found.ratio, found.cosine, found.relu_zeroed) == (0.0, 0.0, 0.0)


def test_cosine_of_opposites_is_minus_one() -> None:
    assert cosine(np.array([1.0, 2.0]), np.array([-2.0, -4.0])) == pytest.approx(-1.0)


def test_a_filters_figures_are_what_numpy_says(parts: dict[str, np.ndarray]) -> None:
    for gated in (False, True):
        info = block(gate="t", sum="gated") if gated else block()
        x, f = merge_inputs(info, parts)
        for one in filter_metrics(info, parts):
            a, b = x[..., one.filter], f[..., one.filter]
            total = parts["gated" if gated else "s"][..., one.filter]
            norm_a, norm_b = (float(np.sqrt((part**2).sum())) for part in (a, b))
            assert (one.norm_x, one.norm_residual) == pytest.approx((norm_a, norm_b))
            assert one.norm_sum == pytest.approx(np.sqrt((total**2).sum()))
            assert one.ratio == pytest.approx(norm_b / norm_a)
            assert one.cosine == pytest.approx((a * b).sum() / (norm_a * norm_b), abs=1e-6)
            assert one.relu_zeroed == pytest.approx(
                np.abs(total[total < 0]).sum() / np.abs(total).sum()
            )


def test_filters_and_block_agree(parts: dict[str, np.ndarray]) -> None:
    whole, filters = block_metrics(block(), parts), filter_metrics(block(), parts)
    for name in ("norm_x", "norm_residual", "norm_sum"):
        squares = sum(getattr(one, name) ** 2 for one in filters)
        assert getattr(whole, name) == pytest.approx(squares**0.5)


def test_what_is_laid_behind_x_is_never_held_against_it() -> None:
    rng = np.random.default_rng(5)
    x, f = (rng.normal(size=(3, 3, 2)).astype(np.float32) for _ in range(2))
    parts = {"x": x, "f": f, "s": np.concatenate([x, f], axis=-1)}
    info = block(merge="concatenate")
    assert block_metrics(info, parts).cosine is None
    found = filter_metrics(info, parts)
    assert [(one.norm_x is None, one.norm_residual is None) for one in found] == [
        (False, True)
    ] * 2 + [(True, False)] * 2
    assert {one.cosine for one in found} == {one.ratio for one in found} == {None}
    assert found[3].norm_residual == pytest.approx(np.linalg.norm(f[..., 1]))


def test_x_that_is_laid_behind_f_is_held_against_what_it_is_laid_behind_never() -> None:
    rng = np.random.default_rng(6)
    x, f = (rng.normal(size=(3, 3, count)).astype(np.float32) for count in (3, 2))
    parts = {"x": x, "f": f, "s": np.concatenate([f, x], axis=-1)}
    found = filter_metrics(block(merge="custom"), parts)
    assert [one.norm_x is None for one in found] == [True] * 2 + [False] * 3
    assert [one.norm_residual is None for one in found] == [False] * 2 + [True] * 3
    assert found[4].norm_x == pytest.approx(np.linalg.norm(x[..., 2]))


@pytest.mark.parametrize(
    ("merge", "merged"), [("add", np.add), ("average", np.add), ("maximum", np.maximum)]
)
def test_what_is_broadcast_counts_as_often_as_it_is_merged(merge: str, merged: np.ufunc) -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(4, 4, 3)).astype(np.float32)
    f = rng.normal(size=(1, 1, 3)).astype(np.float32)
    found = block_metrics(block(merge=merge), {"x": x, "f": f, "s": merged(x, f)})
    assert found.norm_residual == pytest.approx(4 * np.linalg.norm(f))
    assert found.cosine is not None
    one = block(merge=merge, residual="g")
    parts = {"x": x, "g": f[..., :1], "s": merged(x, f[..., :1])}
    first, *others = filter_metrics(one, parts)
    assert {other.norm_residual for other in others} == {first.norm_residual}


def test_maps_that_have_other_places_have_norms_and_no_cosine() -> None:
    x, f = np.ones((2, 2, 3), np.float32), np.full((1, 1, 3), 2, np.float32)
    info = block(merge="custom")
    assert block_metrics(info, {"x": x, "f": f, "s": x * f}).cosine is None
    factor = block(merge="multiply")
    assert block_metrics(factor, {"x": x, "f": f, "s": x * f}).ratio is None
    assert {one.ratio for one in filter_metrics(factor, {"x": x, "f": f, "s": x * f})} == {None}
    one = filter_metrics(info, {"x": x, "f": f, "s": x * f})[0]
    assert (one.norm_x, one.norm_residual, one.ratio, one.cosine) == (2, 2, 1, None)


def test_without_identity_a_filter_has_nothing_to_be_held_against(
    parts: dict[str, np.ndarray],
) -> None:
    for one in filter_metrics(block(identity=None, sum=None, merge=None), parts):
        assert (one.norm_x, one.ratio, one.cosine) == (None, None, None)
        assert one.norm_residual == one.norm_sum != 0


def test_nothing_cut_is_plainly_zero() -> None:
    positive = np.ones((2, 2, 1), np.float32)
    found = block_metrics(block(), {"x": positive, "f": positive, "s": positive + positive})
    assert str(found.relu_zeroed) == "0.0"
