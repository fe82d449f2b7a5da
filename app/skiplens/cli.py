"""The command line: serve, open, train, compile, evaluate, experiments, export and more."""

import gc
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Annotated

import typer
from pydantic import ValidationError

from skiplens.core.colormaps import PaletteName
from skiplens.core.input_image import Fit, InputKind
from skiplens.core.value_range import Normalisation
from skiplens.errors import DatasetError, ExportError, SkiplensError, StartupError, install, quoted
from skiplens.mnist import read_split
from skiplens.network.own_network_files import (
    SUFFIXES,
    NetworkOptions,
    TrustedCode,
    check_file,
    compile_apart,
    is_compiled,
    network_id,
    parse_size,
    read_classes,
    takes_digits,
)
from skiplens.settings import ROOT, Settings

app = typer.Typer(
    name="skiplens",
    help="See inside a residual network: every filter, every block, every digit.",
    epilog="Examples: `skiplens serve --open` - `skiplens export seven/` - `skiplens serve --help`",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

Data = Annotated[
    Path | None,
    typer.Option(
        envvar="SKIPLENS_MNIST",
        help="Folder of MNIST's IDX files, or an mnist.npz. By default Keras downloads MNIST.",
    ),
]
CompileData = Annotated[
    Path | None,
    typer.Option(
        "--data",
        envvar="SKIPLENS_MNIST",
        help="Labelled test images: a folder with MNIST, a folder of class folders, or an npz. By "
        "default Keras downloads MNIST for networks of digits; the variable is of use for these "
        "alone.",
    ),
]
LabelledImages = Annotated[
    Path | None,
    typer.Option(
        "--data",
        exists=True,
        help="Labelled test images: a folder with MNIST, a folder of class folders, or an npz. "
        "Without it, the accuracy is not measured.",
    ),
]
WithParent = Annotated[
    bool, typer.Option("--with-parent", hidden=True, help="Stop when standard input ends.")
]
NetworkName = Annotated[str, typer.Argument(help="Id of the network, such as mnist-resnet.")]
Models = Annotated[Path, typer.Option(help="Folder of model folders.")]


@app.command(
    epilog="Examples: `skiplens serve` - `skiplens serve --port 9000 --open` - "
    "`SKIPLENS_PORT=9000 skiplens serve` - `skiplens serve --data mnist/`"
)
def serve(  # noqa: PLR0913  # one parameter for each option
    *,
    host: Annotated[str | None, typer.Option(help="Address to bind to.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes any free one.")] = None,
    engine: Annotated[str | None, typer.Option(help="auto, litert or keras.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder with MNIST, to browse its test digits.")
    ] = None,
    root_path: Annotated[
        str | None, typer.Option(help="Path of the site behind a proxy, such as /tools/skiplens.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that serve.", min=1)] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open a browser.")] = False,
    with_parent: WithParent = False,
) -> None:
    """Serve the gallery and the API. Every setting is also an environment variable."""
    if with_parent:
        _stop_with_parent()
    gc.disable()  # objects created at startup are kept; scanning them takes a tenth of it
    try:
        options = {"host": host, "port": port, "engine": engine, "data": data}
        _serve({**options, "root_path": root_path, "workers": workers}, open_page=open_page)
    finally:
        gc.enable()


Trust = Annotated[
    bool, typer.Option("--trust", help="Run code in the file, such as that of Lambda layers.")
]
Definitions = Annotated[
    Path | None,
    typer.Option("--with", help="Python file to run first: it defines the network's own layers."),
]


Preprocess = Annotated[
    str | None,
    typer.Option(
        help="Values that the network takes: unit (0 to 1), bytes (0 to 255), tf, torch, caffe, or "
        "a module of keras.applications, such as resnet50. By default skiplens finds out."
    ),
]
FitOption = Annotated[
    Fit, typer.Option("--fit", help="How images of another aspect are brought to the network's.")
]
KindOption = Annotated[
    InputKind | None,
    typer.Option(
        "--kind", help="digit: prepared as MNIST's; image: as it is. By default as the shape says."
    ),
]
Size = Annotated[
    str | None,
    typer.Option(help="Height and width of images where the network leaves them open: 224."),
]
Output = Annotated[
    str | None, typer.Option(help="Which of several outputs to show, by name or number.")
]
Classes = Annotated[
    Path | None, typer.Option(help="Names of the classes: a line each, or a JSON list.")
]


@app.command(
    "open",
    epilog="Examples: `skiplens open model.keras` - `skiplens open model.h5 --data mnist/` - "
    "`skiplens open resnet50.keras --image photo.jpg --classes names.txt`",
)
def open_(  # noqa: PLR0913  # one parameter for each option
    network: Annotated[Path, typer.Argument(help="A network of yours: a .keras or .h5 file.")],
    *,
    image: Annotated[
        list[Path] | None, typer.Option(help="An image to show; may be repeated.")
    ] = None,
    preprocess: Preprocess = None,
    fit: FitOption = "crop",
    kind: KindOption = None,
    size: Size = None,
    output: Output = None,
    classes: Classes = None,
    data: LabelledImages = None,
    trust: Trust = False,
    definitions: Definitions = None,
    host: Annotated[str | None, typer.Option(help="Address to bind to.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes any free one.")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser.")] = False,
    with_parent: WithParent = False,
) -> None:
    """Show your own Keras network of images beside those that ship.

    It is compiled once, in a separate process, into your user data folder (SKIPLENS_STATE_DIR).
    """
    if with_parent:
        _stop_with_parent()
    check_file(network)
    options = _network_options(preprocess, fit, kind, size, output, classes)
    own = read_settings({}).state_dir / "models"
    folder = own / network_id(network, options)
    if not is_compiled(folder, measured=data is not None):
        code = TrustedCode(trust, definitions)
        if failed := compile_apart(network, own, data, options, classes, code):
            raise SystemExit(failed)
    settings: dict[str, object] = {"host": host, "port": port, "images": image}
    settings |= {"data": data if takes_digits(folder) and _is_mnist(data) else None}
    settings |= {"own_network": folder, "default_network": folder.name}
    _serve(settings, open_page=not no_browser)


def _stop_with_parent() -> None:
    """Stop when the process that started this one has ended, however it ends."""
    from skiplens.worker_processes import stop_with_parent

    Thread(target=stop_with_parent, daemon=True).start()


def _is_mnist(data: Path | None) -> bool:
    """Whether test images are digits, which the server can show."""
    if data is None:
        return False
    try:
        read_split(data, "test")
    except DatasetError:
        return False
    return True


def _network_options(
    preprocess: str | None,
    fit: Fit,
    kind: InputKind | None,
    size: str | None,
    output: str | None,
    classes: Path | None,
) -> NetworkOptions:
    """The options that describe a network.

    Raises:
        CompileError: one of them has a value that is not allowed.
    """
    return NetworkOptions(
        preprocess,
        fit,
        kind,
        parse_size(size) if size else None,
        output,
        read_classes(classes) if classes else (),
    )


def _serve(options: dict[str, object], *, open_page: bool) -> None:
    from skiplens import logs  # imported here to keep the other commands fast
    from skiplens.web.http.access_checks import is_unspecified
    from skiplens.worker_processes import bind, serve

    settings = read_settings({name: value for name, value in options.items() if value is not None})
    logs.configure(settings.log_format, settings.max_log_bytes)
    with bind(settings, settings.port) as listener:
        address = listener.getsockname()
        is_ipv6 = ":" in address[0]
        host = ("::1" if is_ipv6 else "127.0.0.1") if is_unspecified(address[0]) else address[0]
        shown = f"[{host}]" if is_ipv6 else host
        url = f"http://{shown}:{address[1]}{settings.root_path}/"

        def listening(engine: str) -> None:
            sys.stdout.write(f"skiplens is at {url} (engine {engine})\n")
            sys.stdout.flush()
            _warn_if_open_to_all(settings)
            if open_page:
                import webbrowser

                webbrowser.open(url)

        serve(settings, listener, listening)


def _warn_if_open_to_all(settings: Settings) -> None:
    from skiplens.logs import get_logger
    from skiplens.web.http.access_checks import is_loopback

    if not settings.token and not is_loopback(settings.host):
        get_logger(__name__).warning(
            "anyone who can reach this address can use the server; SKIPLENS_TOKEN requires a token",
            host=settings.host,
        )


def read_settings(options: dict[str, object]) -> Settings:
    """Settings from the environment, overridden by options.

    Raises:
        StartupError: a value is not allowed; the message names the setting.
    """
    try:
        return Settings.model_validate(options)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name, *at = (str(part) for part in first["loc"])
        entry = f" in entry {int(at[0]) + 1}" if at else ""
        field = Settings.model_fields.get(name)
        is_secret = field is not None and not field.repr
        given = "" if is_secret else f"; got {quoted(str(first['input']))}"
        raise StartupError(
            f"setting {name} (SKIPLENS_{name.upper()}) has a value that is not allowed{entry}: "
            f"{first['msg']}{given}"
        ) from error


@app.command(epilog="Example: `skiplens train mnist-resnet --data mnist/`")
def train(
    network: NetworkName,
    data: Data = None,
    runs: Annotated[Path, typer.Option(help="Folder of training runs.")] = Path("runs"),
    models: Models = ROOT / "models",
    hold_out: Annotated[
        int | None, typer.Option(help="Digits to validate on instead of training on them.", min=0)
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Seed of all random numbers; by default the recipe's.", min=0, max=2**32 - 1
        ),
    ] = None,
) -> None:
    """Train a network from its recipe, or resume where an interrupted run left off."""
    from skiplens.network import commands

    run = runs / (network if seed is None else f"{network}-seed{seed}")
    commands.train_network(network, data, run, models / network, hold_out, seed)


@app.command(epilog="Example: `skiplens ladder --data mnist/`")
def ladder(
    networks: Annotated[
        list[str] | None, typer.Argument(help="Networks of the ladder to train; by default all.")
    ] = None,
    data: Data = None,
    runs: Annotated[Path, typer.Option(help="Folder of training runs.")] = Path("runs"),
    models: Models = ROOT / "models",
    seeds: Annotated[int, typer.Option(help="Runs of each network.", min=1)] = 3,
) -> None:
    """Train residual streams and plain stacks of several depths, and measure them.

    Figures that are there are kept, and an interrupted run is resumed.
    """
    from skiplens.network import commands

    commands.train_ladder(data, runs, models, networks or (), seeds)


@app.command(
    "compile",
    epilog="Examples: `skiplens compile mnist-resnet --data mnist/` - "
    "`skiplens compile model.h5 --models models/ --no-measure`",
)
def compile_(  # noqa: PLR0913  # one parameter for each option
    context: typer.Context,
    network: Annotated[
        str, typer.Argument(help="Id of a network with a model folder, or a .keras or .h5 file.")
    ],
    *,
    data: CompileData = None,
    models: Models = ROOT / "models",
    measure: Annotated[bool, typer.Option(help="Measure the accuracy on test images.")] = True,
    preprocess: Preprocess = None,
    fit: FitOption = "crop",
    kind: KindOption = None,
    size: Size = None,
    output: Output = None,
    classes: Classes = None,
    trust: Trust = False,
    definitions: Definitions = None,
) -> None:
    """Compile a network into graphs and a manifest, each output verified against Keras.

    A file gets a model folder, named after it and a SHA-256 of its content and options.
    """
    from skiplens.engine.litert import run_once
    from skiplens.network import commands

    source = context.get_parameter_source("data")
    is_saved_model = (Path(network) / "saved_model.pb").is_file()  # which is refused as such
    if network.endswith(SUFFIXES) or Path(network).is_file() or is_saved_model:
        compiling: Callable[..., object] = partial(commands.compile_file, Path(network), models)
    else:
        compiling = partial(commands.compile_folder, models / network)
    compiling(
        data,
        run_once,
        measure=measure,
        code=TrustedCode(trust, definitions),
        options=_network_options(preprocess, fit, kind, size, output, classes),
        mnist_alone=source is not None and source.name == "ENVIRONMENT",
    )


@app.command(epilog="Example: `skiplens evaluate mnist-resnet --data mnist/`")
def evaluate(network: NetworkName, data: Data = None, models: Models = ROOT / "models") -> None:
    """Measure the compiled network's accuracy on the test digits."""
    from skiplens.engine.litert import LiteRTEngine
    from skiplens.engine.model_folder import open_folder
    from skiplens.network import commands

    engine = LiteRTEngine(open_folder(models / network), 1, 0)
    commands.evaluate_engine(engine.manifest, engine.activations, data)


@app.command(epilog="Example: `skiplens similarity --data mnist/`")
def similarity(data: Data = None, models: Models = ROOT / "models") -> None:
    """Compare the layers of all compiled networks with each other, by linear CKA.

    Compiling compares the network with the others; this does it again for all of them.
    """
    from skiplens.network import commands

    commands.measure_similarities(models, data)


@app.command(epilog="Example: `skiplens experiments mnist-stream --data mnist/`")
def experiments(
    network: NetworkName,
    data: Data = None,
    models: Models = ROOT / "models",
    only: Annotated[
        list[str] | None, typer.Option(help="An experiment to measure again; may be repeated.")
    ] = None,
) -> None:
    """Measure what happens over test digits when blocks are removed or scaled.

    Each result is stored as soon as it is there; later runs measure what is missing.
    """
    from skiplens.network import commands

    commands.measure_experiments(models / network, data, only or ())


@app.command(
    epilog="Examples: `skiplens export seven/` - `skiplens export --image photo.jpg mine/` - "
    "`skiplens export --scale block2:0 --palette light without/`"
)
def export(  # noqa: PLR0913  # one parameter for each option
    folder: Annotated[Path, typer.Argument(help="Folder to write; created if missing.")],
    *,
    network: Annotated[str | None, typer.Option(help="Id of the network.")] = None,
    digit: Annotated[str | None, typer.Option(help="Id of a sample or a stored digit.")] = None,
    image: Annotated[Path | None, typer.Option(help="A picture of a digit, not stored.")] = None,
    scale: Annotated[
        str | None, typer.Option(help="Factors of residual branches: block2:0,block5:0.5.")
    ] = None,
    normalize: Annotated[
        Normalisation, typer.Option(help="What shares one range of values.")
    ] = Normalisation.BLOCK,
    palette: Annotated[PaletteName, typer.Option(help="Colours.")] = PaletteName.DARK,
    force: Annotated[bool, typer.Option("--force", help="Write into a folder in use.")] = False,
) -> None:
    """Write a digit's gallery to a folder: PNG, NPZ, and an index.html that needs no server."""
    from skiplens.application import open_services
    from skiplens.export.gallery import ExportOptions, export_gallery
    from skiplens.service.map_grids import GridOptions

    services = open_services(read_settings({"engine": "litert", "interpreters": 1}))
    try:
        request = ExportOptions(network, digit, image, scale, GridOptions(normalize, palette))
        export_gallery(services, request, folder, force=force)
    finally:
        services.close()


@app.command(
    epilog="Example: `skiplens extract --images mnist/t10k-images-idx3-ubyte --layers "
    "block1.output,block6.output --out activations.zarr`"
)
def extract(
    *,
    images: Annotated[Path, typer.Option(help="Folder of image files, or an IDX file.")],
    out: Annotated[Path, typer.Option(help="Folder to write; an extraction begun is resumed.")],
    network: Annotated[str, typer.Option(help="Id of the network.")] = "mnist-resnet",
    layers: Annotated[
        str, typer.Option(help="Layers whose maps to write: stem.output,block1.sum.")
    ] = "",
    models: Models = ROOT / "models",
    ray: Annotated[
        str | None, typer.Option(help="Address of a Ray cluster to compute on; local starts one.")
    ] = None,
) -> None:
    """Write the activations of many images to a Zarr group, and statistics of all filters to CSV.

    Run it again after an interruption: it goes on where it was.
    """
    from skiplens.engine.litert import LiteRTEngine
    from skiplens.engine.model_folder import open_folder
    from skiplens.export.extraction import Compute, open_images
    from skiplens.export.extraction import extract as extract_images
    from skiplens.progress import progress_bar
    from skiplens.web.parameters import parse_layers

    if ray is not None:  # whose actors have another current folder
        images, models = images.resolve(), models.resolve()
    threads = read_settings({}).interpreters
    engine = LiteRTEngine(open_folder(models / network), threads, threads)
    chosen = parse_layers(engine.manifest, layers)
    source = open_images(images, engine)
    cluster: AbstractContextManager[Compute | None] = nullcontext()
    if ray is not None:
        if find_spec("ray") is None:
            raise ExportError(f"--ray needs Ray: {install('ray')}")
        from skiplens.cluster.extraction import on_cluster

        cluster = on_cluster(ray, models / network, source, chosen)
    with cluster as compute, progress_bar() as bar:
        task = bar.add_task("images", total=len(source), note="")

        def show(done: int) -> None:
            bar.update(task, completed=done)

        table = extract_images(engine, source, chosen, out, threads, show, compute=compute)
    sys.stdout.write(f"{out}: {len(source):,} images; statistics of each filter: {table}\n")


@app.command(
    epilog="Example: `SKIPLENS_DATABASE_URL=postgresql://skiplens@db.example.org/skiplens "
    "skiplens migrate`"
)
def migrate() -> None:
    """Copy uploaded digits from the file in SKIPLENS_STATE_DIR to the PostgreSQL database.

    Both keep what they have, so it may be run again.
    """
    from skiplens.application import DATABASE_FILE
    from skiplens.service.digit_store import DigitDatabase

    settings = read_settings({})
    file = settings.state_dir / DATABASE_FILE
    if not settings.database_url:
        raise StartupError("SKIPLENS_DATABASE_URL has to name the database to copy digits to")
    if not file.is_file():
        raise StartupError(f"there is no file {file} to copy digits from (SKIPLENS_STATE_DIR)")
    limits = (settings.max_digits, settings.wait_seconds)
    target = DigitDatabase(settings.database_url, *limits)
    source = DigitDatabase(file, *limits)
    try:
        copied = target.copy_from(source)
    finally:
        source.close()
        target.close()
    sys.stdout.write(f"{file}: digits and images copied to the database: {copied:,}\n")


def main() -> None:
    """Run the command line; errors are one sentence on standard error and exit code 2."""
    try:
        app()
    except SkiplensError as error:
        sys.stderr.write(f"skiplens: {error}\n")
        raise SystemExit(2) from None
