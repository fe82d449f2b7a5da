"""The command line refuses what it cannot do in one sentence, with exit code 2."""

import json
import os
import re
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from zipfile import ZipFile

import pytest
from annotated_types import Ge, Le
from typer.testing import CliRunner

from skiplens import cli
from skiplens.errors import StartupError
from skiplens.network.own_network_files import network_id
from skiplens.settings import Settings
from tests.conftest import MODELS
from tests.idx import shifted_samples, write_test_set

NETWORK = "mnist-resnet"
Refusal = Callable[..., str]


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but the test's own, and no change to how logs of other tests look."""
    for name in [name for name in os.environ if name.startswith("SKIPLENS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SKIPLENS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("SKIPLENS_PORT", "0")
    monkeypatch.setattr("skiplens.logs.configure", lambda *_: None)


@pytest.fixture
def refusal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refusal:
    """Runs ``skiplens`` and returns the one sentence that it refuses with."""

    def ran(*arguments: str, **settings: object) -> str:
        for name, value in settings.items():
            monkeypatch.setenv(f"SKIPLENS_{name.upper()}", str(value))
        monkeypatch.setattr("sys.argv", ["skiplens", *(arguments or ["serve"])])
        monkeypatch.setattr(
            "skiplens.web.http.event_loop.run", lambda *_: pytest.fail("the server was started")
        )
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        assert ended.value.code == 2
        assert said.out == ""
        assert said.err.startswith("skiplens: ")
        assert said.err.count("\n") == 1
        return said.err.removeprefix("skiplens: ").strip()

    return ran


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A copy of the default network for a test to damage."""
    shutil.copytree(MODELS / NETWORK, tmp_path / "models" / NETWORK)
    return tmp_path / "models"


@pytest.mark.parametrize("command", ["open", "compile"])
def test_a_file_that_is_no_network_is_refused(
    refusal: Refusal, command: str, tmp_path: Path
) -> None:
    assert "none.keras cannot be read" in refusal(command, str(tmp_path / "none.keras"))
    (tmp_path / "mine.keras").write_text("no network", encoding="utf-8")
    assert "is not a Keras network" in refusal(command, str(tmp_path / "mine.keras"))


@pytest.mark.parametrize(("kind", "is_mnist"), [("digit", True), ("digit", False), ("image", True)])
def test_a_network_of_ones_own_is_served_with_the_digits_it_was_measured_on(
    kind: str, is_mnist: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKIPLENS_MNIST", str(tmp_path / "others"))
    data = tmp_path / "data"
    data.mkdir()
    if is_mnist:
        write_test_set(data, shifted_samples())
    with ZipFile(tmp_path / "Mine.KERAS", "w") as archive:
        archive.writestr("config.json", "")
    measured_on: list[Path | None] = []
    served_with: list[object] = []

    def compile_apart(network: Path, own: Path, given: Path | None, *_: object) -> int:
        folder = own / network_id(network)
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps({"input": {"kind": kind}}))
        measured_on.append(given)
        return 0

    monkeypatch.setattr(cli, "compile_apart", compile_apart)
    monkeypatch.setattr(cli, "_serve", lambda settings, **_: served_with.append(settings["data"]))
    for given in ((), ("--data", str(data))):
        shutil.rmtree(tmp_path / "state", ignore_errors=True)
        shown = CliRunner().invoke(cli.app, ["open", str(tmp_path / "Mine.KERAS"), *given])
        assert shown.exit_code == 0
    assert measured_on == [None, data]
    assert served_with == [None, data if is_mnist and kind == "digit" else None]


def test_a_cluster_is_told_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Path] = []

    def on_cluster(_: str, model: Path, *others: object) -> AbstractContextManager[None]:
        told.append(model)
        return nullcontext()

    def open_images(images: Path, _: object) -> list[Path]:
        told.append(images)
        return []

    write_test_set(tmp_path, shifted_samples()[:2])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").symlink_to(MODELS)
    monkeypatch.setattr(cli, "find_spec", lambda _: True)
    cluster = SimpleNamespace(on_cluster=on_cluster)
    monkeypatch.setitem(sys.modules, "skiplens.cluster.extraction", cluster)
    monkeypatch.setattr("skiplens.export.extraction.open_images", open_images)
    monkeypatch.setattr("skiplens.export.extraction.extract", lambda *_, **__: "table")
    command = "extract --ray local --images t10k-images-idx3-ubyte --models models --out out"
    assert CliRunner().invoke(cli.app, command.split()).exit_code == 0
    assert told == [tmp_path / "t10k-images-idx3-ubyte", MODELS.resolve() / NETWORK]


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("port", "http"), ("port", "-1"), ("port", "65536"), ("engine", "tpu")),
        *(("log_format", "xml"), ("max_body_bytes", "0"), ("interpreters", "0")),
        *(("receive_seconds", value) for value in ("0", "nan", "inf", "soon")),
    ],
)
def test_a_setting_that_is_not_allowed_is_named_with_what_is(
    refusal: Refusal, name: str, value: str
) -> None:
    said = refusal(**{name: value})
    assert said.startswith(f"setting {name} (SKIPLENS_{name.upper()}) has a value that is not allo")
    assert "Input should be" in said
    assert said.endswith(f"; got '{value}'")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("images", "{}", "Input should be a valid tuple; got '{}'"),
        ("images", "seven.png", "Input should be a JSON list of files; got 'seven.png'"),
        ("images", '["seven.png", 8]', " in entry 2: Input is not a valid path"),
        ("frame_ancestors", "ok.example, a b", " in entry 2: String should match"),
        *(
            ("allowed_hosts", host, " in entry 1: String should match")
            for host in ("lens.example:8931", "https://www.example/", "*.example", "::1")
        ),
        *(
            ("cors_origins", origin, " in entry 1: String should match")
            for origin in ("not an origin", "lens.example", "https://", "https://b.example/path")
        ),
    ],
)
def test_a_list_that_is_not_allowed_is_named_with_what_is(
    refusal: Refusal, name: str, value: str, expected: str
) -> None:
    said = refusal(**{name: value})
    assert said.startswith(f"setting {name} (SKIPLENS_{name.upper()}) has a value that is not allo")
    assert expected in said


def test_a_token_that_is_refused_is_not_told(refusal: Refusal) -> None:
    said = refusal(token="schl\u00fcssel")  # noqa: S106  # of the test
    assert said.startswith("setting token (SKIPLENS_TOKEN) has a value that is not allowed")
    assert "schl" not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (name, float(str(limit.ge)) - 1 if isinstance(limit, Ge) else float(str(limit.le)) + 1)
        for name, field in Settings.model_fields.items()
        for limit in field.metadata
        if isinstance(limit, Ge | Le)
    ],
)
def test_a_number_out_of_its_range_is_refused_with_the_range(name: str, value: float) -> None:
    expected = rf"\(SKIPLENS_{name.upper()}\).*than or equal to -?[\d.e+]+; got"
    with pytest.raises(StartupError, match=expected):
        cli.read_settings({name: value})


def test_more_cores_than_there_may_be_interpreters_are_no_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 96)
    assert Settings().interpreters == 64


def test_options_go_before_the_environment(refusal: Refusal) -> None:
    assert "'auto', 'litert' or 'keras'" in refusal("serve", "--engine", "tpu", engine="litert")


def test_a_port_in_use(refusal: Refusal, taken: int) -> None:
    said = refusal(port=taken)
    assert said.startswith(f"port {taken} on 127.0.0.1 cannot be bound")
    assert said.endswith("choose another with --port")
    said = refusal(port=0, health_port=taken)
    assert said.startswith(f"port {taken} on 127.0.0.1 cannot be bound")
    assert said.endswith("choose another with SKIPLENS_HEALTH_PORT")


@pytest.mark.parametrize("host", ["no.such.host.invalid", "256.256.256.256", "::zz"])
def test_an_address_that_is_not_ours(refusal: Refusal, host: str) -> None:
    said = refusal(host=host)
    assert f"on {host} cannot be bound" in said
    assert said.endswith("choose another with --host")


def test_no_address_is_not_every_address(refusal: Refusal) -> None:
    assert refusal("serve", "--host", "").startswith("setting host (SKIPLENS_HOST) has a value")


def test_a_state_folder_that_cannot_be(refusal: Refusal, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = refusal(state_dir=tmp_path / "file" / "below")
    assert said.startswith(f"state folder {tmp_path / 'file' / 'below'} cannot keep digits")
    assert said.endswith("choose another with SKIPLENS_STATE_DIR")


@pytest.mark.parametrize("content", [b"not a database, but longer than a header" * 99, None])
def test_a_database_that_is_none(refusal: Refusal, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "state" / "digits.sqlite3"
    path.parent.mkdir()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    assert "cannot keep digits" in refusal()
    assert content is None or path.read_bytes() == content


def test_a_models_folder_that_is_not_there_or_empty(refusal: Refusal, tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", tmp_path):
        assert refusal(models_dir=folder) == (
            f"models folder {folder} holds no compiled network; run skiplens compile"
        )


@pytest.mark.parametrize("name", ["activations.tflite", "gradients.tflite", "weights.npz"])
def test_a_model_file_that_is_missing_or_changed(refusal: Refusal, models: Path, name: str) -> None:
    path = models / NETWORK / name
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    said = refusal(models_dir=models)
    assert said.startswith(f"model file {path} does not match its manifest")
    path.unlink()
    assert refusal(models_dir=models).startswith(f"model file {path} cannot be read")


def _manifest(models: Path) -> Path:
    return models / NETWORK / "manifest.json"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"format": 1}'])
def test_a_manifest_that_is_none(refusal: Refusal, models: Path, content: bytes) -> None:
    _manifest(models).write_bytes(content)
    assert refusal(models_dir=models).startswith(f"manifest {_manifest(models)} is not valid at ")


@pytest.mark.parametrize(
    ("field", "value"), [("id", "mnist-plain"), ("format", 0), ("graphs", {}), ("files", {})]
)
def test_a_manifest_that_does_not_fit_its_folder(
    refusal: Refusal, models: Path, field: str, value: object
) -> None:
    manifest = json.loads(_manifest(models).read_text())
    _manifest(models).write_text(json.dumps({**manifest, field: value}))
    assert str(_manifest(models)) in refusal(models_dir=models)


def test_a_manifest_of_another_graph(refusal: Refusal, models: Path) -> None:
    manifest = json.loads(_manifest(models).read_text())
    manifest["graphs"]["activations"]["file"] = manifest["graphs"]["gradients"]["file"]
    _manifest(models).write_text(json.dumps(manifest))
    assert "its manifest says" in refusal(models_dir=models)


def test_a_manifest_whose_graphs_are_swapped(refusal: Refusal, models: Path) -> None:
    manifest = json.loads(_manifest(models).read_text())
    graphs = manifest["graphs"]
    graphs["activations"], graphs["gradients"] = graphs["gradients"], graphs["activations"]
    _manifest(models).write_text(json.dumps(manifest))
    assert "names other layers than its activations graph returns" in refusal(models_dir=models)


def test_a_data_set_that_is_not_there(refusal: Refusal, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    for said in (refusal("serve", "--data", str(nowhere)), refusal(data=nowhere)):
        assert said.startswith(f"data set {nowhere} cannot be read: ")
        assert said.endswith("--data (SKIPLENS_DATA) names a folder with MNIST's test digits")


@pytest.mark.parametrize("name", ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_a_data_set_that_is_damaged(refusal: Refusal, tmp_path: Path, name: str) -> None:
    path = write_test_set(tmp_path / "mnist", shifted_samples()) / name
    path.write_bytes(path.read_bytes()[:-1])
    assert f"{name} is not a complete IDX file" in refusal(data=path.parent)
    path.unlink()
    assert f"holds no {name}" in refusal(data=path.parent)


def test_a_data_set_of_no_digit(refusal: Refusal, tmp_path: Path) -> None:
    folder = write_test_set(tmp_path / "mnist", shifted_samples()[:0])
    assert f"{folder} holds no test digits" in refusal(data=folder)


@pytest.mark.parametrize(
    "command", ["serve", "train", "compile", "evaluate", "similarity", "export"]
)
def test_every_command_shows_an_example(command: str) -> None:
    for arguments in (["--help"], [command, "--help"]):
        shown = CliRunner().invoke(cli.app, arguments)
        assert shown.exit_code == 0
        assert command in shown.output
        assert "Example" in shown.output


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_no_generator_takes_is_refused(seed: int) -> None:
    said = CliRunner().invoke(cli.app, ["train", NETWORK, "--seed", str(seed)])
    assert said.exit_code == 2
    assert "equal to" in said.output


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKIPLENS_PORT", "9000")
    monkeypatch.setenv("SKIPLENS_ALLOWED_HOSTS", "a.example, b.example")
    settings = cli.read_settings({"host": "0.0.0.0"})  # noqa: S104  # nothing is bound
    assert (settings.host, settings.port) == ("0.0.0.0", 9000)  # noqa: S104
    assert settings.allowed_hosts == ("a.example", "b.example")


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104
def test_the_address_that_is_printed_can_be_opened(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    monkeypatch.setattr(
        "skiplens.worker_processes.serve", lambda _, listener, listening: listening("litert")
    )
    cli._serve({"host": host, "port": 0}, open_page=False)  # noqa: SLF001  # as serve does
    said, *_ = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"skiplens is at http://127\.0\.0\.1:\d+/ \(engine litert\)", said)


def test_empty_variables_are_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STATE_DIR", "PORT"):
        monkeypatch.delenv(f"SKIPLENS_{name}")
    unset = Settings()
    for name in Settings.model_fields:
        monkeypatch.setenv(f"SKIPLENS_{name.upper()}", "")
    assert Settings() == unset


def test_origins_are_as_browsers_send_them(monkeypatch: pytest.MonkeyPatch) -> None:
    origins = "https://b.example/, http://localhost:3000, null, *"
    monkeypatch.setenv("SKIPLENS_CORS_ORIGINS", origins)
    expected = ("https://b.example", "http://localhost:3000", "null", "*")
    assert Settings().cors_origins == expected


def test_the_server_is_for_this_machine_alone_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SKIPLENS_PORT")
    assert (Settings().host, Settings().port, Settings().cors_origins) == ("127.0.0.1", 8000, ())


def test_a_user_without_a_home_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_home(*_: object, **__: object) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.delenv("SKIPLENS_STATE_DIR", raising=False)
    monkeypatch.setattr("skiplens.settings.user_data_path", no_home)
    monkeypatch.setattr("sys.argv", ["skiplens", "serve", "--port", "0"])
    with pytest.raises(SystemExit):
        cli.main()
    assert "choose a folder with SKIPLENS_STATE_DIR" in capsys.readouterr().err
