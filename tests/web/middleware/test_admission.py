from concurrent.futures import ThreadPoolExecutor

from tests.web.conftest import Refused, Start
from tests.web.engines import WatchedEngine


def test_beyond_the_bound_requests_are_busy_but_health_answers(
    start: Start, watched: WatchedEngine, view: str, refused: Refused
) -> None:
    client = start(max_requests=2)
    watched.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        waiting = [
            pool.submit(client.get, f"{view}/prediction?scale={scale}")
            for scale in ("", "block1:0")
        ]
        while "skiplens_requests_in_flight 2.0" not in client.get("/metrics").text:
            pass
        answer = client.get("/api/v1/networks")
        assert "at most 2 requests" in refused(answer, 503, "busy")
        assert answer.headers["retry-after"] == "1"
        refused(client.post("/api/v1/digits", content=b"x"), 503, "busy")
        assert [client.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]
        watched.gate.set()
        assert [one.result().status_code for one in waiting] == [200, 200]
    assert client.get("/api/v1/networks").status_code == 200
    assert "skiplens_requests_in_flight 0.0" in client.get("/metrics").text


def test_a_refused_request_leaves_no_place_taken(start: Start, view: str) -> None:
    client = start(max_requests=1)
    for address in (f"{view}x/prediction", "/nothing", f"{view}/prediction?scale=none:0"):
        assert client.get(address).status_code == 404
    assert client.get(f"{view}/prediction").status_code == 200


def test_head_is_answered_as_get_everywhere(start: Start, view: str) -> None:
    client = start()
    for address in (f"{view}/prediction", "/healthz", "/readyz", "/metrics", "/", "/docs"):
        answer = client.head(address)
        assert answer.status_code == 200, address
        assert answer.headers["content-type"] == client.get(address).headers["content-type"]
