"""One forward pass answers every question about a digit, however many ask and however they ask."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from skiplens.errors import BusyError, NonFiniteError
from tests.conftest import wait_until
from tests.web.conftest import Refused, Start
from tests.web.engines import WatchedEngine

QUESTIONS = (
    *(f"layers/{layer}/grid.png" for layer in ("stem.conv", "block1.sum", "block6.output")),
    *(f"layers/block2.sum/grid.png?zoom={zoom}" for zoom in range(1, 6)),
    *("prediction", "blocks", "blocks/block1/maps.png", "activations.npz", "early-exits"),
    *("layers/stem.conv/activations?values=true", "stages/1/maps.png"),
)


def test_all_requests_for_a_digit_share_one_forward_pass(
    start: Start, watched: WatchedEngine, view: str
) -> None:
    client = start()
    for question in QUESTIONS:
        assert client.get(f"{view}/{question}").status_code == 200
    assert client.get(view.removeprefix("/api/v1")).status_code == 200  # the gallery
    assert watched.calls == 1
    for question in ("prediction", "blocks", "layers/stem.conv/grid.png"):
        client.get(f"{view}/{question}", params={"scale": "block1:0"})
    assert watched.calls == 2
    assert "skiplens_cache_misses_total 2.0" in client.get("/metrics").text


def test_simultaneous_requests_share_one_forward_pass(
    start: Start, watched: WatchedEngine, view: str
) -> None:
    client = start()
    watched.gate.clear()
    with ThreadPoolExecutor(len(QUESTIONS)) as pool:
        answers = [pool.submit(client.get, f"{view}/{question}") for question in QUESTIONS]
        wait_until(lambda: f"in_flight {len(QUESTIONS)}.0" in client.get("/metrics").text)
        watched.gate.set()
        assert {answer.result().status_code for answer in answers} == {200}
    assert watched.calls == 1


def test_a_busy_engine_is_503_and_says_when_to_retry(
    start: Start, watched: WatchedEngine, view: str, refused: Refused
) -> None:
    client = start()
    watched.failure = BusyError("64 computations are waiting already; at most 64 may wait")
    answer = client.get(f"{view}/layers/stem.conv/grid.png")
    assert "at most 64" in refused(answer, 503, "busy")
    assert answer.headers["retry-after"] == "1"
    assert 'refusals_total{reason="busy"} 1.0' in client.get("/metrics").text
    watched.failure = None
    assert client.get(f"{view}/layers/stem.conv/grid.png").status_code == 200


@pytest.mark.parametrize("failure", [NonFiniteError("layer stem.conv holds NaN"), OSError("MARK")])
def test_an_internal_error_is_500_and_is_not_cached(
    start: Start, watched: WatchedEngine, view: str, refused: Refused, failure: Exception
) -> None:
    client = start()
    watched.failure = failure
    code = "non_finite" if isinstance(failure, NonFiniteError) else "internal_error"
    assert "MARK" not in refused(client.get(f"{view}/prediction"), 500, code)
    watched.failure = None
    assert client.get(f"{view}/prediction").status_code == 200
