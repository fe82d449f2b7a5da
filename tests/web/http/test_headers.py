"""Security headers, host and origin checks, request ids."""

import re
import socket

import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from tests.web.conftest import Refused, Start
from tests.web.images import drawing, encoded

OTHER = "https://other.example"
FRIEND = "https://friend.example"
POLICY = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; font-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
PREFLIGHT = {"Access-Control-Request-Method": "POST"}


def test_every_response_has_the_headers_once(start: Start, view: str) -> None:
    client = start(max_body_bytes=1024)
    answers = [
        *(client.get(path) for path in ("/", "/docs", "/openapi.json", "/healthz", "/metrics")),
        *(client.get(f"{view}/layers/stem.conv/grid.png") for _ in range(2)),
        *(client.get("/nothing"), client.get("/nothing", headers={"Accept": "text/html"})),
        *(client.get(f"{view}/gradients?target=x"), client.delete("/"), client.options("/")),
        *(client.post("/api/v1/digits", content=bytes(size)) for size in (10, 2000)),
        client.post("/digits", headers={"Sec-Fetch-Site": "cross-site"}),
    ]
    assert {answer.status_code for answer in answers} >= {200, 403, 404, 405, 413, 415, 422}
    for answer in answers:
        for name, value in POLICY.items():
            assert answer.headers.get_list(name) == [value], (answer.url, name)
        assert "camera=()" in answer.headers["permissions-policy"]
        assert "server" not in answer.headers


def test_sites_that_are_named_may_show_pages_in_frames(start: Start) -> None:
    sites = f"'self',{FRIEND},*.example:8080"
    client = start(frame_ancestors=sites)
    for path in ("/", "/nothing"):
        policy = client.get(path).headers.get_list("content-security-policy")
        assert policy == [
            POLICY["content-security-policy"].replace(
                "'none'; object", f"{sites.replace(',', ' ')}; object"
            )
        ]


@pytest.mark.parametrize("site", ["https://a.example; script-src *", "a b", '"', "'none'"])
def test_a_site_that_is_none_is_refused(start: Start, site: str) -> None:
    with pytest.raises(ValidationError):
        start(frame_ancestors=site)


def test_other_sites_may_show_pictures_only_if_told_to(start: Start, view: str) -> None:
    picture = f"{view}/layers/stem.conv/grid.png"
    for shared, policy in ((False, "same-origin"), (True, "cross-origin")):
        client = start(cross_origin_pictures=shared)
        first = client.get(picture)
        again = client.get(picture, headers={"If-None-Match": first.headers["etag"]})
        for answer in (first, again):
            assert answer.headers.get_list("cross-origin-resource-policy") == [policy]
        page = client.get("/").headers["cross-origin-resource-policy"]
        assert page == "same-origin"


@pytest.mark.parametrize("address", ["/api/v1/digits", "/digits"])
def test_posts_from_other_sites_are_rejected(start: Start, refused: Refused, address: str) -> None:
    client = start()
    file = {"file": encoded(drawing())}
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": OTHER}
    refused(client.post(address, files=file, headers=headers), 403, "cross_site")
    assert client.get("/metrics").text.count("skiplens_digits_stored 0.0") == 1
    for site in ("same-origin", "same-site", "none"):
        answer = client.post(
            address, files=file, headers={"Sec-Fetch-Site": site}, follow_redirects=False
        )
        assert answer.status_code in {201, 303}
    assert client.get("/api/v1/networks", headers=headers).status_code == 200


