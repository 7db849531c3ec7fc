"""From a fitted pipeline to the graph: modules in a row, torch's exporter, and what torch cannot write."""

import json
import logging
import warnings
from contextlib import contextmanager

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from torch import Tensor, nn

from skdl.neural._base import NeuralEstimator
from skdl.neural._images import ImageNetwork
from skdl.neural._tasks import NeuralClassifierMixin, NeuralRegressorMixin
from skdl.persistence._onnx_networks import MISSING, UNSEEN, Outputs, network_graph, word_columns
from skdl.persistence._onnx_steps import STEPS
from skdl.utils import to_host

# The version of ONNX's operators for machine learning that has words to codes.
_ML_OPSET = 3


class _Whole(nn.Module):
    """Steps, network and outputs, one behind the other."""

    def __init__(self, steps: list[nn.Module], network: nn.Module, outputs: nn.Module):
        super().__init__()
        self.steps, self.network, self.outputs = nn.Sequential(*steps), network, outputs

    def forward(self, x: Tensor, words: Tensor | None = None):
        if len(self.steps):
            x = self.steps(x.double())
        return self.outputs(self.network(x) if words is None else self.network(x, words))


def export_graph(estimator: BaseEstimator, X) -> onnx.ModelProto:
    """Return the graph of a fitted network or pipeline, see :func:`skdl.to_onnx`."""
    steps, network = _split(estimator)
    words = word_columns(network)
    graph = network_graph(network)
    rows = X[:2]
    estimator.predict(rows)  # which says what is wrong with X, if anything is
    sample = _as_array(rows, object if words else None)
    dtype = torch.float32 if sample.dtype == np.float32 else torch.float64
    if sample.dtype == np.uint8 and isinstance(network, ImageNetwork) and not steps:
        dtype = torch.uint8
    shape = (sample.shape[1] - len(words),) if words else sample.shape[1:]
    # The number of rows of an example is none that might be taken for a constant: torch knows 0 and 1 as such.
    inputs = {"X": torch.zeros((3, *shape), dtype=dtype)}
    if words:
        inputs["words"] = torch.zeros((3, len(words)), dtype=torch.int64)
    outputs = Outputs(network)
    model = _export(_Whole(steps, graph, outputs).eval(), inputs, outputs.names, type(network).__name__)
    _forget_origin(model)
    if words:
        _take_words(model, network, words)
    if isinstance(network, NeuralClassifierMixin):
        helper.set_model_props(model, {"classes": json.dumps(network.classes_.tolist(), default=str)})
    onnx.checker.check_model(model)
    return model


def _as_array(rows, dtype) -> np.ndarray:
    try:
        sample = np.asarray(to_host(rows), dtype=dtype)
        return sample.astype(np.float64) if dtype is None and sample.dtype == object else sample
    except (TypeError, ValueError):
        raise ValueError(
            "X cannot be laid out as one array of numbers, so that there is no one shape for the graph's input: fill "
            "short series up with NaN behind their ends, as an array (n, t) or (n, t, channels)."
        ) from None


def _split(estimator: BaseEstimator) -> tuple[list[nn.Module], NeuralEstimator]:
    """The steps before the network as modules, and the network."""
    modules: list[nn.Module] = []
    if isinstance(estimator, Pipeline):
        modules = _modules(estimator.steps[:-1])
        estimator = estimator.steps[-1][1]
        if isinstance(estimator, Pipeline):
            further, network = _split(estimator)
            return modules + further, network
    if not (
        isinstance(estimator, NeuralEstimator) and isinstance(estimator, (NeuralClassifierMixin, NeuralRegressorMixin))
    ):
        raise ValueError(
            f"{type(estimator).__name__} cannot be exported to ONNX. Classifiers and regressors of skdl.neural can, "
            "and pipelines that end in one."
        )
    return modules, estimator


def _modules(steps: list) -> list[nn.Module]:
    modules: list[nn.Module] = []
    for name, step in steps:
        if step is None or step == "passthrough":
            continue
        if isinstance(step, Pipeline):
            modules += _modules(step.steps)
            continue
        if type(step) not in STEPS:
            known = ", ".join(sorted(kind.__name__ for kind in STEPS))
            raise ValueError(
                f"The step {name!r} of the pipeline, {type(step).__name__}, cannot be exported to ONNX. "
                f"These can: {known}."
            )
        try:
            modules.append(STEPS[type(step)](step))
        except ValueError as error:
            raise ValueError(f"The step {name!r} of the pipeline cannot be exported to ONNX: {error}.") from None
    return modules


def _export(whole: nn.Module, inputs: dict[str, Tensor], names: list[str], owner: str) -> onnx.ModelProto:
    n_rows = torch.export.Dim("n")
    rows_are_free = [{0: n_rows} for _ in inputs]
    shapes = (rows_are_free[0], rows_are_free[1] if len(inputs) > 1 else None)
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                whole,
                (*inputs.values(),),
                dynamo=True,
                dynamic_shapes=shapes[: len(inputs)],
                input_names=list(inputs),
                output_names=names,
                verbose=False,
            )
    except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
        raise ValueError(
            f"torch cannot export the network of {owner} to ONNX for any number of rows. The networks of skdl can be "
            "exported, and modules of one's own that do the same whatever their input's values and number of rows: "
            f"{error.__cause__ or error}"
        ) from error
    assert program is not None
    return program.model_proto


@contextmanager
def _quiet():
    """Silence torch's exporter: it warns of torch's own code, and of packages that are not needed."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _forget_origin(model: onnx.ModelProto) -> None:
    """Remove what torch notes beside nodes: names of modules, and the places of files on this machine."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


def _take_words(model: onnx.ModelProto, network, words: list[int]) -> None:
    """Put before the graph what maps words to the codes that it takes."""
    graph = model.graph
    (place,) = [position for position, given in enumerate(graph.input) if given.name == "words"]
    del graph.input[place]
    nodes = []
    for position, column in enumerate(words):
        categories = [str(value) for value in network._schema.categories[column]]
        codes = list(range(len(categories)))
        if network._takes_missing and "" not in categories:
            categories, codes = [*categories, ""], [*codes, MISSING]
        name = f"column_{network.feature_names_in_[column] if hasattr(network, 'feature_names_in_') else column}"
        graph.input.append(helper.make_tensor_value_info(name, TensorProto.STRING, ["n", 1]))
        nodes.append(
            helper.make_node(
                "LabelEncoder",
                [name],
                [f"words_{position}"],
                domain="ai.onnx.ml",
                keys_strings=categories,
                values_int64s=codes,
                default_int64=UNSEEN,
            )
        )
    nodes.append(helper.make_node("Concat", [f"words_{place}" for place in range(len(words))], ["words"], axis=1))
    nodes += list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", _ML_OPSET))
