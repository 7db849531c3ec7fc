"""Pictures of what was learnt: learning curves, searches, reliability, embeddings, feature and attention maps."""

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