def test_other_sites_may_read_nothing_by_default(start: Start) -> None:
    client = start()
    got = client.get("/api/v1/networks", headers={"Origin": OTHER})
    asked = client.options("/api/v1/digits", headers={"Origin": OTHER, **PREFLIGHT})
    assert asked.status_code == 405
    for answer in (got, asked):
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_configured_sites_may_read_and_post(start: Start, refused: Refused) -> None:
    client = start(cors_origins=f"{FRIEND}, https://second.example")
    got = client.get("/api/v1/networks", headers={"Origin": FRIEND})
    asked = client.options("/api/v1/digits", headers={"Origin": FRIEND, **PREFLIGHT})
    assert asked.status_code == 200
    assert "POST" in asked.headers["access-control-allow-methods"]
    for answer in (got, asked):
        assert answer.headers["access-control-allow-origin"] == FRIEND
        assert "Origin" in answer.headers["vary"]
    file = {"file": encoded(drawing())}
    cross = {"Sec-Fetch-Site": "cross-site"}
    posted = client.post("/api/v1/digits", files=file, headers={**cross, "Origin": FRIEND})
    assert posted.status_code == 201
    assert "Location" in posted.headers["access-control-expose-headers"]
    other = client.post("/api/v1/digits", files=file, headers={**cross, "Origin": OTHER})
    refused(other, 403, "cross_site")
    assert "access-control-allow-origin" not in other.headers


def test_problems_can_be_read_by_configured_sites(start: Start) -> None:
    client = start(cors_origins=FRIEND, max_body_bytes=1024)
    headers = {"Origin": FRIEND, "Content-Type": "image/png"}
    answer = client.post("/api/v1/digits", content=bytes(2000), headers=headers)
    assert answer.status_code == 413
    assert answer.headers["access-control-allow-origin"] == FRIEND


def test_images_cached_for_one_site_do_not_name_it(start: Start, view: str) -> None:
    client = start(cors_origins=FRIEND)
    address = f"{view}/layers/stem.conv/grid.png"
    assert "access-control-allow-origin" in client.get(address, headers={"Origin": FRIEND}).headers
    assert "access-control-allow-origin" not in client.get(address).headers


@pytest.mark.parametrize(
    ("host", "served"),
    [
        *(("lens.example", True), ("LENS.example:8000", True), ("[::1]", True), ("[::1]:80", True)),
        *(("other.example", False), ("lens.example.other", False), ("", False), ("::1", False)),
        *(("lens.example:x", False), ("lens.example:123456", False), ("lens.example:", False)),
    ],
)
def test_only_configured_hosts_are_served(
    start: Start, refused: Refused, host: str, served: bool
) -> None:
    client = start(allowed_hosts="lens.example, [::1]")
    answer = client.get("/api/v1/networks", headers={"Host": host})
    if served:
        assert answer.status_code == 200
    else:
        refused(answer, 400, "unknown_host")


@pytest.mark.parametrize(
    ("bound", "host", "served"),
    [
        *(
            ("127.0.0.1", name, True)
            for name in ("localhost:8000", "LOCALHOST", "127.0.0.1", "[::1]:1")
        ),
        *(
            ("127.0.0.1", name, False)
            for name in ("192.168.0.2", "rebound.example", "localhost.example")
        ),
        *(("127.0.0.2", name, True) for name in ("127.0.0.2:80", "localhost")),
        *(("0.0.0.0", name, True) for name in ("192.168.0.2:8000", "[fe80::1]:80", "localhost")),  # noqa: S104
        ("0.0.0.0", socket.gethostname(), True),  # noqa: S104
        ("0.0.0.0", "rebound.example", False),  # noqa: S104
    ],
)
def test_a_name_that_was_rebound_is_not_served(
    start: Start, bound: str, host: str, served: bool
) -> None:
    answer = start(host=bound).get("/api/v1/networks", headers={"Host": host})
    assert answer.status_code == (200 if served else 400)


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 303),
        ("http://127.0.0.1", 303),
        ("https://127.0.0.1", 303),  # behind a proxy that speaks TLS
        ("http://127.0.0.1:81", 403),
        ("http://localhost", 403),
        ("null", 403),
    ],
)
def test_what_changes_something_comes_from_its_own_origin(
    start: Start, origin: str | None, status: int
) -> None:
    headers = {"Sec-Fetch-Site": "same-site"} | ({} if origin is None else {"Origin": origin})
    fields = {"theme": "dark", "back": "/"}
    answer = start().post("/theme", data=fields, headers=headers, follow_redirects=False)
    assert answer.status_code == status


