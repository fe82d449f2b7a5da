"""The theme: stored in a cookie, set by a form that returns to a page of this site."""

import io
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from skiplens.core.colormaps import PaletteName, colours
from skiplens.core.input_image import Digit
from skiplens.web.links import in_light
from skiplens.web.pages.templating import COOKIE, Theme, safe_redirect_path
from tests.web.conftest import Refused
from tests.web.pages.markup import Markup

HTML = {"Accept": "text/html"}


@pytest.mark.parametrize("theme", Theme)
def test_a_theme_is_stored_for_a_year_and_returns(client: TestClient, theme: Theme) -> None:
    form = {"theme": theme.value, "back": "/compare?palette=light"}
    answer = client.post("/theme", data=form, follow_redirects=False)
    client.cookies.clear()
    assert answer.status_code == 303
    assert answer.headers["location"] == "/compare?palette=light"
    cookie = answer.headers["set-cookie"]
    assert cookie == f"theme={theme}; Max-Age=31536000; Path=/; SameSite=lax"


@pytest.mark.parametrize("theme", ["", "purple", "dark; Path=/x", None])
def test_other_values_are_refused(client: TestClient, theme: str | None) -> None:
    answer = client.post("/theme", data={} if theme is None else {"theme": theme})
    assert answer.status_code == 422
    assert "must be system, light or dark" in answer.json()["detail"]
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.test/",
        "//elsewhere.test",
        "/\\elsewhere.test",
        "/\t/elsewhere.test",
        "/\n/elsewhere.test",
        "\\\\elsewhere.test",
        "javascript:alert(1)",
        "networks",
        "",
        " /",
        "/a b",
        "/é",
        "/" + "a" * 3000,
    ],
)
def test_other_sites_are_no_redirect_targets(address: str) -> None:
    assert safe_redirect_path(address) == "/"


@pytest.mark.parametrize(
    "address", ["/", "/docs", "/compare?a=x/1&b=y/2", "/?scale=block1:0,block2:0"]
)
def test_pages_of_this_site_are_redirect_targets(address: str) -> None:
    assert safe_redirect_path(address) == address


@pytest.mark.parametrize(
    ("cookie", "theme"),
    [(None, "system"), ("dark", "dark"), ("light", "light"), ('"><i>', "system")],
)
@pytest.mark.parametrize("address", ["/", "/docs", "/nowhere"])
def test_the_server_writes_the_theme_into_every_page(
    api: TestClient, cookie: str | None, theme: str, address: str
) -> None:
    headers = HTML if cookie is None else HTML | {"Cookie": f"{COOKIE}={cookie}"}
    answer = api.get(address, headers=headers)
    assert f'<html lang="en" data-theme="{theme}">' in answer.text
    assert answer.text.count('aria-pressed="true"') >= 1


def test_themes_are_cached_separately(client: TestClient) -> None:
    light = client.get("/", headers={"Cookie": "theme=light"})
    known = {"If-None-Match": light.headers["etag"]}
    assert client.get("/", headers=known | {"Cookie": "theme=light"}).status_code == 304
    assert client.get("/", headers=known | {"Cookie": "theme=dark"}).status_code == 200
    for answer in (light, client.get("/nowhere", headers=HTML)):
        assert "Cookie" in answer.headers["vary"]
    assert light.headers["cache-control"] == "private, no-cache"


def test_the_form_returns_to_the_page_with_its_query(client: TestClient) -> None:
    page = client.get("/?palette=light&scale=block1:0").text
    assert '<input type="hidden" name="back" value="/?palette=light&amp;scale=block1:0">' in page
    hostile = client.get('/x"><script>?<b>', headers=HTML).text
    assert "<b>" not in hostile.partition("<main")[0]
    assert "<script>" not in hostile.partition("<main")[0]


