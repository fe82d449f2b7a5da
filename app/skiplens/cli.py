"""The command line: serve, train, ladder, compile, evaluate, similarity, experiments, export."""

import gc
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from skiplens.core.colormaps import PaletteName
from skiplens.core.value_range import Normalisation
from skiplens.errors import SkiplensError, StartupError, quoted
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
        help="Folder of MNIST's IDX files, or an mnist.npz. Downloaded through Keras otherwise.",
    ),
]
NetworkName = Annotated[str, typer.Argument(help="Id of the network, such as mnist-resnet.")]
Models = Annotated[Path, typer.Option(help="Folder of model folders.")]


@app.command(
    epilog="Examples: `skiplens serve` - `skiplens serve --port 9000 --open` - "
    "`SKIPLENS_PORT=9000 skiplens serve` - `skiplens serve --data mnist/`"
)
def serve(
    host: Annotated[str | None, typer.Option(help="Address to bind to.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes any free one.")] = None,
    engine: Annotated[str | None, typer.Option(help="auto, litert or keras.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder with MNIST, to browse its test digits.")
    ] = None,
    root_path: Annotated[
        str | None, typer.Option(help="Path of the site behind a proxy, such as /tools/skiplens.")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open a browser.")] = False,
) -> None:
    """Serve the gallery and the API. Every setting is also an environment variable."""
    gc.disable()  # objects created at startup are kept; scanning them takes a tenth of it
    try:
        options = {"host": host, "port": port, "engine": engine, "data": data}
        _serve({**options, "root_path": root_path}, open_page=open_page)
    finally:
        gc.enable()


def _serve(options: dict[str, object], *, open_page: bool) -> None:
    from skiplens import logs  # imported here to keep the other commands fast
    from skiplens.server import create_app, open_services
    from skiplens.web.http.server import bind, run

    settings = read_settings({name: value for name, value in options.items() if value is not None})
    logs.configure(settings.log_format)
    with bind(settings.host, settings.port) as listener:
        services = open_services(settings)
        address = listener.getsockname()
        shown = f"[{address[0]}]" if ":" in address[0] else address[0]
        url = f"http://{shown}:{address[1]}{settings.root_path}/"
        running = services.registry.networks[0]

        def listening() -> None:
            gc.freeze()
            gc.enable()
            sys.stdout.write(f"skiplens is at {url} (engine {running.name} on {running.device})\n")
            sys.stdout.flush()
            if open_page:
                webbrowser.open(url)

        run(create_app(settings, lambda: services), settings, listener, listening)


def read_settings(options: dict[str, object]) -> Settings:
    """Settings from the environment, overridden by options.

    Raises:
        StartupError: a value is not allowed; the message names the setting.
    """
    try:
        return Settings.model_validate(options)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise StartupError(
            f"setting {name} (SKIPLENS_{name.upper()}) has a value that is not allowed: "
            f"{first['msg']}; got {quoted(str(first['input']))}"
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
        int | None, typer.Option(help="Of all that is drawn at random; the recipe's otherwise.")
    ] = None,
) -> None:
    """Train a network from its recipe, or resume where an interrupted run left off."""
    from skiplens.network import commands

    run = runs / (network if seed is None else f"{network}-seed{seed}")
    commands.train_network(network, data, run, models / network, hold_out, seed)


@app.command(epilog="Example: `skiplens ladder --data mnist/`")
def ladder(
    networks: Annotated[
        list[str] | None, typer.Argument(help="The only ones of its networks to train.")
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


@app.command("compile", epilog="Example: `skiplens compile mnist-resnet --data mnist/`")
def compile_(
    network: NetworkName,
    data: Data = None,
    models: Models = ROOT / "models",
    measure: Annotated[bool, typer.Option(help="Measure the accuracy on the test digits.")] = True,
) -> None:
    """Compile network.keras into graphs and a manifest, each output verified against Keras."""
    from skiplens.engine.litert import run_once
    from skiplens.network import commands

    commands.compile_folder(models / network, data, run_once, measure=measure)


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
    from skiplens.export.gallery import ExportOptions
    from skiplens.export.writing import export_gallery
    from skiplens.server import open_services
    from skiplens.service.images import GridOptions

    services = open_services(read_settings({"engine": "litert", "interpreters": 1}))
    try:
        request = ExportOptions(network, digit, image, scale, GridOptions(normalize, palette))
        export_gallery(services, request, folder, force=force)
    finally:
        services.close()


def main() -> None:
    """Run the command line; errors are one sentence on standard error and exit code 2."""
    try:
        app()
    except SkiplensError as error:
        sys.stderr.write(f"skiplens: {error}\n")
        raise SystemExit(2) from None
