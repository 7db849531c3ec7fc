"""At least 2,000 mutated files in each run of the suite; `make torture` makes many more."""

from tests.torture.files import torture_files
from tests.torture.models import models
from tests.torture.mutations import MUTATIONS


def test_mutated_files_are_refused_or_answer_and_run_nothing(tmp_path):
    tally = torture_files(str(tmp_path), per_pair=14)
    assert not tally.losses, "\n".join(tally.losses)
    assert sum(tally.outcomes.values()) == 14 * len(models()) * len(MUTATIONS) >= 2_000
    # Neither may the check refuse all that it is given, nor let all of it through.
    assert tally.outcomes["refused"] > 1_500
    assert tally.outcomes["loaded, an answer"] > 50
