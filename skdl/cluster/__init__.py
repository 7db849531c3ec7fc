"""Clustering."""

from skdl.cluster._kmeans import KMeans

__all__ = ["KMeans"]
