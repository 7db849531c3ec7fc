"""The classical estimators beside scikit-learn, scikit-learn-intelex and faiss: one table.

    python benchmarks/classical.py [--rounds 3] [--only K-means] [--quick] [--fresh] [--minutes 8] [--no-write]

The parts are neighbors.py, kmeans.py, naive_bayes.py and linear_model.py, which can be run by themselves. Peers that
are not installed are left out. Each row is kept in benchmarks/results/classical.jsonl as soon as it is measured, and
classical.md is made of them; a run that is cut short, or has used up its minutes, goes on where it was when it is
started again. ``--fresh`` forgets what is kept.
"""

import kmeans
import linear_model
import naive_bayes
import neighbors
from _measure import parser, run


def main() -> None:
    made = parser(__doc__.splitlines()[0])
    made.add_argument("--no-write", action="store_true", help="print the table alone")
    made.add_argument("--fresh", action="store_true", help="measure all rows anew")
    made.add_argument("--minutes", type=float, default=8.0, help="begin no row after so many")
    options = made.parse_args()
    parts = [neighbors.rows, kmeans.rows, naive_bayes.rows, linear_model.rows]
    run("The classical estimators", parts, options, None if options.no_write or options.quick else "classical")


if __name__ == "__main__":
    main()
