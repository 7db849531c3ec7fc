"""Mutated files: each is refused, or is a model that answers; none runs anything."""

import os
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

import skdl
from skdl.exceptions import InvalidFileError
from tests.common.tools import outputs
from tests.torture.models import models
from tests.torture.mutations import MUTATIONS

# What an answer may be that is none: a message to the caller.
_MESSAGES = (ValueError, TypeError)
_MOST_SECONDS = 5.0


@dataclass
class Tally:
    """What came of the files."""

    outcomes: Counter = field(default_factory=Counter)
    losses: list[str] = field(default_factory=list)
    slowest: float = 0.0


def torture_files(folder: str, per_pair: int, seed: int = 0) -> Tally:
    """Mutate every model in every way ``per_pair`` times, and load the results.

    Parameters
    ----------
    folder : str
        Where to put the files.
    per_pair : int
        How many files for each model and way.
    seed : int
        Decides all that is drawn.
    """
    tally = Tally()
    sentinel = os.path.join(folder, "sentinel")
    path = os.path.join(folder, "model.skops")
    for model_name, (model, X) in models().items():
        skdl.save(model, path)
        with open(path, "rb") as file:
            data = file.read()
        for way, mutate in MUTATIONS.items():
            rng = np.random.default_rng([seed, *model_name.encode(), *way.encode()])
            for number in range(per_pair):
                where = f"{model_name}, {way} {number} of seed {seed}"
                with open(path, "wb") as file:
                    file.write(mutate(data, rng, sentinel))
                start = time.perf_counter()
                outcome = _load_and_ask(path, X)
                seconds = time.perf_counter() - start
                tally.slowest = max(tally.slowest, seconds)
                tally.outcomes[outcome.partition(":")[0]] += 1
                if outcome.startswith("loss"):
                    tally.losses.append(f"{where}: {outcome}")
                if seconds > _MOST_SECONDS:
                    tally.losses.append(f"{where}: took {seconds:.1f} s")
                if os.path.exists(sentinel):
                    tally.losses.append(f"{where}: ran what was planted")
                    os.remove(sentinel)
    return tally


def _load_and_ask(path: str, X) -> str:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            model = skdl.load(path)
        except InvalidFileError:
            return "refused"
        except Exception as error:
            return f"loss: load raised {type(error).__name__}: {error}"
        try:
            said = outputs(model, X)
        except _MESSAGES:
            return "loaded, a message"
        except Exception as error:
            return f"loss: predict raised {type(error).__name__}: {error}"
    for method, values in said.items():
        if values.dtype.kind == "f" and np.isnan(values).any():
            return f"loss: {method} gives NaN"
    return "loaded, an answer"
