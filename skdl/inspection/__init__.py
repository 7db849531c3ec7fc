"""Pictures of what was learnt: learning curves, searches, reliability, embeddings, feature and attention maps.

scikit-learn's own displays take skdl's estimators as they are, and have no double here: ``ConfusionMatrixDisplay``,
``RocCurveDisplay``, ``PrecisionRecallDisplay`` and ``PredictionErrorDisplay`` of :mod:`sklearn.metrics`,
``DecisionBoundaryDisplay`` and ``PartialDependenceDisplay`` of :mod:`sklearn.inspection`.

Examples
--------
>>> from sklearn.datasets import load_iris
>>> from sklearn.metrics import ConfusionMatrixDisplay
>>> from skdl.neighbors import KNeighborsClassifier
>>> X, y = load_iris(return_X_y=True)
>>> display = ConfusionMatrixDisplay.from_estimator(KNeighborsClassifier().fit(X[::2], y[::2]), X[1::2], y[1::2])
>>> int(display.confusion_matrix.sum())
75
"""

from skdl.inspection._attention import AttentionDisplay
from skdl.inspection._diagnosis import diagnose_fit
from skdl.inspection._embedding import EmbeddingDisplay
from skdl.inspection._feature_maps import FeatureMapDisplay
from skdl.inspection._learning_curve import LearningCurveDisplay
from skdl.inspection._reliability import ReliabilityDisplay
from skdl.inspection._search import SearchDisplay

__all__ = [
    "AttentionDisplay",
    "EmbeddingDisplay",
    "FeatureMapDisplay",
    "LearningCurveDisplay",
    "ReliabilityDisplay",
    "SearchDisplay",
    "diagnose_fit",
]
