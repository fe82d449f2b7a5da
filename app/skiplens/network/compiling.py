"""Compiles a network into LiteRT graphs and verifies every output against Keras."""

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import keras
import numpy as np

from skiplens.core.input_image import SIDE, InputContract, InputKind
from skiplens.core.ladder import LADDER_FILE, LADDER_NETWORKS, stream_name
from skiplens.core.manifest import (
    DIGIT_CLASSES,
    FORMAT,
    MANIFEST_FILE,
    NETWORK_FILE,
    REORDERED,
    SEEDS_FILE,
    TRAINING_FILE,
    WEIGHTS_FILE,
    Accuracy,
    GraphInfo,
    Manifest,
    SeedAccuracy,
)
from skiplens.errors import CompileError, DatasetError
from skiplens.mnist import Split
from skiplens.network.architectures import title_of
from skiplens.network.evaluation import BATCH_SIZE, OnStep, evaluation
from skiplens.network.gradient_graph import compile_gradients, reference_gradients, verify_gradients
from skiplens.network.input_contract import adapted, contract, prepared, unprepared
from skiplens.network.labelled_images import LabelledImages, measured_accuracy, read_images
from skiplens.network.layer_records import gives_probabilities
from skiplens.network.litert_graphs import (
    Graph,
    Reference,
    RunGraph,
    compile_activations,
    computable,
    differ,
    reference_activations,
    trials,
    verify,
)
from skiplens.network.own_network_files import (
    NetworkOptions,
    regression_loss,
    stored_manifest,
    trained_on_logits,
)
from skiplens.network.reordered_graph import (
    blocks_are_alike,
    compile_reordered,
    reference_reordered,
)
from skiplens.network.results import write_manifest
from skiplens.network.similarity import similarity_to_others
from skiplens.network.structure import analyse
from skiplens.network.tracing import (
    InstrumentedModel,
    image_shape,
    instrument,
    load_network,
    obstacles,
)

_FEWEST_TO_REORDER: Final = 3  # blocks; two have but one other order
_CHANNELS: Final = (1, 3)  # of grey and of colour images
_VECTORS: Final = 2  # axes of a batch of them
_FAR_FROM_ONE: Final = 1e-3  # in a sum of probabilities

Check = Callable[[bytes, GraphInfo, RunGraph, Reference, InstrumentedModel], float]
"""The deviation of a graph, as of :func:`verify`."""


def compile_network(
    folder: Path,
    run_graph: RunGraph,
    test: Callable[[], Split] | None = None,
    on_step: OnStep = lambda step, steps: None,
    options: NetworkOptions = NetworkOptions(),  # noqa: B008  # it is frozen
) -> Manifest:
    """Compile the network in a folder, verify it, and write graphs, weights and manifest there.

    A network that takes other values than 0 to 1 is replaced by one that begins with layers that
    scale them.

    Args:
        folder: contains ``network.keras`` and, after training, ``training.json``.
        run_graph: runs a graph once, as the server does: ``(content, info, inputs)`` to outputs
            by name, with batch axis.
        test: reads digits to measure accuracy, mean metrics, ablations and the similarity to the
            other networks of the models folder on; not measured without, nor of a network of other
            images. Where it raises DatasetError, the accuracy is measured on the labelled images
            of the options.
        on_step: called with the number of passes over the test digits done and in total, then with
            the number of networks compared.
        options: what the user tells of input and output.

    The classes and the kind of image that the folder was compiled with before are kept where the
    options tell none.

    Raises:
        CompileError: the network cannot be compiled, or an output deviates from Keras by more
            than the tolerance. No file is written then. Gradients that cannot be compiled, or
            deviate, are left out instead.
        DatasetError: there are no test digits, and no labelled images.
    """
    training, former = _training(folder), _former(folder)
    saved = load_network(folder / NETWORK_FILE)
    network, shape, found = _with_contract(
        folder, saved, replace(options, kind=options.kind or former.kind)
    )
    traced = instrument(network)
    _check_end(folder.name, traced)
    _check_values(network, traced)
    classes = _classes(folder.name, network.output_shape[-1], options.classes, former.classes)
    of_digits = found.kind == "digit" and len(classes) == DIGIT_CLASSES
    of_mnist = of_digits and shape == (SIDE, SIDE, 1)
    tested = _test_images(test if of_mnist else None, options.data, classes)
    graphs = _graphs(network, traced, run_graph)
    files = graphs.files
    files[WEIGHTS_FILE] = _weights(traced)
    accuracy, measured = None, None
    if isinstance(tested, Split):
        accuracy, measured = evaluation(traced, tested, BATCH_SIZE, on_step)
    elif tested is not None:
        accuracy = measured_accuracy(traced, shape, options.fit, tested, on_step)
    if network is not saved:  # not before: without a manifest it would be prepared once more
        network.save(folder / NETWORK_FILE)
    manifest = Manifest(
        format=FORMAT,
        id=folder.name,
        **title_of(folder.name)._asdict(),
        input_shape=shape,
        classes=classes,
        parameters=network.count_params(),
        layers=traced.layers,
        blocks=traced.blocks,
        graphs=graphs.infos,
        test_accuracy=accuracy,
        evaluation=measured,
        training=training,
        files=_digests(folder, files),
        seeds=_seeds(folder, training, accuracy),
        similarity=similarity_to_others(folder, tested, on_step)
        if isinstance(tested, Split) and traced.blocks
        else (),
        input=found,
        no_gradients=graphs.no_gradients,
    )
    _write(folder, files, manifest)
    return manifest


