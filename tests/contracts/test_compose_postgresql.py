"""The compose file that adds a PostgreSQL database."""

from typing import Any

import yaml

from skiplens.settings import Settings
from tests.contracts.dockerfile import ROOT

OVERLAY: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.postgresql.yaml").read_text())
SERVE, DATABASE = OVERLAY["services"]["serve"], OVERLAY["services"]["database"]
PASSWORD = "${POSTGRES_PASSWORD:?choose a password for the database}"  # noqa: S105  # asks for one


def test_the_server_of_the_other_files_waits_for_the_database() -> None:
    base = yaml.safe_load((ROOT / "compose.yaml").read_text())
    assert "serve" in base["services"]
    assert "database" not in base["services"]
    assert SERVE["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert DATABASE["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]


def test_the_server_is_told_the_database_and_the_file_has_no_password() -> None:
    variables = SERVE["environment"]
    assert "database_url" in Settings.model_fields
    user = DATABASE["environment"]["POSTGRES_USER"]
    assert variables["SKIPLENS_DATABASE_URL"] == f"postgresql://{user}@database/{user}"
    assert variables["PGPASSWORD"] == DATABASE["environment"]["POSTGRES_PASSWORD"] == PASSWORD


def test_the_database_is_bounded_published_nowhere_and_kept() -> None:
    assert DATABASE["read_only"] is True
    assert DATABASE["cap_drop"] == ["ALL"]
    assert DATABASE["security_opt"] == ["no-new-privileges:true"]
    assert DATABASE["mem_limit"]
    assert "ports" not in DATABASE
    ((volume, folder),) = (one.split(":") for one in DATABASE["volumes"])
    assert volume in OVERLAY["volumes"]
    assert folder == "/var/lib/postgresql/data"
