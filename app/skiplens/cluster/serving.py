"""The app on Ray Serve: replicas that answer requests, and replicas of each network's engine.

``deploy/ray.yaml`` says how many of each there are, and which GPUs they get. Settings come from the
environment, which has to be the same on every machine.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

import anyio
from anyio.abc import TaskStatus
from ray import serve
from ray.exceptions import ObjectLostError, RayActorError
from ray.serve.exceptions import (
    BackPressureError,
    DeploymentUnavailableError,
    ReplicaUnavailableError,
)
from ray.serve.handle import DeploymentHandle
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skiplens import logs
from skiplens.application import create_app, open_services
from skiplens.core.limits import InterpreterLimits
from skiplens.core.manifest import Manifest
from skiplens.core.timing import timed
from skiplens.engine.base import (
    Activations,
    Array,
    Engine,
    ReadActivations,
    RunForFigures,
    check_finite,
    figures_of,
    layers_to_check,
    read_only,
)
from skiplens.engine.keras import MAX_BATCH
from skiplens.engine.model_folder import ModelFolder, open_folder
from skiplens.engine.select import engines_of, open_folders
from skiplens.errors import BusyError, SkiplensError
from skiplens.settings import Settings
from skiplens.web.http.event_loop import tune_process
from skiplens.web.http.headers import REQUEST_ID_HEADER

T = TypeVar("T")
WEB: Final = "web"
_SOME_CPU: Final = {"num_cpus": 0.1}  # replicas share cores: most of them are idle
# Faster than Serve's own way, cloudpickle, which only functions and classes of this process need.
_PICKLED: Final = {"request_serialization": "pickle", "response_serialization": "pickle"}
_TRIES: Final = 3  # to compute, where a replica ends meanwhile
_LONGEST_S: Final = 60.0  # for a replica to be found, and to compute


class EngineReplica:
    """Runs one network for the replicas that answer requests.

    It computes as many requests at a time as Keras takes in a batch: what comes together is
    computed together. Serve keeps the others waiting, and starts more replicas.

    Args:
        folder: of the network; the same on every machine.
    """

    def __init__(self, folder: Path) -> None:
        tune_process()  # or each copy of an answer with all activations would get new pages
        settings = Settings()
        opened = open_folder(folder)
        limits = InterpreterLimits(settings.idle_interpreters, settings.max_interpreter_bytes)
        engines = engines_of([opened], settings.engine, settings.interpreters, MAX_BATCH, limits)
        self._engine = engines[opened.manifest.id]
        self._checked = layers_to_check(opened.manifest.layers)
        self._threads = ThreadPoolExecutor(MAX_BATCH, thread_name_prefix="computing")

    async def described(self) -> tuple[str, str]:
        """Name and device of the engine."""
        return self._engine.name, self._engine.device

    async def compute(self, method: str, *given: object) -> object:
        """What a method of the engine returns, or ``_layers``; an error of the engine's is
        returned, not raised, as Ray would wrap it.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._compute, method, given)

    def _compute(self, method: str, given: tuple[Any, ...]) -> object:
        run: Callable[..., object] = (
            self._layers if method == "layers" else getattr(self._engine, method)
        )
        try:
            return run(*given)
        except SkiplensError as error:
            return error

    def _layers(
        self, image: Array, branch_scales: Array, names: Sequence[str], check: bool
    ) -> dict[str, Array]:
        """The activations of some layers. An input that was computed last is not computed again.

        Args:
            image: as :meth:`skiplens.engine.base.Engine.activations` takes it, errors too.
            branch_scales: likewise.
            names: of the layers.
            check: whether those of all layers have to be finite.
        """

        def read(found: Activations, *, computed: bool) -> dict[str, Array]:
            del computed
            if check:
                check_finite(found, self._checked)
            return {name: found[name].copy() for name in names}

        return self._engine.inspect(image, branch_scales, read)


