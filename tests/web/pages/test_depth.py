"""The page of the depth: figures, flow, lesions, and the flow of another network beside."""

from starlette.testclient import TestClient

from app.core.digit import Digit
from tests.web.pages.conftest import Look

VIEW = "/networks/mnist-resnet/digits"


def test_what_is_off_and_how_it_is_drawn_is_carried_on(look: Look, digit: Digit) -> None:
    markup = look(f"{VIEW}/{digit.id}/depth?off=block4&palette=polar")
    onward = [link for link in markup.links() if "/blocks/" in link]
    assert onward
    assert all("off=block4" in link and "palette=polar" in link for link in onward)


def test_the_flow_is_for_the_class_that_was_asked_for(client: TestClient, digit: Digit) -> None:
    html = client.get(f"{VIEW}/{digit.id}/depth?target=2").text
    assert "log p(2)" in html
    flow = client.get(f"/api/v1{VIEW}/{digit.id}/flow?target=2").json()
    assert flow["target"] == "2"


def test_another_networks_flow_stands_beside(look: Look, client: TestClient, digit: Digit) -> None:
    alone = look(f"{VIEW}/{digit.id}/depth?target=2")
    markup = look(f"{VIEW}/{digit.id}/depth?target=2&beside=mnist-classic")
    assert "Classic of 2016, in all" in markup.text
    assert "Classic of 2016, in all" not in alone.text
    dashed = [one for one in markup.all("g") if "is-beside" in one.get("class", "")]
    assert dashed
    answer = client.get(f"/api/v1/networks/mnist-classic/digits/{digit.id}/flow?target=2").json()
    assert f"Classic of 2016, block1: {answer['blocks'][0]['total']:.3g}"[:34] in markup.text
    chosen = [one for one in markup.all("option") if one["value"] == "mnist-classic"]
    assert "selected" in chosen[0]


def test_blocks_that_both_have_are_off_in_both(look: Look, digit: Digit) -> None:
    query = "beside=mnist-classic&off=block2"
    markup = look(f"{VIEW}/{digit.id}/depth?{query}")
    assert "Classic of 2016, block1" in markup.text
    assert "Classic of 2016, block2" in markup.text
    assert not [
        line
        for line in markup.text.splitlines()
        if "block2: " in line and "through F" in line.split("block2: ")[1][:24]
    ]


def test_lesions_are_shown_as_they_were_measured(client: TestClient, digit: Digit) -> None:
    html = client.get(f"{VIEW}/{digit.id}/depth").text
    assert "What is lost without them" in html
    assert "10,000 test digits" in html


def test_with_every_branch_off_it_says_that_nothing_is_added(look: Look, digit: Digit) -> None:
    every = ",".join(f"block{at}" for at in range(1, 7))
    assert "nothing is added" in look(f"{VIEW}/{digit.id}/depth?off={every}").text