def test_a_refused_upload_returns_to_the_gallery(client: TestClient) -> None:
    answer = client.post("/digits", files={"file": b"no image"}, headers=HTML)
    assert answer.status_code >= 400
    assert '<input type="hidden" name="back" value="/">' in answer.text


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        ("multipart/form-data; boundary=x", b"nonsense", "the form cannot be read"),
        ("multipart/form-data", b"--x", "the form cannot be read"),
        ("application/x-www-form-urlencoded", b"a=1&" * 9 + b"theme=dark", "theme and back"),
        ("application/json", b"{}", "must be system, light or dark; got ''"),
    ],
)
def test_other_forms_are_refused(
    client: TestClient, refused: Refused, kind: str, body: bytes, says: str
) -> None:
    answer = client.post("/theme", content=body, headers={"Content-Type": kind})
    assert says in refused(answer, 422, "invalid_parameter")


MAPS = ("/grid.png", "/maps.png", "/kernel.png", "/kernels.png")
WITH_MAPS = (
    "/networks/mnist-resnet/digits/{}",
    "/networks/mnist-resnet/digits/{}/layers/block1.conv1",
    "/networks/mnist-resnet/digits/{}/layers/block1.conv1/filters/3",
    "/networks/mnist-resnet/digits/{}/blocks",
    "/networks/mnist-resnet/digits/{}/blocks/block2",
    "/compare?a=mnist-resnet/{0}&b=mnist-plain/{0}",
    "/learn/block?digit={}",
)


def map_pictures(client: TestClient, address: str) -> list[str]:
    """Addresses of every picture of maps on a page, in the order of the page."""
    page = Markup(client.get(address, headers=HTML).text)
    found = (
        element.get("src") or element.get("srcset") or element.get("href") or ""
        for name, element in page.elements
        if name in {"img", "source", "image"}
    )
    return [one for one in found if urlsplit(one).path.endswith(MAPS)]


@pytest.mark.parametrize("page", WITH_MAPS)
def test_maps_are_light_on_a_light_page_and_dark_on_a_dark_one(
    client: TestClient, digit: Digit, page: str
) -> None:
    address = page.format(digit.id)
    by_system = map_pictures(client, address)
    client.cookies.set(COOKIE, Theme.LIGHT)
    light = map_pictures(client, address)
    client.cookies.set(COOKIE, Theme.DARK)
    dark = map_pictures(client, address)
    client.cookies.clear()
    assert light
    assert all("palette=light" in one for one in light)
    assert not any("palette=" in one for one in dark)
    assert len(by_system) == len(light) + len(dark)
    assert set(by_system) == {*light, *dark}


@pytest.mark.parametrize("theme", Theme)
def test_a_palette_that_is_chosen_is_the_same_in_every_theme(
    client: TestClient, digit: Digit, theme: Theme
) -> None:
    client.cookies.set(COOKIE, theme)
    address = f"{WITH_MAPS[0].format(digit.id)}?palette=dark"
    found = map_pictures(client, address)
    page = Markup(client.get(address, headers=HTML).text)
    client.cookies.clear()
    assert found
    assert all("palette=dark" in one for one in found)
    selected = [one["value"] for one in page.all("option") if "selected" in one]
    assert "dark" in selected
    assert "theme" not in selected


@pytest.mark.parametrize("page", WITH_MAPS)
def test_both_forms_of_a_picture_show_the_same_levels(
    client: TestClient, digit: Digit, page: str
) -> None:
    pictures = [one for one in map_pictures(client, page.format(digit.id)) if "palette=" not in one]
    for address in dict.fromkeys(pictures[:4]):
        forms = []
        for one in (address, in_light(address)):
            assert one
            with Image.open(io.BytesIO(client.get(one).content)) as drawn:
                palette = np.array(drawn.getpalette(), np.uint8).reshape(-1, 3)
                forms.append((np.asarray(drawn), palette))
        (levels, dark), (same, light) = forms
        assert np.array_equal(levels, same)
        for name, found in ((PaletteName.DARK, dark), (PaletteName.LIGHT, light)):
            known = [
                colours(name, diverging=diverging)[: len(found)] for diverging in (False, True)
            ]
            assert any(np.array_equal(found, one) for one in known)
