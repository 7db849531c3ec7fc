"""Metric learning: maps after which near means alike, learnt from labels, numbers, pairs, triplets or neighbours."""

from skdl.metric_learning._contrastive import ContrastiveEncoder
from skdl.metric_learning._few_shot import FewShotScore, FewShotSplit, few_shot_score
from skdl.metric_learning._itml import ITML
from skdl.metric_learning._lfda import LFDA
from skdl.metric_learning._lmnn import LMNN
from skdl.metric_learning._local_lmnn import LocalLMNNClassifier
from skdl.metric_learning._lpp import LPP
from skdl.metric_learning._mcml import MCML
from skdl.metric_learning._mlkr import MLKR
from skdl.metric_learning._mmc import MMC
from skdl.metric_learning._nca import NCA
from skdl.metric_learning._npe import NPE
from skdl.metric_learning._prototypical import PrototypicalClassifier
from skdl.metric_learning._rca import RCA
from skdl.metric_learning._siamese import SiameseEncoder
from skdl.metric_learning._triplet import TripletEncoder

__all__ = [
    "ITML",
    "LFDA",
    "LMNN",
    "LPP",
    "MCML",
    "MLKR",
    "MMC",
    "NCA",
    "NPE",
    "RCA",
    "ContrastiveEncoder",
    "FewShotScore",
    "FewShotSplit",
    "LocalLMNNClassifier",
    "PrototypicalClassifier",
    "SiameseEncoder",
    "TripletEncoder",
    "few_shot_score",
]
