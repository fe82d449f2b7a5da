import re

import pytest
from starlette.testclient import TestClient

MADE = re.compile(r"[0-9a-f]{16}")


@pytest.mark.parametrize("given", ["a", "A-b_c.9", "x" * 64])
def test_a_well_formed_id_is_kept(api: TestClient, given: str) -> None:
    answer = api.get("/nothing", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == given


@pytest.mark.parametrize("given", [None, "", "x" * 65, "a b", "<a>", 'a"b', "a\u00e4"])
def test_any_other_is_replaced(api: TestClient, given: str | None) -> None:
    headers = {} if given is None else {b"X-Request-ID": given.encode("latin-1")}
    answers = [api.get("/nothing", headers=headers) for _ in range(2)]
    for answer in answers:
        assert MADE.fullmatch(answer.headers["x-request-id"])
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert answers[0].headers["x-request-id"] != answers[1].headers["x-request-id"]


def test_an_answer_has_one_id(api: TestClient) -> None:
    answer = api.get("/healthz", headers={"X-Request-ID": "mine"})
    assert answer.headers.get_list("x-request-id") == ["mine"]
