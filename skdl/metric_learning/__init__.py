"""Metric learning: maps after which near means alike, learnt from labels, numbers, pairs, triplets or neighbours."""

from skdl.metric_learning._lfda import LFDA
from skdl.metric_learning._lpp import LPP
from skdl.metric_learning._npe import NPE
from skdl.metric_learning._rca import RCA

__all__ = ["LFDA", "LPP", "NPE", "RCA"]