def test_a_page_that_hides_its_origin_is_known_by_its_site(start: Start) -> None:
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}
    fields = {"theme": "dark", "back": "/"}
    answer = start().post("/theme", data=fields, headers=headers, follow_redirects=False)
    assert answer.status_code == 303


def test_addresses_with_a_slash_too_many_are_not_redirected_to_a_host_of_the_clients(
    start: Start,
) -> None:
    for path in ("/docs/", "/api/v1/networks/"):
        assert start().get(path, follow_redirects=False).status_code == 404


def test_without_the_token_nothing_is_told(start: Start, refused: Refused) -> None:
    client = start(token="open sesame")  # noqa: S106  # of the test
    for headers in ({}, {"Authorization": "Bearer x"}, {"Cookie": "skiplens_token=x"}):
        answer = client.get("/api/v1/networks", headers=headers)
        assert "Bearer TOKEN" in refused(answer, 401, "token_needed")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert client.get("/", headers={"Accept": "text/html"}).status_code == 401
    assert client.get("/metrics").status_code == 401
    assert [client.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]


def test_the_token_opens_the_api_as_a_bearer_and_pages_as_a_cookie(start: Start) -> None:
    client = start(token="open sesame")  # noqa: S106  # of the test
    bearer = {"Authorization": "bearer open sesame"}
    assert client.get("/api/v1/networks", headers=bearer).status_code == 200
    assert client.get("/?token=wrong").status_code == 401
    for path in ("/docs", "/layers/conv%231%3F%25%20%C3%A4"):
        asked = client.get(f"{path}?token=open%20sesame&a=b", follow_redirects=False)
        assert (asked.status_code, asked.headers["location"]) == (303, f"{path}?a=b")
        assert {"HttpOnly", "SameSite=lax"} <= set(asked.headers["set-cookie"].split("; "))
    assert client.get("/docs").status_code == 200


@pytest.mark.parametrize("token", ["schlüssel", "a\nb", "\u2192"])
def test_a_token_that_no_header_can_hold_is_refused(start: Start, token: str) -> None:
    with pytest.raises(ValidationError):
        start(token=token)


def test_configured_sites_may_send_the_token(start: Start) -> None:
    client = start(cors_origins=FRIEND, token="sesame")  # noqa: S106  # of the test
    asked = {**PREFLIGHT, "Access-Control-Request-Headers": "authorization"}
    allowed = client.options("/api/v1/digits", headers={"Origin": FRIEND, **asked})
    assert allowed.status_code == 200
    bearer = {"Origin": FRIEND, "Authorization": "Bearer sesame"}
    answer = client.get("/api/v1/networks", headers=bearer)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, FRIEND)


MADE = re.compile(r"[0-9a-f]{16}")


@pytest.mark.parametrize("given", ["a", "A-b_c.9", "x" * 64])
def test_a_well_formed_id_is_kept(api: TestClient, given: str) -> None:
    answer = api.get("/nothing", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == given


@pytest.mark.parametrize("given", [None, "", "x" * 65, "a b", "<a>", 'a"b', "a\u00e4"])
def test_a_malformed_id_is_replaced(api: TestClient, given: str | None) -> None:
    headers = {} if given is None else {b"X-Request-ID": given.encode("latin-1")}
    answers = [api.get("/nothing", headers=headers) for _ in range(2)]
    for answer in answers:
        assert MADE.fullmatch(answer.headers["x-request-id"])
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert answers[0].headers["x-request-id"] != answers[1].headers["x-request-id"]


def test_a_response_has_one_id(api: TestClient) -> None:
    answer = api.get("/healthz", headers={"X-Request-ID": "mine"})
    assert answer.headers.get_list("x-request-id") == ["mine"]
