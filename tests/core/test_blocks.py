"""Figures of a block."""

import numpy as np
import pytest

from app.core.blocks import addends, block_figures, cosine
from app.core.manifest import BlockInfo


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
    return BlockInfo(name="b", switchable=True, **{**parts, **changes})  # type: ignore[arg-type]


@pytest.fixture
def parts() -> dict[str, np.ndarray]:
    """Activations of a small block."""
    rng = np.random.default_rng(2)
    x, f = (rng.normal(size=(3, 3, 2)).astype(np.float32) for _ in range(2))
    gate = rng.random((3, 3, 2)).astype(np.float32)
    return {"x": x, "f": f, "s": x + f, "t": gate, "gated": gate * f + (1 - gate) * x}


def test_figures_are_what_numpy_says(parts: dict[str, np.ndarray]) -> None:
    found = block_figures(block(), parts)
    x, f, s = (parts[name].astype(np.float64) for name in "xfs")
    assert found.norm_x == pytest.approx(np.sqrt((x**2).sum()))
    assert found.norm_f == pytest.approx(np.sqrt((f**2).sum()))
    assert found.norm_sum == pytest.approx(np.sqrt((s**2).sum()))
    assert found.ratio == pytest.approx(found.norm_f / found.norm_x)
    assert found.cosine == pytest.approx((x * f).sum() / (found.norm_x * found.norm_f))
    assert found.relu_cut == pytest.approx(np.abs(s[s < 0]).sum() / np.abs(s).sum())


def test_norms_and_cosine_add_up_to_the_sums_norm(parts: dict[str, np.ndarray]) -> None:
    found = block_figures(block(), parts)
    assert found.cosine is not None
    squared = found.norm_x**2 + found.norm_f**2 + 2 * found.cosine * found.norm_x * found.norm_f
    assert found.norm_sum**2 == pytest.approx(squared, rel=1e-5)


def test_a_gated_blocks_addends_add_up_to_its_sum(parts: dict[str, np.ndarray]) -> None:
    carried, taken = addends(block(gate="t", sum="gated"), parts)
    assert np.allclose(carried + taken, parts["gated"], atol=1e-6)


def test_a_block_without_identity_has_no_cosine(parts: dict[str, np.ndarray]) -> None:
    found = block_figures(block(identity=None, sum=None, merge=None), parts)
    assert found.cosine is None
    assert found.norm_sum == found.norm_f


def test_silence_is_zero_and_not_a_division_by_zero() -> None:
    nothing = np.zeros((2, 2, 1), np.float32)
    found = block_figures(block(), {"x": nothing, "f": nothing, "s": nothing})
    assert (found.ratio, found.cosine, found.relu_cut) == (0.0, 0.0, 0.0)


def test_cosine_of_opposites_is_minus_one() -> None:
    assert cosine(np.array([1.0, 2.0]), np.array([-2.0, -4.0])) == pytest.approx(-1.0)
