"""A few hostile cases for each estimator, the same in every run; `make torture` tries many more."""

from hypothesis import HealthCheck, Phase, given, settings

from tests.common.table import for_each_row
from tests.torture.fuzz import cases, run_case

_CASES = 10


@for_each_row()
def test_an_estimator_answers_or_says_what_is_wrong(row):
    done = []

    @settings(
        max_examples=_CASES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(cases(row))
    def run(case):
        done.extend(run_case(row, case))

    run()
    assert {"answer", "message"} <= set(done), "the cases are not mixed"