def _check_end(name: str, traced: InstrumentedModel) -> None:
    last = traced.layers[-1]
    told = gives_probabilities(traced.keras_layers[last.name])
    if not told and not _adds_up_to_one(traced, last.name):
        raise CompileError(
            f"network {name} ends in layer {last.name} ({last.kind}); it must end in "
            "probabilities that add up to 1, or in logits"
        )


def _check_values(network: keras.Model, traced: InstrumentedModel) -> None:
    """Hold the traced network against the network itself, of which it was made.

    Raises:
        CompileError: they differ, or a layer gives other values each time.
    """
    inputs, scale = trials(traced)[0], traced.input_scale
    pixels = np.round(inputs["image"] * scale)  # a network of bytes cuts off what is between them
    inputs["image"] = np.asarray(pixels / scale, np.float32)
    found, again = (reference_activations(traced)(inputs) for _ in range(2))
    for name, values in found.items():
        if differ(values, again[name]):
            raise CompileError(
                f"layer {name} is random even when not training: it gives different values each "
                "time, so the effect of a change cannot be told from chance"
            )
    entry = network.inputs[0].shape
    batch = np.repeat(pixels.reshape(1, *entry[1:]), entry[0] or 1, axis=0)
    output = np.asarray(keras.tree.flatten(network(batch, training=False))[0])[:1]
    last = traced.layers[-1].name
    if all(differ(found[end], output) for end in {last, traced.logits or last}):
        raise CompileError(
            f"network {network.name} gives other values than its layers, called one by one; one of "
            "them, or a model in it, does not compute what its class in Keras does"
        )


def _adds_up_to_one(traced: InstrumentedModel, name: str) -> bool:
    """Whether a layer's values are probabilities, as those of an ensemble are."""
    inputs = trials(traced)[0]
    values = reference_activations(traced)(inputs)[name]
    total = float(values.sum())
    return bool((values >= 0).all()) and abs(total - 1) < _FAR_FROM_ONE


def _with_contract(
    folder: Path, saved: keras.Model, options: NetworkOptions
) -> tuple[keras.Model, tuple[int, int, int], InputContract]:
    """The network saved in a folder, with the input and the output that it is shown with; the shape
    of its image, and what it expects of one.
    """
    is_compiled = (folder / MANIFEST_FILE).is_file()
    given = unprepared(saved) if is_compiled and options.preprocess else saved
    file = folder / NETWORK_FILE
    network = adapted(given, options, is_logit=trained_on_logits(file))
    _check(folder.name, network)
    shape = image_shape(network) or (0, 0, 0)  # it is checked
    structure = analyse(network, shape)
    loss = regression_loss(file, options.output) if structure.ends_in_logits else None
    if loss and not (options.classes or is_compiled):  # accepted as one of classes before
        raise CompileError(
            f"network {folder.name} was trained with {loss}: its {network.output_shape[-1]} values "
            "are a regression, not classes; where they are scores of classes, --classes names them"
        )
    scale = structure.input_scale
    found = contract(network, shape, scale, options)
    return prepared(network, found, scale), shape, found


class _Former(NamedTuple):
    """What a folder's manifest tells of the network that it was compiled to."""

    kind: InputKind | None = None
    classes: tuple[str, ...] = ()


def _former(folder: Path) -> _Former:
    found = stored_manifest(folder)
    return _Former((found.get("input") or {}).get("kind"), tuple(found.get("classes") or ()))


def _classes(
    name: str, count: int, given: tuple[str, ...], former: tuple[str, ...]
) -> tuple[str, ...]:
    """The names of the classes; their numbers where none are given, now or before."""
    if given and len(given) != count:
        raise CompileError(f"network {name} has {count} classes; {len(given)} names are given")
    if not given and len(former) == count:
        return former
    return given or tuple(str(label) for label in range(count))


def _test_images(
    read_digits: Callable[[], Split] | None, data: Path | None, classes: tuple[str, ...]
) -> Split | LabelledImages | None:
    """Digits, or else labelled images of any kind, if there are any."""
    if read_digits is not None:
        try:
            return read_digits()
        except DatasetError:
            if data is None:
                raise
    return None if data is None else read_images(data, classes)


_LOGIT_ADVICE: Final = "; where it is the logit of two, --classes names both"


