"""The two-layer network: values, and derivatives against finite differences."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skiplens.core.two_layer_network import (
    PLAIN,
    RESIDUAL,
    ActivationName,
    TwoLayerNetwork,
    evaluate,
    routes,
    symbol_values,
)

NETWORKS = {"plain": PLAIN, "residual": RESIDUAL}
# Off zero, where ReLU has no derivative.
weights = st.integers(-24, 24).filter(bool).map(lambda quarters: quarters / 4)
inputs = st.fixed_dictionaries({"x": weights, "w1": weights, "w2": weights})


def output(network: TwoLayerNetwork, activation: ActivationName, **at: float) -> float:
    return evaluate(network.output, symbol_values(**at, activation=activation), activation)


def derivative(
    network: TwoLayerNetwork, by: str, activation: ActivationName, at: dict[str, float]
) -> float:
    return evaluate(network.by[by], symbol_values(**at, activation=activation), activation)


def test_the_values_are_those_of_the_functions_written_out() -> None:
    h = 1 / (1 + math.exp(-0.5 * 2))
    second = 1 / (1 + math.exp(1.5 * h))
    at = {"x": 2.0, "w1": 0.5, "w2": -1.5}
    assert output(PLAIN, "sigmoid", **at) == pytest.approx(second)
    assert output(RESIDUAL, "sigmoid", **at) == pytest.approx(h + second)
    assert output(PLAIN, "relu", **at) == 0
    assert output(RESIDUAL, "relu", **at) == 1


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("by", ["x", "w1", "w2"])
@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_derivatives_are_those_of_finite_differences(
    name: str, by: str, activation: ActivationName
) -> None:
    network, step = NETWORKS[name], 1e-5

    @given(inputs)
    def check(at: dict[str, float]) -> None:
        above = output(network, activation, **{**at, by: at[by] + step})
        below = output(network, activation, **{**at, by: at[by] - step})
        expected = (above - below) / (2 * step)
        assert derivative(network, by, activation, at) == pytest.approx(expected, abs=1e-6)

    check()


@pytest.mark.parametrize("by", ["w1", "x"])
@given(at=inputs)
def test_the_two_routes_add_up_and_one_is_the_plain_networks(by: str, at: dict[str, float]) -> None:
    values = symbol_values(**at, activation="sigmoid")
    parts = {via.route: evaluate(via, values, "sigmoid") for via in routes(RESIDUAL.by[by])}
    assert parts["residual"] == derivative(PLAIN, by, "sigmoid", at)
    total = derivative(RESIDUAL, by, "sigmoid", at)
    assert total == pytest.approx(parts["identity"] + parts["residual"], abs=1e-15)


@given(at=inputs)
def test_no_weight_of_the_second_layer_closes_the_identitys_route(at: dict[str, float]) -> None:
    def identity(w2: float) -> float:
        values = symbol_values(**{**at, "w2": w2}, activation="sigmoid")
        via = next(one for one in routes(RESIDUAL.by["w1"]) if one.route == "identity")
        return evaluate(via, values, "sigmoid")

    assert identity(at["w2"]) == identity(0.0)


def test_relu_has_the_slope_of_keras_at_zero() -> None:
    assert derivative(PLAIN, "w1", "relu", {"x": 0.0, "w1": 1.0, "w2": 1.0}) == 0
