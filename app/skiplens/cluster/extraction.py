"""Extracts activations on a Ray cluster: a process on each core computes chunks of images.

The process that extracts writes the chunks, in their order, so what it writes is the same as
without Ray, and so is where it goes on. Ray Data would add tables of Arrow between the two, and
has no way to go on after an interruption.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import ray
from ray.actor import ActorHandle
from ray.exceptions import RayError
from ray.util import ActorPool

from skiplens.core.manifest import LayerInfo
from skiplens.engine.base import Array
from skiplens.engine.litert import LiteRTEngine
from skiplens.engine.model_folder import open_folder
from skiplens.errors import ExportError, SkiplensError
from skiplens.export.extraction import Chunk, Compute, ImageSource, Lows, Runner, begin

_Computed = tuple[Sequence[Array], Array, list[Lows]]  # as in Chunk
_AHEAD: Final = 2  # chunks that each process has or is given
_TRIES: Final = 3  # of a chunk, besides the first: it may be what ends the process
_FIRST_S: Final = 300.0  # until a process is there; a cluster may have to add a machine
_OTHERS_S: Final = 30.0  # after each; what else runs on the cluster may keep a core for good


class _Worker:
    """Computes chunks on one core.

    Args:
        network: model folder.
        images: where Ray has the inputs; in a list, as Ray would fetch an argument itself, and
            warns that it could not do so again if the process were started again.
        layers: whose maps to keep.
    """

    def __init__(
        self, network: Path, images: list["ray.ObjectRef"], layers: Sequence[LayerInfo]
    ) -> None:
        engine = LiteRTEngine(open_folder(network), 1, 0)
        self._runner = Runner(engine, ray.get(images[0]), layers)

    def ready(self) -> None:
        """Return once there is the process."""

    def compute(self, part: range) -> _Computed | SkiplensError:
        """The chunk of these images; an error is returned, as Ray would wrap what is raised."""
        with ThreadPoolExecutor(1) as pool:
            chunk = begin(self._runner, pool, part)
            try:
                return chunk.kept, chunk.high, chunk.wait()
            except SkiplensError as error:
                return error


@contextmanager
def on_cluster(
    address: str, network: Path, images: ImageSource, layers: Sequence[LayerInfo]
) -> Iterator[Compute]:
    """Computes on all cores of a cluster.

    Args:
        address: of the cluster; ``auto`` for the one of this machine, ``local`` to start one.
        network: model folder, at the same path on every machine.
        images: inputs; a folder has to be there on every machine, too.
        layers: whose maps to keep.

    Raises:
        ExportError: no cluster answers at the address, it has no core for this, or its processes
            cannot compute.
    """
    starts = {"include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address, log_to_driver=False, logging_level="ERROR", **starts)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ExportError(f"no Ray cluster answers at {address}: {error}") from error
    try:
        worker = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=_TRIES)(_Worker)
        shared = [ray.put(images)]
        cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
        workers = _started([worker.remote(network, shared, layers) for _ in range(cores)])

        @contextmanager
        def compute(parts: Iterable[range]) -> Iterator[Iterable[Chunk]]:
            yield _chunks(ActorPool(workers * _AHEAD), list(parts))

        yield compute
    except RayError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ExportError(f"the Ray cluster cannot compute the images: {reason}") from error
    finally:
        ray.shutdown()


def _started(workers: Sequence[ActorHandle]) -> list[ActorHandle]:
    """The processes for which there are cores; the others are not waited for.

    Raises:
        ExportError: there is none.
        RayError: they cannot start.
    """
    asked = {worker.ready.remote(): worker for worker in workers}
    there, missing = ray.wait(list(asked), num_returns=1, timeout=_FIRST_S)
    if not there:
        raise ExportError(f"the Ray cluster had no core free within {_FIRST_S:g} s")
    while missing:
        more, missing = ray.wait(missing, num_returns=1, timeout=_OTHERS_S)
        if not more:
            break
        there += more
    ray.get(there)
    for one in missing:
        ray.kill(asked[one])
    return [asked[one] for one in there]


def _chunks(pool: ActorPool, parts: Sequence[range]) -> Iterator[Chunk]:
    found = pool.map(lambda worker, part: worker.compute.remote(part), parts)
    for part, computed in zip(parts, found, strict=True):
        if isinstance(computed, SkiplensError):
            raise computed
        kept, high, lows = computed
        yield Chunk(part, kept, high, partial(list, lows))
