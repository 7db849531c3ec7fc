"""``python -m tests.torture``: everything that skdl is to survive, for a long time; prints what was tried and lost."""

import argparse
import tempfile
import time
import warnings
from collections import Counter

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.common.table import KNOWN
from tests.torture.files import torture_files
from tests.torture.fuzz import Loss, cases, run_case
from tests.torture.processes import (
    ALLOWED,
    torture_fork,
    torture_kills,
    torture_memory,
    torture_spawn,
    torture_threads,
)


def _fuzz(row, n_cases: int, start: int) -> tuple[Counter, list[str]]:
    outcomes: Counter = Counter()
    losses: dict[str, str] = {}

    @seed(start)
    @settings(
        max_examples=n_cases,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(cases(row))
    def run(case):
        outcomes["cases"] += 1
        try:
            outcomes.update(run_case(row, case))
        except Loss as loss:
            text = str(loss)
            losses.setdefault(text.strip().rpartition("\n")[2], f"{row.name}: {text}\n  {case!r:.2000}")

    run()
    return outcomes, list(losses.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=150, help="mutated files for each model and way")
    parser.add_argument("--cases", type=int, default=300, help="hostile cases for each estimator")
    parser.add_argument("--rounds", type=int, default=10, help="rounds of eight threads for each estimator")
    parser.add_argument("--kills", type=int, default=200, help="kills of a checkpoint, and of a save")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    losses: list[str] = []
    lines: list[tuple[str, int, int, float]] = []

    def report(what: str, tried: int, lost: list[str], start: float) -> None:
        losses.extend(lost)
        lines.append((what, tried, len(lost), time.monotonic() - start))
        print(f"{what}: {tried} tried, {len(lost)} lost, {time.monotonic() - start:.0f} s", flush=True)

    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        tally = torture_files(folder, options.files, options.seed)
    report("mutated files", sum(tally.outcomes.values()), tally.losses, start)
    print(f"  {dict(tally.outcomes)}, the slowest {tally.slowest:.2f} s")
    start, outcomes, lost = time.monotonic(), Counter(), []
    for row in KNOWN:
        counted, more = _fuzz(row, options.cases, options.seed)
        outcomes.update(counted)
        lost += more
    report("hostile cases", outcomes["cases"], lost, start)
    print(f"  {outcomes['answer']} calls answered, {outcomes['message']} with a message")
    start = time.monotonic()
    lost = [loss for row in KNOWN for loss in torture_threads(row, rounds=options.rounds)]
    report("threads", 8 * options.rounds * len(KNOWN), lost, start)
    start = time.monotonic()
    report("forks", len(KNOWN), [loss for row in KNOWN for loss in torture_fork(row)], start)
    start = time.monotonic()
    report("spawns", *torture_spawn(), start)
    for what in ("checkpoint", "save"):
        start = time.monotonic()
        report(
            f"kills in the middle of a {what}", options.kills, torture_kills(what, options.kills, options.seed), start
        )
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        lost = [loss for name in ALLOWED for loss in torture_memory(name, folder)]
    report("fits to ten times the allowed memory", len(ALLOWED), lost, start)

    print("\n| what | tried | lost | seconds |\n| --- | ---: | ---: | ---: |")
    for what, tried, n_lost, seconds in lines:
        print(f"| {what} | {tried} | {n_lost} | {seconds:.0f} |")
    for loss in losses:
        print(f"\nLOST {loss}")
    return 1 if losses else 0


if __name__ == "__main__":
    raise SystemExit(main())
