"""The training loop on top of skorch: data in memory, nets, optimizers, schedules, callbacks."""

from skdl.engine.data import Batches, TensorData
from skdl.engine.net import ClassifierNet, MultilabelNet, RegressorNet
from skdl.engine.optimizers import OPTIMIZERS
from skdl.engine.sampling import ClassBalanced, SampledBatches, TwoViews
from skdl.engine.schedules import PLATEAU, SCHEDULES
from skdl.engine.stacked import Trained, train_stacked
from skdl.engine.states import state_from_numpy, state_to_numpy
from skdl.engine.streaming import StreamedData, StreamedRows
from skdl.engine.training import (
    TrainingPlan,
    compute_outputs,
    make_checkpoint,
    make_net,
)

__all__ = [
    "OPTIMIZERS",
    "PLATEAU",
    "SCHEDULES",
    "Batches",
    "ClassBalanced",
    "ClassifierNet",
    "MultilabelNet",
    "RegressorNet",
    "SampledBatches",
    "StreamedData",
    "StreamedRows",
    "TensorData",
    "Trained",
    "TrainingPlan",
    "TwoViews",
    "compute_outputs",
    "make_checkpoint",
    "make_net",
    "state_from_numpy",
    "state_to_numpy",
    "train_stacked",
]
