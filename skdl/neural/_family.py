"""Family fits of networks: members of one shape are trained as stacks.

What a stack can do is listed in :func:`skdl.engine.stacked.why_alone`; a member that wants more is fitted alone.
"""

import copy
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import joblib
import numpy as np
import torch
from sklearn.base import clone

from skdl.base import fit_one_by_one, note_family, take_rows
from skdl.engine import train_stacked
from skdl.engine.data import bucket_length
from skdl.engine.stacked import why_alone
from skdl.engine.stacked_width import SHARED, is_wide
from skdl.kernels.threads import one_torch_thread, side_by_side
from skdl.nn import StackedMLP
from skdl.utils import draw_seed, resolve_device

# Parameters that change nothing in a network and its data, only how it is trained.
_OF_TRAINING = frozenset(
    {"optimizer", "lr", "weight_decay", "max_epochs", "patience", "schedule", "gradient_clip", "verbose"}
)
# Parameters that change nothing in how X and y become tensors.
_OF_NETWORK = _OF_TRAINING | {"hidden_layer_sizes", "activation", "normalization", "residual", "weight_init", "dropout"}

# What a stack reads and writes at each step. It is small beside what a core reads meanwhile; but smaller stacks take
# more steps, and threads that call more often wait more for each other.
_CPU_BYTES = 8 * 2**20
_GPU_SHARE = 0.25


@dataclass
class _Member:
    """A member that is to be stacked."""

    candidate: int
    split: int
    estimator: Any
    module: Any
    data: tuple
    plan: Any


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

    On a CPU a member is what it is when fitted alone, to the last bit, and each of torch's threads trains a stack of
    its own. On a GPU, where torch chooses a way to multiply by how many members there are, it differs by rounding. A
    member whose training diverges does not come.

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
    if pairs is None:
        pairs = [(candidate, split) for split in range(len(splits)) for candidate in range(len(candidates))]
    families: dict[tuple, list[_Member]] = {}
    alone: dict[tuple[int, int], str] = {}
    for member, why in _prepared(estimator, X, y, candidates, splits, sample_weight, pairs):
        if why:
            alone[member.candidate, member.split] = why
        else:
            families.setdefault(_shape(member), []).append(member)
    for shape, family in list(families.items()):
        if _is_wide(family[0]) and len(family) < torch.get_num_threads():  # a thread for each would leave some idle
            alone |= {(member.candidate, member.split): SHARED for member in families.pop(shape)}
    packs = [pack for family in families.values() for pack in _cut(family)]
    del families
    _tell(type(estimator).__name__, packs, alone)
    on_cpu = bool(packs) and packs[0][0].plan.device.type == "cpu"
    n_threads = torch.get_num_threads() if on_cpu else 1
    with one_torch_thread() if on_cpu else nullcontext():
        if n_threads > 1 and len(packs) > 1:
            yield from side_by_side([partial(_fit_pack, pack) for pack in packs], min(n_threads, len(packs)))
        else:
            for pack in packs:
                yield from _fit_pack(pack)
    for candidate, split in alone:
        one = {"candidates": [candidates[candidate]], "splits": [splits[split]], "sample_weight": sample_weight}
        for _, _, fitted in fit_one_by_one(estimator, X, y, **one):
            yield candidate, split, fitted


def _prepared(estimator, X, y, candidates, splits, sample_weight, pairs) -> Iterator[tuple[_Member, str]]:
    """Yield the members, with their data where they can be stacked, and why the others cannot."""
    wanted: dict[int, list[int]] = {}
    for candidate, split in pairs:
        wanted.setdefault(split, []).append(candidate)
    prototypes: dict[int, tuple] = {}
    for candidate in sorted({candidate for candidate, _ in pairs}):
        prototype = clone(estimator).set_params(**clone(dict(candidates[candidate]), safe=False))
        settings = prototype.get_params(deep=False)
        seed = settings.pop("random_state")
        keys = [
            joblib.hash({name: value for name, value in settings.items() if name not in others})
            for others in (_OF_NETWORK, _OF_TRAINING)
        ]
        keys.append(seed if isinstance(seed, int) else joblib.hash(seed))
        alone = next((name for name in ("callbacks", "warm_start") if settings.get(name)), "")
        if not alone:
            prototype._check_parameters()
        prototypes[candidate] = prototype, keys, f"it has {alone}" if alone else ""
    for split, chosen in wanted.items():
        part: tuple | None = None
        prepared: dict[tuple, tuple] = {}
        modules: dict[tuple, Any] = {}
        for candidate in chosen:
            prototype, (data_key, network_key, seed), why = prototypes[candidate]
            if why:
                yield _Member(candidate, split, None, None, (), None), why
                continue
            member = prototype if len(wanted) == 1 else clone(prototype)
            drawn = member.random_state is None  # then every member draws a seed of its own
            known = prepared.get((data_key, None)) or (None if drawn else prepared.get((data_key, seed)))
            if known is None:
                if part is None:
                    part = tuple(take_rows(whole, splits[split]) for whole in (X, y, sample_weight))
                before = set(vars(member))
                data = member._prepare(*part)
                learnt = {name: vars(member)[name] for name in set(vars(member)) - before}
                # A seed draws no more of the data than the rows to validate with: others share what has none.
                prepared[data_key, None if data[1] is None else seed] = learnt, data
            else:
                learnt, data = known
                if data[1] is None:
                    learnt = learnt | {"_seed": draw_seed(member.random_state)}
            vars(member).update(learnt)
            if drawn or (network_key, seed) not in modules:
                modules[network_key, seed] = member._new_module()  # a stack copies the weights
            module = modules[network_key, seed]
            plan = member._plan(resolve_device(member.device), member.max_epochs)
            yield _Member(candidate, split, member, module, data, plan), why_alone(plan, module, data[0])


