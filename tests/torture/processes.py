"""Threads, forks, kills, and memory that is a tenth of the data."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import skdl
from skdl.engine.checkpoints import Checkpoint
from skdl.naive_bayes import GaussianNB
from tests.common.table import KNOWN
from tests.common.tools import outputs, samples

_PATIENCE = 120  # seconds


def _same(first: dict, second: dict) -> bool:
    return first.keys() == second.keys() and all(
        np.array_equal(first[name], second[name], equal_nan=first[name].dtype.kind == "f") for name in first
    )


def torture_threads(row, n_threads: int = 8, rounds: int = 2) -> list[str]:
    """Let threads ask one model at once, whose caches are empty at first; return what differs from one thread.

    Threads with odd numbers ask about other rows than the others.
    """
    X, y = samples(row)
    model = row.make().fit(X, y)
    asked = [X, X[::-1][:-7]]
    expected = [outputs(model, rows) for rows in asked]
    losses = []
    for number in range(rounds):
        twin = pickle.loads(pickle.dumps(model))
        with ThreadPoolExecutor(n_threads) as pool:
            answers = [pool.submit(outputs, twin, asked[thread % 2]) for thread in range(n_threads)]
            for thread, answer in enumerate(answers):
                try:
                    if not _same(answer.result(timeout=_PATIENCE), expected[thread % 2]):
                        losses.append(f"{row.name}: thread {thread} of round {number} predicts something else")
                except Exception as error:
                    losses.append(f"{row.name}: thread {thread} of round {number}: {type(error).__name__}: {error}")
    return losses


def _answer(connection, model, X) -> None:
    try:
        connection.send(outputs(model, X))
    except Exception as error:
        connection.send(f"{type(error).__name__}: {error}")


def torture_fork(row) -> list[str]:
    """Fork after fitting and predicting, and let the child predict."""
    X, y = samples(row)
    model = row.make().fit(X, y)
    expected = outputs(model, X)
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=_answer, args=(theirs, model, X))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of threads in the parent
        child.start()
    theirs.close()
    try:
        if not ours.poll(_PATIENCE):
            return [f"{row.name}: the forked child hangs"]
        said = ours.recv()
    except EOFError:
        return [f"{row.name}: the forked child died"]
    finally:
        child.kill()
        child.join()
    if isinstance(said, str):
        return [f"{row.name}: the forked child says {said}"]
    return [] if _same(said, expected) else [f"{row.name}: the forked child predicts something else"]


def torture_spawn() -> tuple[int, list[str]]:
    """Send every model to a spawned process and let it predict; return how many there were."""
    models, expected = [], []
    for row in KNOWN:
        X, y = samples(row)
        model = row.make().fit(X, y)
        models.append((row.name, pickle.dumps(model), X))
        expected.append(outputs(model, X))
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        said = pool.map_async(_unpickle_and_answer, models).get(timeout=10 * _PATIENCE)
    losses = []
    for (name, _, _), theirs, ours in zip(models, said, expected, strict=True):
        if isinstance(theirs, str):
            losses.append(f"{name}: the spawned process says {theirs}")
        elif not _same(theirs, ours):
            losses.append(f"{name}: the spawned process predicts something else")
    return len(models), losses


def _unpickle_and_answer(job):
    _, pickled, X = job
    try:
        return outputs(pickle.loads(pickled), X)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


# Kills.


def _write_checkpoints(directory: str) -> None:
    checkpoint = Checkpoint(directory, "training", 1)
    for epoch in range(1, 10**9):
        state = {"epoch": epoch, "weights": [np.full((200, 500), epoch, dtype=np.float32) for _ in range(4)]}
        checkpoint.save(state)


def _whole_checkpoint(directory: str) -> str | None:
    state = Checkpoint(directory, "training", 1).load()
    if state is None:
        return "there is no checkpoint"
    if not all((np.asarray(part) == state["epoch"]).all() for part in state["weights"]):
        return "the checkpoint mixes epochs"
    return None


_FEW = GaussianNB().fit(np.array([[0.0], [1.0], [4.0], [5.0]]), [0, 0, 1, 1])


def _write_models(directory: str) -> None:
    path = os.path.join(directory, "model.skops")
    rng = np.random.default_rng(0)
    wide = GaussianNB().fit(rng.normal(size=(20, 20_000)), [0, 1] * 10)
    while True:
        for model in (_FEW, wide):
            skdl.save(model, path)


def _whole_model(directory: str) -> str | None:
    model = skdl.load(os.path.join(directory, "model.skops"))
    if model.n_features_in_ not in (1, 20_000):
        return "the model is another one"
    return None


_WRITERS = {"checkpoint": (_write_checkpoints, _whole_checkpoint), "save": (_write_models, _whole_model)}


def torture_kills(what: str, n_kills: int, seed: int = 0) -> list[str]:
    """Kill a process that writes a file again and again, at moments that are drawn; return files that are not whole."""
    write, look = _WRITERS[what]
    rng = np.random.default_rng(seed)
    context = multiprocessing.get_context("fork")
    losses = []
    with tempfile.TemporaryDirectory() as directory:
        for number in range(n_kills):
            child = context.Process(target=write, args=(directory,))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                child.start()
            give_up = time.monotonic() + _PATIENCE
            while not [name for name in os.listdir(directory) if not name.endswith(".tmp")]:
                if time.monotonic() > give_up:
                    losses.append(f"{what}: nothing was written")
                    break
                time.sleep(0.005)
            time.sleep(float(rng.uniform(0.0, 0.06)))
            os.kill(child.pid, signal.SIGKILL)
            child.join()
            try:
                loss = look(directory)
            except Exception as error:
                loss = f"{type(error).__name__}: {error}"
            if loss:
                losses.append(f"{what}, kill {number}: {loss}")
    return losses


# Memory.

ALLOWED = {
    "neighbors": 48 * 2**20,
    "clusters": 64 * 2**20,
    "batches of clusters": 64 * 2**20,
    "network": 64 * 2**20,
}
"""Bytes that a process may take beyond what it has when all is imported and compiled."""

COLUMNS = 1280
"""Of the data: wide, since what is kept for each row (a label, a distance) is memory too."""

_WITHIN = """
import resource, sys
import numpy as np
name, path, rows, columns, allowed = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
from skdl.cluster import KMeans, MiniBatchKMeans
from skdl.neighbors import KNeighborsClassifier
from skdl.neural import MLPClassifier

