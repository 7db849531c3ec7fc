"""Against numbers that metric-learn 0.7.0 gave under scikit-learn 1.5.2, the last one that all its learners fit under.

Settings: iris, standardised; ``RCA()``, ``NCA(init="identity", max_iter=200)``, ``LMNN(n_neighbors=3)``,
``MLKR(init="identity")`` of the fourth column from the others, ``ITML`` with prior "identity" and bounds 1 and 6,
``MMC`` from the identity with ``tol=1e-6``, both with the pairs below. Its LFDA is left out: it takes a column of a
matrix that was sorted along the other axis for the distances to the k-th neighbour, which is not the paper's scale.
"""

import numpy as np

from skdl.metric_learning import ITML, LMNN, MLKR, MMC, NCA, RCA
from tests.metric_learning.test_lmnn import _loss, _targets
from tests.metric_learning.test_softmax import _mlkr, _nca
from tests.metric_learning.tools import iris

RECORDED = {
    "RCA": [
        [7.53649141, -1.96716997, -13.32307788, 2.18634672],
        [-1.96716997, 2.74093515, 2.08218369, -2.99922694],
        [-13.32307788, 2.08218369, 46.71430572, -12.14726377],
        [2.18634672, -2.99922694, -12.14726377, 21.65566278],
    ],
    "ITML": [
        [0.38583138, -0.08944507, -0.60439354, -0.3123829],
        [-0.08944507, 0.16888474, 0.07591771, -0.06095129],
        [-0.60439354, 0.07591771, 2.34635003, 1.46010341],
        [-0.3123829, -0.06095129, 1.46010341, 2.05735198],
    ],
    "MMC": [
        [0.00907688, 0.002629, -0.04739057, -0.01470437],
        [0.002629, 0.00076146, -0.01372609, -0.00425894],
        [-0.04739057, -0.01372609, 0.24742718, 0.07677184],
        [-0.01470437, -0.00425894, 0.07677184, 0.02382081],
    ],
    "LMNN": [
        [1.50848585, -0.01947209, -0.11932346, -0.12669375],
        [0.00510114, 1.09243503, -0.30467858, 0.04563059],
        [-0.12438765, -0.30497633, 1.21837836, 0.76104228],
        [-0.19669229, 0.06154025, 0.8112087, 1.29390135],
    ],
    "NCA": [
        [3.21024095, -3.42164814, -4.94795212, -15.61141837],
        [4.94031613, 2.91528647, -31.04992191, 7.85018407],
        [-48.63335831, -14.32984506, 182.80559877, 115.48695848],
        [-75.67011281, 13.11263196, 198.12555409, 24.27225038],
    ],
    "MLKR": [
        [0.18595955, -0.60538028, 0.02799521],
        [-0.55121866, 1.40810716, 1.31054287],
        [-0.61396714, 0.3342234, 5.90471916],
    ],
}
THEIRS = {name: np.array(rows) for name, rows in RECORDED.items()}


def _pairs(y):
    i = np.arange(150)
    pairs = np.c_[i, (7 * i + 31) % 150]
    return pairs, y[pairs[:, 0]] == y[pairs[:, 1]]


def test_rca_has_the_same_matrix():
    X, y = iris()
    np.testing.assert_allclose(RCA(reg=0.0).fit(X, y).get_mahalanobis_matrix(), THEIRS["RCA"], rtol=1e-7)


def test_itml_has_the_same_matrix_within_what_it_stops_at():
    X, y = iris()
    ours = ITML(bounds=(1.0, 6.0)).fit_pairs(X, *_pairs(y)).get_mahalanobis_matrix()
    np.testing.assert_allclose(ours, THEIRS["ITML"], atol=5e-3)


def test_mmc_reaches_more():
    X, y = iris()
    pairs, together = _pairs(y)
    away = X[pairs[:, 0]] - X[pairs[:, 1]]

    def apart(M):
        """The sum of distances apart, after the scale at which the squares together add up to 1."""
        squares = np.einsum("if,fg,ig->i", away, M, away)
        return np.sqrt(np.maximum(squares[~together], 0)).sum() / np.sqrt(squares[together].sum())

    ours = apart(MMC(reg=0.0, max_iter=2000).fit_pairs(X, pairs, together).get_mahalanobis_matrix())
    assert apart(THEIRS["MMC"]) < ours < apart(THEIRS["MMC"]) * 1.002


def test_lmnn_reaches_less():
    X, y = iris()
    targets = _targets(X, y, 3)
    theirs = _loss(X, y, targets, 0.5, THEIRS["LMNN"])
    ours = LMNN(max_iter=1000, tol=1e-6).fit(X, y).objective_
    assert theirs * 0.995 < ours < theirs


def test_nca_and_mlkr_reach_the_same():
    X, y = iris()
    ours = NCA(init="identity", max_iter=200).fit(X, y).objective_
    np.testing.assert_allclose(ours, -_nca(X, y, THEIRS["NCA"]), rtol=1e-7)
    X, y = X[:, :3], X[:, 3]
    ours = _mlkr(X, y, MLKR(init="identity", tol=1e-8).fit(X, y).components_)
    np.testing.assert_allclose(ours, _mlkr(X, y, THEIRS["MLKR"]), rtol=1e-4)
