"""Clustering."""

from skdl.cluster._kmeans import KMeans
from skdl.cluster._mini_batch import MiniBatchKMeans

__all__ = ["KMeans", "MiniBatchKMeans"]
