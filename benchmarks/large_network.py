"""A large network: ResNet50 of keras.applications, with random weights, compiled and shown."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from benchmarks.client import Client
from benchmarks.processes import chromium, environment, serving
from benchmarks.results import Result, Target
from benchmarks.timing import in_turn, ratio
from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.feature_stats import FilterSummary, summarise
from skiplens.core.input_image import InputImage
from skiplens.engine.base import Activations, Array
from skiplens.engine.litert import LiteRTEngine
from skiplens.engine.model_folder import ModelFolder, open_folder
from skiplens.samples import draw_picture
from skiplens.service.forward import (
    LayersOnDemand,
    branch_scales,
    network_input,
    run_network,
)
from skiplens.service.map_grids import GridOptions, layer_grid
from skiplens.service.registry import find_layer

TITLE = "A large network"
_ROUNDS: Final = 5
_SAVE: Final = "import keras; keras.applications.ResNet50(weights=None).save('resnet50.keras')"
# Processor time and memory are those of the process that this one waits for.
_COMPILE: Final = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-m", "skiplens", "compile", *sys.argv[1:]], check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1000)
"""


def measure() -> Iterator[Result]:
    """Compile it, run it, serve it."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        _python(_SAVE, place)
        options = ("resnet50.keras", "--models", "models", "--no-measure")
        cpu, memory = map(float, _python(_COMPILE, place, *options).split()[-2:])
        yield Result("compiling, processor time", cpu, "s", Target("<", 60))
        yield Result("compiling, memory at its peak", memory, "MB", Target("<", 3000))
        (folder,) = (place / "models").glob("resnet50-*")
        yield from _engine(open_folder(folder))
        yield from _server(folder, place)


def _python(code: str, place: Path, *arguments: str) -> str:
    """What a process writes to standard output."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(
        command,
        cwd=place,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    ).stdout


def _engine(folder: ModelFolder) -> Iterator[Result]:
    """The figures of every filter, over a pass that copies nothing out of the interpreter."""
    manifest = folder.manifest
    engine = LiteRTEngine(folder, 1, 0)
    picture = draw_picture()
    image, scales = network_input(manifest, picture), branch_scales(manifest, AS_TRAINED)
    content = folder.read(manifest.graphs["activations"].file)
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    given = {"image": image, "branch_scales": scales[None]}
    for entry in interpreter.get_input_details():
        interpreter.set_tensor(entry["index"], given[entry["name"]])
    shades = cycle(np.linspace(0.9, 1, 1000, dtype=np.float32))

    def figures() -> None:
        engine.inspect(image * next(shades), scales, _figures)

    found = in_turn(
        {
            "bare": interpreter.invoke,
            "figures": figures,
            "page": lambda: run_network(engine, _shaded(picture, next(shades)), AS_TRAINED),
        },
        _ROUNDS,
    )
    yield Result("a bare pass", 1000 * median(found["bare"]), "ms")
    over = "all figures, over a bare pass"
    yield Result(over, ratio(found["figures"], found["bare"]), target=Target("<=", 1.3))
    over = "all that a page shows at once, over a bare pass"
    yield Result(over, ratio(found["page"], found["bare"]))
    yield from _first_grid(engine, picture)


def _figures(found: Activations, *, computed: bool) -> list[FilterSummary]:
    """Smallest, largest and mean value of every filter of every layer."""
    del computed
    return [summarise(maps) for maps in found.values()]


def _shaded(picture: InputImage, shade: float) -> InputImage:
    return InputImage.of(np.asarray(picture.pixels * shade, np.uint8))


def _first_grid(engine: LiteRTEngine, picture: InputImage) -> Iterator[Result]:
    """A layer's first grid, of an input that the engine still has, over copying the layer and
    drawing and encoding that image.
    """
    layer = find_layer(engine.manifest, "conv2_block1_out")
    filters = tuple(range(layer.filters))
    forward = run_network(engine, picture, AS_TRAINED)
    image, scales = forward.image, branch_scales(engine.manifest, AS_TRAINED)
    drawn = layer_grid(forward, layer, filters, GridOptions())

    def copy(found: Activations, *, computed: bool) -> Array:
        del computed
        return found[layer.name].copy()

    def bare() -> bytes:
        maps = engine.inspect(image, scales, copy)
        source = replace(drawn.source, read=lambda chosen: maps[:, :, chosen])
        return replace(drawn, source=source).png()

    def first() -> bytes:
        layers = LayersOnDemand(engine, image, scales)
        fresh = replace(forward, activations=layers)
        return layer_grid(fresh, layer, filters, GridOptions()).png()

    found = in_turn({"first": first, "bare": bare}, 3 * _ROUNDS)
    over = "first grid of a kept input, over its layer's copy and encoding"
    yield Result(over, ratio(found["first"], found["bare"]), target=Target("<=", 1.1))


def _first_page(port: int) -> Iterator[Result]:
    """What the first page fetches before anyone scrolls; nothing without Chromium."""
    with chromium() as browser:
        if browser is None:
            return
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        sizes: list[float] = []
        events = page.context.new_cdp_session(page)
        events.send("Network.enable")
        events.on("Network.loadingFinished", lambda one: sizes.append(one["encodedDataLength"]))
        page.goto(f"http://127.0.0.1:{port}/", wait_until="networkidle")
        elements = float(page.locator("*").count())
    yield Result("first page, with all that it fetches", sum(sizes) / 1000, "KB", Target("<", 300))
    yield Result("its requests", float(len(sizes)), "", Target("<=", 15))
    yield Result("its elements", elements, "", Target("<", 8000))


def _server(folder: Path, place: Path) -> Iterator[Result]:
    """The first page, and the memory of a server that has shown a dozen grids."""
    command = [sys.executable, "-m", "skiplens", "serve", "--port", "0", "--engine", "litert"]
    settings = environment(
        SKIPLENS_MODELS_DIR=str(folder.parent),
        SKIPLENS_DEFAULT_NETWORK=folder.name,
        SKIPLENS_STATE_DIR=str(place / "state"),
    )
    with serving(command, settings) as server:
        client = Client(server.port)
        _, page = client.get("/")
        yield from _first_page(server.port)
        grids = re.findall(rb'(?:src|srcset)="(/api/[^"]+grid\.png[^"]*)"', page)
        for address in grids[:12]:
            client.get(address.decode().replace("&amp;", "&"))
        memory = server.memory()
        if memory is not None:
            peak = memory["peak"]
            yield Result("memory of the server at its peak", peak, "MB", Target("<", 1500))