def _shape(member: _Member) -> tuple:
    """What members must have in common to be stacked."""
    train, valid = member.data
    plan = member.plan
    return (
        tuple((name, tuple(weight.shape)) for name, weight in member.module.named_parameters()),
        tuple(type(layer) for layer in member.module.modules()),
        plan.optimizer,
        plan.batch_size,
        str(plan.device),
        plan.task,
        # Of a single batch the number of rows that it is padded to.
        -(-len(train) // plan.batch_size) if len(train) > plan.batch_size else -bucket_length(len(train)),
        tuple((tuple(tensor.shape[1:]), tensor.dtype) for tensor in train._tensors()),
        # Validation takes no step, so that any number of rows goes with any other; but all have some, or none has.
        None if valid is None else len(valid._tensors()),
    )


def _is_wide(member: _Member) -> bool:
    return is_wide(member.plan, member.module, member.data[0])


def _cut(family: list[_Member]) -> list[list[_Member]]:
    """Cut a family into packs whose weights, gradients, moments and activations fit where they are fast."""
    first = family[0]
    n_weights = sum(weight.numel() for weight in first.module.parameters())
    widths = sum(weight.shape[0] for weight in first.module.parameters() if weight.ndim == 2)
    rows = min(first.plan.batch_size, len(first.data[0]))
    per_member = 4 * (6 * n_weights + 3 * rows * widths)
    device = first.plan.device
    if device.type == "cuda":
        size, n_threads = int(_GPU_SHARE * torch.cuda.mem_get_info(device)[0]) // per_member, 1
    else:
        n_threads = torch.get_num_threads()
        size = 1 if _is_wide(first) else min(2, n_threads) * _CPU_BYTES // per_member
    n_packs = -(-len(family) // max(1, size))
    # As many packs for each thread; what a member comes to is the same in any of them. Two threads with a small network
    # each wait longer for each other than one that stacks both.
    most = len(family) if size < 2 else max(n_packs, len(family) // 2)
    n_packs = min(most, -(-n_packs // n_threads) * n_threads)
    bounds = np.linspace(0, len(family), n_packs + 1).round().astype(int)
    return [family[start:stop] for start, stop in itertools.pairwise(bounds)]


def _tell(name: str, packs: list[list[_Member]], alone: dict[tuple[int, int], str]) -> None:
    sizes = Counter(len(pack) for pack in packs)
    if sizes:
        words = ", ".join(f"{count} of {size}" for size, count in sorted(sizes.items(), reverse=True))
        note_family(f"{name}: {sum(map(len, packs))} networks trained in {len(packs)} stacks ({words})")
    for why, count in Counter(alone.values()).items():
        note_family(f"{name}: {count} networks trained one by one, since {why}")


def _with_weights(module, weights: dict):
    trained = copy.deepcopy(module).to(next(iter(weights.values())).device)
    trained.load_state_dict(weights)
    return trained


def _fit_pack(pack: list[_Member], stop: Callable[[], bool] = lambda: False) -> Iterator[tuple[int, int, Any]]:
    """Train a pack and yield its members; halve it where the device's memory does not hold it."""
    plans = [member.plan for member in pack]
    data = list({id(member.data[0]): member.data for member in pack}.values())
    place = {id(known[0]): position for position, known in enumerate(data)}
    data_of = [place[id(member.data[0])] for member in pack]
    valid = [part for _, part in data if part is not None] or None
    pending = set(range(len(pack)))
    try:
        with torch.inference_mode(False), torch.no_grad():
            stack = StackedMLP([member.module for member in pack], plans[0].device)
            for trained in train_stacked(stack, plans, [part for part, _ in data], valid, data_of, stop):
                member = pack[trained.position]
                member.estimator._store_state(trained.weights, trained.optimizer, trained.history)
                member.estimator._device_cache.get("module", partial(_with_weights, member.module, trained.weights))
                pending.discard(trained.position)
                yield member.candidate, member.split, member.estimator
        return
    except torch.OutOfMemoryError:
        if len(pack) == 1:
            raise
    rest = [pack[position] for position in sorted(pending)]
    middle = len(rest) // 2
    for half in (rest[:middle], rest[middle:]):
        if half:
            yield from _fit_pack(half, stop)
