"""Ray Serve's configuration and the manifest for KubeRay: what they say, and that they agree."""

from typing import Any

import yaml

from skiplens.settings import ROOT, Settings
from tests.contracts.dockerfile import STAGES, environment

SERVE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "ray.yaml").read_text())
MANIFEST: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "kuberay.yaml").read_text())
CLUSTER = MANIFEST["spec"]["rayClusterConfig"]
HEAD, (WORKERS,) = CLUSTER["headGroupSpec"], CLUSTER["workerGroupSpecs"]
CONTAINERS = [
    container for group in (HEAD, WORKERS) for container in group["template"]["spec"]["containers"]
]


def test_the_manifest_has_the_fields_of_a_ray_service_and_no_others() -> None:
    assert (MANIFEST["apiVersion"], MANIFEST["kind"]) == ("ray.io/v1", "RayService")
    assert MANIFEST.keys() == {"apiVersion", "kind", "metadata", "spec"}
    assert MANIFEST["spec"].keys() == {"serveConfigV2", "rayClusterConfig"}
    cluster = {"rayVersion", "enableInTreeAutoscaling", "headGroupSpec", "workerGroupSpecs"}
    assert CLUSTER.keys() == cluster
    assert HEAD.keys() == {"rayStartParams", "template"}
    pods = {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"}
    assert WORKERS.keys() == pods
    assert all(isinstance(value, str) for value in HEAD["rayStartParams"].values())


def test_both_files_run_the_same() -> None:
    served = yaml.safe_load(MANIFEST["spec"]["serveConfigV2"])
    assert served == {**SERVE, "http_options": {**SERVE["http_options"], "host": "0.0.0.0"}}  # noqa: S104
    assert SERVE["http_options"]["host"] == "127.0.0.1"


def test_they_name_networks_that_ship_and_the_replicas_that_answer() -> None:
    (application,) = SERVE["applications"]
    web, *networks = (one["name"] for one in application["deployments"])
    assert web == "web"
    assert networks
    assert all((ROOT / "models" / name).is_dir() for name in networks)
    module, _, function = application["import_path"].partition(":")
    source = ROOT / "app" / f"{module.replace('.', '/')}.py"
    assert f"\ndef {function}(" in source.read_text()


def test_every_container_has_the_settings_and_the_version_of_ray_that_is_locked() -> None:
    first, second = ({one["name"]: one for one in each["env"]} for each in CONTAINERS)
    assert first == second
    given = {name.removeprefix("SKIPLENS_").lower() for name in first if "SKIPLENS" in name}
    assert given <= set(Settings.model_fields)
    assert "value" not in first["SKIPLENS_DATABASE_URL"]  # it may have a password
    assert f"\nray=={CLUSTER['rayVersion']} " in (ROOT / "requirements" / "ray.txt").read_text()
    command = (ROOT / "deploy" / "ray.yaml").read_text()
    for name, variable in first.items():
        if name.startswith("RAY_SERVE_"):
            assert f"{name}={variable['value']}" in command


def test_the_image_has_ray_and_its_user_is_not_root() -> None:
    assert "ray" in STAGES
    assert {container["image"] for container in CONTAINERS} == {"skiplens-ray"}
    for group in (HEAD, WORKERS):
        assert group["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
    assert environment("ray")["SKIPLENS_STATE_DIR"]