class _LayersAsked(Mapping[str, Array]):
    """The activations of one forward pass, read-only, each of which comes when it is read. Sending
    all takes several times as long as computing them, and a picture or a prediction needs few: with
    the first layer come those that it is compared with in a block, with another one come all.

    Args:
        manifest: of the network.
        fetch: the activations of layers, by name.
    """

    def __init__(self, manifest: Manifest, fetch: Callable[[Sequence[str]], Activations]) -> None:
        self._manifest, self._fetch = manifest, fetch
        self._names = dict.fromkeys(layer.name for layer in manifest.layers)
        self._found: dict[str, Array] = {}
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> Array:
        if name not in self._names:
            raise KeyError(name)
        with self._lock:
            if name not in self._found:
                wanted = set(self._names) if self._found else self._beside(name)
                self._found |= read_only(self._fetch(tuple(wanted - self._found.keys())))
            return self._found[name]

    def _beside(self, name: str) -> set[str]:
        compared = (set(block.compared) for block in self._manifest.blocks)
        return {name}.union(*(each for each in compared if name in each))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class RemoteEngine:
    """Runs a network on replicas of its engine; implements :class:`skiplens.engine.base.Engine`.

    Computing changes nothing, so what a replica did not finish before it ended, another one does.

    Args:
        folder: of the network.
        replicas: of its engine.
        loop: where these are asked; calls come from other threads.
        described: name and device of the engine.
    """

    waiting = 0  # where the replicas are, by Serve's count

    def __init__(
        self,
        folder: ModelFolder,
        replicas: DeploymentHandle[EngineReplica],
        loop: asyncio.AbstractEventLoop,
        described: tuple[str, str],
    ) -> None:
        self.manifest, self._folder = folder.manifest, folder
        self._remote, self._loop = replicas.compute, loop  # a handle of its own, once for all calls
        self.name, self.device = described

    @property
    def weights(self) -> Mapping[str, Array]:
        return self._folder.weights

    def activations(self, image: Array, branch_scales: Array) -> Activations:
        return self._layers(image, branch_scales, check=True)

    def filter_figures(self, layers: Sequence[str]) -> RunForFigures:
        return lambda image, branch_scales: figures_of(
            self.activations(image, branch_scales), self.manifest.layers, layers
        )

    def inspect(self, image: Array, branch_scales: Array, read: ReadActivations[T]) -> T:
        return read(self._layers(image, branch_scales, check=False), computed=False)

    def _layers(self, image: Array, branch_scales: Array, check: bool) -> Activations:
        def fetch(names: Sequence[str]) -> Activations:
            found: Activations = self._compute("layers", image, branch_scales, names, check)
            return found

        return _LayersAsked(self.manifest, fetch)

    def outputs(self, images: Array, branch_scales: Array, layer: str) -> Array:
        found: Array = self._compute("outputs", images, branch_scales, layer)
        return found

    def reordered(self, image: Array, branch_scales: Array, order: Array) -> Activations:
        found: Activations = self._compute("reordered", image, branch_scales, order)
        return read_only(found)

    def gradients(self, image: Array, branch_scales: Array, target: int) -> Activations:
        found: Activations = self._compute("gradients", image, branch_scales, target)
        return found

    def close(self) -> None:
        """Nothing to release: Serve ends the replicas."""

    def _compute(self, method: str, *given: object) -> Any:  # noqa: ANN401  # as the method says
        with timed("infer"):
            asked = asyncio.run_coroutine_threadsafe(self._ask(method, given), self._loop)
            return asked.result()

    async def _ask(self, method: str, given: tuple[object, ...]) -> object:
        name = f"network {self.manifest.id}"
        for _ in range(_TRIES):
            try:
                async with asyncio.timeout(_LONGEST_S):
                    found = await self._remote.remote(method, *given)
            except (RayActorError, ObjectLostError):
                continue
            except BackPressureError as error:
                raise BusyError(error.message) from error
            except (DeploymentUnavailableError, ReplicaUnavailableError) as error:
                raise BusyError(f"{name} has no replica now") from error
            except TimeoutError as error:
                raise BusyError(f"no replica of {name} answered in {_LONGEST_S:g} s") from error
            if isinstance(found, SkiplensError):
                raise found
            return found
        raise BusyError(f"the replicas of {name} end before they answer")


class WebReplica:
    """Answers requests. It keeps nothing but caches: digits are in the database, and networks run
    on replicas of their own.

    Args:
        replicas: of engines, by network.
    """

    async def __init__(  # type: ignore[misc]  # Serve awaits it
        self, replicas: Mapping[str, DeploymentHandle[EngineReplica]]
    ) -> None:
        tune_process()
        self._settings = Settings()
        logs.configure(self._settings.log_format, self._settings.max_log_bytes)
        folders = open_folders(self._settings.models_dir, self._settings.own_network)
        loop = asyncio.get_running_loop()
        networks = [replicas[folder.manifest.id].options(**_PICKLED) for folder in folders]
        described = await asyncio.gather(*(one.described.remote() for one in networks))
        self._engines: dict[str, Engine] = {
            folder.manifest.id: RemoteEngine(folder, network, loop, one)
            for folder, network, one in zip(folders, networks, described, strict=True)
        }

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """The app; Serve calls this once the engines are known."""
        settings = self._settings
        app = create_app(settings, lambda: open_services(settings, engines=self._engines))
        return _OnServe(app)


class _OnServe:
    """Answers each request in a task below that of the app's lifespan. AnyIO's threads end with the
    topmost task, which on Serve would be the request's own: each request would start its threads.

    Leaves out the header with the request's id: Serve writes the same.

    Args:
        app: next ASGI app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            async with anyio.create_task_group() as self._requests:
                await self._app(scope, receive, send)
                self._requests.cancel_scope.cancel()
        else:
            await self._requests.start(self._answer, scope, receive, send)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, *, task_status: TaskStatus[None]
    ) -> None:
        async def forward(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                message["headers"] = [one for one in headers if one[0] != REQUEST_ID_HEADER]
            await send(message)

        await self._app(scope, receive, forward)
        task_status.started()  # only now: the request waits for it, and gets any error


def app(_: dict[str, str]) -> serve.Application:
    """What Serve is to run; ``deploy/ray.yaml`` names this function."""
    settings = Settings()
    engine = serve.deployment(
        EngineReplica,
        ray_actor_options=_SOME_CPU,
        max_ongoing_requests=MAX_BATCH,
        max_queued_requests=settings.max_waiting,
    )
    engines = {
        folder.manifest.id: engine.options(name=folder.manifest.id).bind(folder.path)
        for folder in open_folders(settings.models_dir, settings.own_network)
    }
    web = serve.deployment(
        serve.ingress()(WebReplica),
        name=WEB,
        ray_actor_options=_SOME_CPU,
        max_ongoing_requests=2 * settings.max_requests,  # so that the app refuses, with its reasons
    )
    return web.bind(engines)
