"""The classical estimators beside scikit-learn, scikit-learn-intelex and faiss: one run, one table.

    python benchmarks/classical.py [--rounds 3] [--only K-means] [--quick] [--no-write]

The parts are neighbors.py, kmeans.py, naive_bayes.py and linear_model.py, which can be run by themselves. Peers that
are not installed are left out. The table is printed as it grows, and written to benchmarks/results/classical.md.
"""

import kmeans
import linear_model
import naive_bayes
import neighbors
from _measure import RESULTS, parser, run


def main() -> None:
    made = parser(__doc__.splitlines()[0])
    made.add_argument("--no-write", action="store_true", help="print the table alone")
    options = made.parse_args()
    path = None if options.no_write or options.only or options.quick else RESULTS / "classical.md"
    parts = [neighbors.rows, kmeans.rows, naive_bayes.rows, linear_model.rows]
    run("The classical estimators", parts, options, path)


if __name__ == "__main__":
    main()
