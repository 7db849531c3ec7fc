"""Family fits of networks: members of one shape are trained as a stack."""

from collections.abc import Iterator, Sequence
from dataclasses import MISSING, fields
from typing import Any

import joblib
import numpy as np
import torch
from sklearn.base import clone

from skdl.base import fit_one_by_one, take_rows
from skdl.engine import PLATEAU, TrainingPlan, train_stacked
from skdl.nn import StackedMLP
from skdl.utils import resolve_device

# Parameters that change nothing in how X and y become tensors.
_TRAINING_ONLY = frozenset(
    {
        "hidden_layer_sizes",
        "activation",
        "normalization",
        "residual",
        "weight_init",
        "dropout",
        "optimizer",
        "lr",
        "weight_decay",
        "max_epochs",
        "patience",
        "schedule",
        "gradient_clip",
        "verbose",
    }
)

# The fields of a plan that a stack follows; a member that sets any other one is fitted alone.
_STACKED = frozenset(
    {
        "optimizer",
        "lr",
        "weight_decay",
        "batch_size",
        "max_epochs",
        "patience",
        "schedule",
        "gradient_clip",
        "callbacks",  # looked at elsewhere
        "verbose",
    }
)

# A stack whose weights, gradients and moments leave the cache loses what it gained by fewer calls.
_CPU_BYTES = 24 * 2**20
_GPU_SHARE = 0.25


def fit_networks(
    estimator,
    X,
    y,
    *,
    candidates: Sequence[dict[str, Any]],
    splits: Sequence,
    sample_weight=None,
    pairs: Sequence[tuple[int, int]] | None = None,
) -> Iterator[tuple[int, int, Any]]:
    """Fit an estimator for every candidate on every split, as :func:`skdl.base.fit_family` says.

    A member differs from one that is fitted alone by the rounding of batched products. Members with callbacks, those
    whose network a stack does not take (:meth:`skdl.nn.StackedMLP.takes`), and those that share their shape with no
    other, are fitted alone. A member whose training diverges does not come.

    Parameters
    ----------
    estimator : NeuralEstimator
        The prototype.
    X, y : as in :func:`skdl.base.fit_family`
        All the samples.
    candidates, splits, sample_weight, pairs : as in :func:`skdl.base.fit_family`
        The members.

    Yields
    ------
    candidate_index, split_index : int
        Which member this is.
    fitted : estimator
        The fitted member.
    """
    packs: dict[tuple, list] = {}
    alone = []
    wanted: dict[int, list[int]] = {}
    if pairs is None:
        pairs = [(candidate, split) for split in range(len(splits)) for candidate in range(len(candidates))]
    for candidate_index, split_index in pairs:
        wanted.setdefault(split_index, []).append(candidate_index)
    for split_index, chosen in wanted.items():
        rows = splits[split_index]
        X_split, y_split, weight_split = (take_rows(part, rows) for part in (X, y, sample_weight))
        prepared: dict[str, tuple] = {}
        for candidate_index in chosen:
            member = clone(estimator).set_params(**clone(dict(candidates[candidate_index]), safe=False))
            if member.callbacks or member.warm_start or not _stackable(member):
                alone.append((candidate_index, split_index))
                continue
            member._check_parameters()
            settings = member.get_params(deep=False)
            key = joblib.hash({name: value for name, value in settings.items() if name not in _TRAINING_ONLY})
            if member.random_state is None or key not in prepared:  # without a seed every member draws its own
                before = set(vars(member))
                data = member._prepare(X_split, y_split, weight_split)
                prepared[key] = {name: vars(member)[name] for name in set(vars(member)) - before}, data
            learnt, data = prepared[key]
            vars(member).update(learnt)
            module = member._new_module()
            shape = _shape(member, module, data) if StackedMLP.takes(module) else (candidate_index, split_index)
            packs.setdefault(shape, []).append((candidate_index, split_index, member, module, data))
    for pack in packs.values():
        size = _members_at_once(pack)
        for start in range(0, len(pack), size):
            yield from _fit_pack(pack[start : start + size])
    for candidate_index, split_index in alone:
        for _, _, member in fit_one_by_one(
            estimator,
            X,
            y,
            candidates=[candidates[candidate_index]],
            splits=[splits[split_index]],
            sample_weight=sample_weight,
        ):
            yield candidate_index, split_index, member


def _stackable(member) -> bool:
    """Whether a member asks for nothing that :func:`skdl.engine.train_stacked` does not do."""
    others = [field for field in fields(TrainingPlan) if field.name not in _STACKED and field.default is not MISSING]
    return member.schedule != PLATEAU and all(
        getattr(member, field.name, field.default) == field.default for field in others
    )


def _shape(member, module, data) -> tuple:
    """What members must have in common to be stacked."""
    train, valid = data
    return (
        tuple((name, tuple(weight.shape)) for name, weight in module.named_parameters()),
        tuple(type(layer) for layer in module.modules()),
        member.optimizer,
        member.batch_size,
        str(resolve_device(member.device)),
        member._task,
        tuple((tuple(tensor.shape), tensor.dtype) for tensor in train._tensors()),
        None if valid is None else tuple(tuple(tensor.shape) for tensor in valid._tensors()),
    )


def _members_at_once(pack: list) -> int:
    """How many members' weights, gradients, moments and activations fit where they are fast."""
    _, _, member, module, (train, _) = pack[0]
    n_weights = sum(weight.numel() for weight in module.parameters())
    widths = sum(weight.shape[0] for weight in module.parameters() if weight.ndim == 2)
    rows = min(member.batch_size, len(train))
    per_member = 4 * (6 * n_weights + 3 * rows * widths)
    device = resolve_device(member.device)
    if device.type == "cuda":
        return max(1, int(_GPU_SHARE * torch.cuda.mem_get_info(device)[0]) // per_member)
    return max(1, _CPU_BYTES // per_member)


def _fit_pack(pack: list) -> Iterator[tuple[int, int, Any]]:
    """Train a pack and yield its members; halve it where the device's memory does not hold it."""
    if len(pack) == 1:
        candidate_index, split_index, member, module, data = pack[0]
        yield candidate_index, split_index, member._train(module, *data)
        return
    members = [item[2] for item in pack]
    plans: list[TrainingPlan] = [member._plan(resolve_device(member.device), member.max_epochs) for member in members]
    data = list({id(item[4][0]): item[4] for item in pack}.values())
    data_of = [next(i for i, known in enumerate(data) if known[0] is item[4][0]) for item in pack]
    stack = StackedMLP([item[3] for item in pack], plans[0].device)
    train = [part for part, _ in data]
    valid = [part for _, part in data if part is not None] or None
    pending = set(range(len(pack)))
    try:
        with torch.inference_mode(False), torch.enable_grad():
            for trained in train_stacked(stack, plans, train, valid, data_of):
                candidate_index, split_index, member, _, _ = pack[trained.position]
                member._store_state(trained.weights, trained.optimizer, trained.history)
                pending.discard(trained.position)
                yield candidate_index, split_index, member
    except torch.OutOfMemoryError:
        rest = [pack[position] for position in np.sort(list(pending))]
        yield from _fit_pack(rest[: len(rest) // 2])
        yield from _fit_pack(rest[len(rest) // 2 :])
