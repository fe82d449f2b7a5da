from typing import Any

import pytest
import yaml

from tests.contracts.dockerfile import ROOT, STAGES, environment, in_force

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]


def test_each_target_is_a_service() -> None:
    assert {name: service["build"]["target"] for name, service in SERVICES.items()} == {
        "serve": "serve",
        "gpu": "gpu",
    }
    assert set(SERVICES) <= set(STAGES)


def test_only_the_light_service_starts_unasked() -> None:
    assert "profiles" not in SERVICES["serve"]
    assert SERVICES["gpu"]["profiles"] == ["gpu"]


def test_only_the_gpu_service_asks_for_a_gpu() -> None:
    (device,) = SERVICES["gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
    assert "deploy" not in SERVICES["serve"]


@pytest.mark.parametrize("name", list(SERVICES))
def test_a_container_can_write_to_its_state_alone(name: str) -> None:
    service = SERVICES[name]
    (mount,) = service["volumes"]
    volume, _, folder = mount.partition(":")
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108  # where a container keeps what is passing
    assert volume in COMPOSE["volumes"]
    assert folder == environment(name)["SKIPLENS_STATE_DIR"]


@pytest.mark.parametrize("name", list(SERVICES))
def test_a_container_is_bounded(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]


@pytest.mark.parametrize("name", list(SERVICES))
def test_health_is_asked_for_as_the_image_says(name: str) -> None:
    assert "test" not in SERVICES[name]["healthcheck"]
    assert in_force(name, "HEALTHCHECK")


@pytest.mark.parametrize("name", list(SERVICES))
def test_the_server_is_published_on_this_machine_alone(name: str) -> None:
    port = in_force(name, "EXPOSE")
    assert SERVICES[name]["ports"] == [f"127.0.0.1:{port}:{port}"]
