"""scikit-learn's searches and cross-validation, with candidates and folds fitted together."""

from skdl.model_selection._curves import learning_curve, validation_curve
from skdl.model_selection._halving import HalvingGridSearchCV, HalvingRandomSearchCV
from skdl.model_selection._optuna import OptunaSearchCV
from skdl.model_selection._permutation import permutation_test_score
from skdl.model_selection._search import GridSearchCV, RandomizedSearchCV
from skdl.model_selection._validation import cross_val_predict, cross_val_score, cross_validate

__all__ = [
    "GridSearchCV",
    "HalvingGridSearchCV",
    "HalvingRandomSearchCV",
    "OptunaSearchCV",
    "RandomizedSearchCV",
    "cross_val_predict",
    "cross_val_score",
    "cross_validate",
    "learning_curve",
    "permutation_test_score",
    "validation_curve",
]
