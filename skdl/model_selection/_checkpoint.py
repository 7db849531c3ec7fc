"""A file of finished fits, so that a search that was killed goes on where it was.

One line of JSON for the search, then one line for each round and for each finished group. A line is either whole or, if
the process was killed while it was written, the last one and unreadable, and then it is cut off. Numbers are written
with all their digits; arrays (predictions) as NumPy files in base64, which hold no pickle.
"""

import base64
import io
import json
import os
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skdl.utils import fingerprint

__all__ = ["Checkpoint", "RoundLog"]

_FORMAT = 1
# What decides no score: how the work is done and what is made of the scores. Candidates are compared one by one.
_NO_MATTER = (
    "estimator",
    "n_jobs",
    "pre_dispatch",
    "verbose",
    "refit",
    "checkpoint",
    "param_grid",
    "param_distributions",
)


class Checkpoint:
    """The file of one search.

    Parameters
    ----------
    path : str or path-like
        The file; made if there is none.
    search : estimator
        The search, with its parameters.
    X, y : indexable
        The data; y may be None.
    routed : Bunch
        What goes to the estimator, the scorer and the splitter beside them.

    Raises
    ------
    ValueError
        If the file belongs to another search; it says what is different.
    """

    def __init__(self, path, search, X, y, routed):
        self.path = os.fspath(path)
        parameters = search.get_params(deep=False)
        settings = {name: value for name, value in parameters.items() if name not in _NO_MATTER}
        metadata = [dict(routed.estimator.fit), dict(routed.scorer.score), dict(routed.splitter.split)]
        self._identity = {
            "the class of the search": type(search).__qualname__,
            "the estimator": fingerprint(search.estimator),
            "the parameters of the search": fingerprint(settings),
            "X": fingerprint(X),
            "y": fingerprint(y),
            "the sample weights, groups or other metadata": fingerprint(metadata),
        }
        self._rounds: list[dict] = []
        self._n_begun = 0
        self._read()

    def _read(self):
        if not os.path.exists(self.path):
            self._append({"format": _FORMAT, "search": self._identity})
            return
        whole = 0
        with open(self.path, "rb") as file:
            for number, line in enumerate(file):
                try:
                    record = json.loads(line)
                except ValueError:
                    if number == 0:
                        self._refuse("it is no checkpoint of a search")
                    break
                if not line.endswith(b"\n"):
                    break
                self._take(record, first=number == 0)
                whole += len(line)
        if whole == 0:
            os.remove(self.path)
            self._append({"format": _FORMAT, "search": self._identity})
        else:
            os.truncate(self.path, whole)

    def _take(self, record, first: bool):
        if first:
            if not isinstance(record, dict) or record.get("format") != _FORMAT:
                self._refuse("it is no checkpoint of a search, or of another version of skdl")
            different = [name for name, value in self._identity.items() if record["search"].get(name) != value]
            if different:
                self._refuse(f"it belongs to a search in which {' and '.join(different)} was another")
        elif "round" in record:
            self._rounds.append({**record, "members": {}})
        else:
            for member in record["members"]:
                self._rounds[-1]["members"][member["candidate"], member["split"]] = _decoded(member)

    def _refuse(self, why: str):
        raise ValueError(f"checkpoint={self.path!r} cannot be used: {why}. Remove the file or give another path.")

    def _append(self, record):
        with open(self.path, "ab") as file:
            file.write(json.dumps(record).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def round(self, candidates, splits) -> "RoundLog":
        """Return the log of the next round of candidates; a grid has one, successive halving has several.

        Parameters
        ----------
        candidates : list of dict
            The candidates.
        splits : list of (ndarray, ndarray)
            The rows.

        Returns
        -------
        RoundLog
            With what is known already.
        """
        number = self._n_begun
        self._n_begun += 1
        identity = {"candidates": fingerprint(candidates), "splits": fingerprint(splits)}
        if number < len(self._rounds):
            for name, value in identity.items():
                if self._rounds[number][name] != value:
                    self._refuse(
                        f"its {name} are others; where they are drawn at random, set random_state (of the search, of "
                        "cv) to an int"
                    )
            return RoundLog(self, self._rounds[number]["members"])
        self._append({"round": number, **identity})
        return RoundLog(self, {})


class RoundLog:
    """What is known of one round, and where to write what comes.

    Parameters
    ----------
    checkpoint : Checkpoint
        The file.
    members : dict of (int, int) to dict
        Finished members.
    """

    def __init__(self, checkpoint: Checkpoint, members: dict):
        self.members = members
        self._checkpoint = checkpoint

    def write(self, members: list[dict]) -> None:
        """Write members down; they are safe when this returns."""
        self._checkpoint._append({"members": [_encoded(member) for member in members]})


def _encoded(value: Any):
    """Something that JSON can hold."""
    if isinstance(value, dict):
        return {str(name): _encoded(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encoded(part) for part in value]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, pd.DataFrame):
        columns = [[name, _encoded(value[name].to_numpy())] for name in value.columns]
        return {"~frame": columns, "index": _encoded(value.index.to_numpy()), "index_name": value.index.name}
    if sp.issparse(value):
        raise ValueError("checkpoint= cannot hold sparse predictions; set return_predictions=False.")
    if isinstance(value, np.ndarray):
        if value.dtype == object:
            return {"~objects": _encoded(value.tolist())}
        file = io.BytesIO()
        np.save(file, value, allow_pickle=False)
        return {"~array": base64.b64encode(file.getvalue()).decode()}
    return value


def _decoded(value: Any):
    if isinstance(value, list):
        return [_decoded(part) for part in value]
    if not isinstance(value, dict):
        return value
    if "~array" in value:
        return np.load(io.BytesIO(base64.b64decode(value["~array"])), allow_pickle=False)
    if "~objects" in value:
        objects = _decoded(value["~objects"])
        array = np.empty(len(objects), dtype=object)
        array[:] = objects
        return array
    if "~frame" in value:
        index = pd.Index(_decoded(value["index"]), name=value["index_name"])
        return pd.DataFrame({name: _decoded(column) for name, column in value["~frame"]}, index=index)
    return {name: _decoded(part) for name, part in value.items()}
