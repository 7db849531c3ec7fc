"""Long studies, cell by cell: each finished fit is a line of a file, so that a run which is cut short goes on."""

import json
import platform
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


class Cells:
    """Finished fits, each a dict, in a file of JSON lines.

    ``key`` names what tells one cell from another.
    """

    def __init__(self, name: str, key: tuple[str, ...]):
        self.store = RESULTS / f"{name}.jsonl"
        self.key = key

    def read(self) -> list[dict]:
        return [json.loads(line) for line in self.store.read_text().splitlines()] if self.store.exists() else []

    def missing(self, **cell) -> bool:
        """Whether there is no cell of this key yet."""
        return all([found[name] for name in self.key] != [cell[name] for name in self.key] for found in self.read())

    def add(self, **cell) -> None:
        with self.store.open("a") as file:
            file.write(json.dumps(cell) + "\n")
        print(json.dumps(cell), flush=True)

    def forget(self, name: str, value) -> None:
        """Drop all cells that have this value."""
        self.store.write_text("".join(json.dumps(cell) + "\n" for cell in self.read() if cell[name] != value))


class Watch:
    """Seconds on the clock and of the processor since it was made."""

    def __init__(self):
        self._started = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        return {
            "seconds": round(time.perf_counter() - self._started[0], 2),
            "cpu_seconds": round(time.process_time() - self._started[1], 2),
        }


def processor() -> str:
    """The name of the processor, where the system tells it."""
    try:
        info = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    names = [line.split(":", 1)[1].strip() for line in info.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()