def _check(name: str, network: keras.Model) -> None:
    """Refuse networks that could not be shown, for every reason at once."""
    reasons = obstacles(network)
    shape = image_shape(network) if getattr(network, "inputs", None) else ()
    if shape and shape[-1] not in _CHANNELS:
        found = " x ".join(map(str, shape))
        reasons.append(f"network {name} takes images of {found}; images have one channel, or three")
    outputs: list[Any] = getattr(network, "outputs", None) or []
    if len(outputs) == 1 and (len(outputs[0].shape) != _VECTORS or outputs[0].shape[-1] == 1):
        found = " x ".join(str(size) for size in outputs[0].shape[1:])
        reasons.append(
            f"network {name} has {'one output value' if found == '1' else f'{found} output values'}"
            f"; it must have one for each class{_LOGIT_ADVICE if found == '1' else ''}"
        )
    if reasons:
        raise CompileError("; ".join(reasons))


@dataclass
class _Graphs:
    """Verified graphs.

    Attributes:
        infos: by name.
        files: contents by file name.
        no_gradients: why there are none, if so.
    """

    infos: dict[str, GraphInfo] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    no_gradients: str | None = None


def _graphs(network: keras.Model, traced: InstrumentedModel, run_graph: RunGraph) -> _Graphs:
    """All graphs that a network can have."""
    found = _Graphs()

    def add(name: str, graph: Graph, reference: Reference, check: Check = verify) -> None:
        info = GraphInfo(f"{name}.tflite", graph.inputs, graph.outputs, 0.0)
        deviation = check(graph.content, info, run_graph, reference, traced)
        found.infos[name] = replace(info, deviation=deviation)
        found.files[info.file] = graph.content

    fixed = instrument(network, rewrite=computable)
    # Converting takes the most memory, of gradients more than of activations: before all else.
    gradients = _gradients_or_reason(network)
    add("activations", compile_activations(fixed), reference_activations(traced))
    if isinstance(gradients, Graph):
        try:
            check = partial(verify_gradients, network)
            add("gradients", gradients, reference_gradients(network), check)
        except CompileError as error:
            gradients = str(error)
    found.no_gradients = gradients if isinstance(gradients, str) else None
    if len(traced.blocks) >= _FEWEST_TO_REORDER and blocks_are_alike(traced):
        add(REORDERED, compile_reordered(fixed), reference_reordered(network))
    return found


def _gradients_or_reason(network: keras.Model) -> Graph | str:
    """The graph of gradients, or why there is none."""
    try:
        return compile_gradients(network)
    except CompileError as error:
        return str(error)


def _weights(traced: InstrumentedModel) -> bytes:
    """Every weight by ``layer/weight``, as an uncompressed ``.npz``."""
    arrays: dict[str, Any] = {
        f"{name}/{weight.name}": np.asarray(weight, np.float32)
        for name, layer in _with_weights(traced.keras_layers)
        for weight in getattr(layer, "weights", ())
        if weight.dtype == "float32"
    }
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _with_weights(layers: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The layers by name; both directions of a Bidirectional, whose weights have the same names."""
    for name, layer in layers.items():
        if isinstance(layer, keras.layers.Bidirectional):
            yield f"{name}/forward", layer.forward_layer
            yield f"{name}/backward", layer.backward_layer
        else:
            yield name, layer


def _training(folder: Path) -> dict[str, Any] | None:
    path = folder / TRAINING_FILE
    if not path.is_file():
        return None
    try:
        training: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CompileError(f"{path} is not JSON: {error}") from error
    return training


def _seeds(
    folder: Path, training: dict[str, Any] | None, accuracy: Accuracy | None
) -> tuple[SeedAccuracy, ...]:
    """The accuracies of the recipe's other seeds, and of this network's among them."""
    if training is None or accuracy is None:
        return ()
    recipe = training.get("recipe", {})
    found = _seed_results(folder / SEEDS_FILE, recipe)
    if recipe.get("network") in LADDER_NETWORKS:
        found |= _seed_results(folder.parent / LADDER_FILE, recipe)
    if not found:
        return ()
    found[recipe["seed"]] = accuracy
    return tuple(SeedAccuracy(seed, found[seed]) for seed in sorted(found))


def _seed_results(path: Path, recipe: dict[str, Any]) -> dict[int, Accuracy]:
    """The accuracies in a file of results that are of a recipe's network, by seed."""
    if not path.is_file():
        return {}
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        found = {
            run["seed"]: Accuracy.of(**run["test_accuracy"])
            for run in results["runs"]
            if "kind" not in run or stream_name(run["kind"], run["blocks"]) == recipe["network"]
        }
        same = results["recipe"].items() <= recipe.items()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CompileError(f"{path} is damaged: {error}") from error
    if not same:
        raise CompileError(f"{path} holds results of another recipe than {TRAINING_FILE} names")
    return found


def _digests(folder: Path, files: Mapping[str, bytes]) -> dict[str, str]:
    contents = {NETWORK_FILE: (folder / NETWORK_FILE).read_bytes(), **files}
    return {name: hashlib.sha256(content).hexdigest() for name, content in sorted(contents.items())}


def _write(folder: Path, files: Mapping[str, bytes], manifest: Manifest) -> None:
    """Write the manifest last, so that opening a partly written folder fails."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    write_manifest(folder, asdict(manifest))