makers = {
    "neighbors": KNeighborsClassifier,
    "clusters": lambda: KMeans(8, n_init=1, max_iter=3, random_state=0),
    "batches of clusters": lambda: MiniBatchKMeans(8, n_init=1, max_iter=1, random_state=0),
    "network": lambda: MLPClassifier((16,), max_epochs=1, batch_size=1024, random_state=0),
}
X = np.memmap(path, np.float32, "r", shape=(rows, columns))
y = (np.arange(rows) % 2).astype(np.int8)
fit_and_ask = lambda X, y: makers[name]().fit(X, y).predict(X if name == "network" else X[:200])
fit_and_ask(np.array(X[:3000]), y[:3000])  # imports and compiles

def used():
    with open("/proc/self/status") as file:
        return 1024 * next(int(line.split()[1]) for line in file if line.startswith("VmData"))

resource.setrlimit(resource.RLIMIT_DATA, (used() + allowed,) * 2)
assert np.isfinite(fit_and_ask(X, y)).all()
try:
    np.ones(2 * allowed, dtype=np.uint8)
except MemoryError:
    print("done")  # the limit was there
"""


def write_rows(path: str, rows: int, columns: int) -> None:
    """Write random rows to a file that is ten times as large as what is allowed."""
    rng = np.random.default_rng(0)
    with open(path, "wb") as file:
        for start in range(0, rows, 10_000):
            block = rng.random((min(10_000, rows - start), columns), dtype=np.float32)
            file.write(block.tobytes())


def torture_memory(name: str, folder: str) -> list[str]:
    """Fit to a memory-mapped file, and predict rows of it, under a limit of a tenth of it."""
    path, allowed = os.path.join(folder, "rows"), ALLOWED[name]
    rows, columns = 10 * allowed // (4 * COLUMNS) + 1, COLUMNS
    if not os.path.exists(path) or os.path.getsize(path) != 4 * rows * columns:
        write_rows(path, rows, columns)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    # The C library gives back at once what is freed: the limit is for what skdl holds, not for gaps between it.
    environment["MALLOC_MMAP_THRESHOLD_"] = str(2**20)
    done = subprocess.run(
        [sys.executable, "-c", _WITHIN, name, path, str(rows), str(columns), str(allowed)],
        **{"capture_output": True, "text": True, "env": environment, "timeout": 5 * _PATIENCE, "check": False},
    )
    return [] if done.stdout.strip().endswith("done") else [f"{name}: {done.stderr.strip()[-1200:]}"]
