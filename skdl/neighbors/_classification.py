"""Classification by the vote of the nearest neighbors."""

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, MultiOutputMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from skdl.neighbors._base import NEIGHBORS_CONSTRAINTS
from skdl.neighbors._supervised import SupervisedNeighbors
from skdl.neighbors._votes import shares
from skdl.utils import Options, encode_classes, validate_sample_weight


class KNeighborsClassifier(MultiOutputMixin, ClassifierMixin, SupervisedNeighbors):
    """Classify by the vote of the nearest training rows.

    Use it for smooth class boundaries of any shape, few to some dozens of informative columns of a common scale, and
    as a baseline; standardize the columns, or learn the metric inside with ``metric=``.

    Parameters
    ----------
    n_neighbors : int, default=5
        How many rows vote.
    weights : {"uniform", "distance"}, callable or None, default="uniform"
        The weight of a vote: the same for all (also None), the inverse of the distance, or a function that takes an
        array of distances of shape (n_queries, n_neighbors) and returns weights of that shape.
    algorithm : {"auto", "kd_tree", "ball_tree", "brute"}, default="auto"
        How to search; the answer is the same. "kd_tree" is for few columns (up to about 15) and Minkowski metrics,
        "brute" compares all rows, "auto" and "ball_tree" choose.
    leaf_size : int, default=30
        About how many rows a leaf of the tree has; with ``algorithm="auto"`` more where that is quicker.
    p : float, default=2
        The power of the Minkowski metric.
    metric : str, callable, DistanceMetric or transformer, default="minkowski"
        What near means. A name: "euclidean", "manhattan", "chebyshev", "minkowski" (with ``p``), "cosine",
        "mahalanobis", "seuclidean" and all others of scikit-learn and SciPy; "heom" and "gower" for frames with
        categories and missing values; "precomputed" for a matrix of distances; a function of two vectors; or a
        transformer such as :class:`sklearn.neighbors.NeighborhoodComponentsAnalysis`, which is cloned, fitted on the
        training rows, kept as ``metric_``, and after which Minkowski distances are taken. Its parameters are searched
        as ``metric__n_components`` and so on.
    metric_params : dict or None, default=None
        Further arguments of the metric.
    n_jobs : int or None, default=None
        The number of threads; None takes torch's.
    class_weight : dict, list of dicts, "balanced" or None, default=None
        Weights of the classes, with which ``sample_weight`` is multiplied; "balanced" gives all classes the same weight
        in total. A list has one entry for each output.
    device : str or torch.device, default="auto"
        Where Euclidean, Manhattan, Chebyshev, cosine, Mahalanobis distances and their like are computed; other metrics
        are computed on the CPU.
    verbose : int, default=0
        Whether to show a progress bar while predicting.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or list of such
        The labels; a list with one array for each output if ``outputs_2d_``.
    effective_metric_ : str or callable
        The metric in use: "euclidean" for Minkowski with p=2, say.
    effective_metric_params_ : dict
        Its arguments.
    metric_ : estimator
        The fitted metric learner, only if ``metric`` is one.
    n_samples_fit_ : int
        The number of training rows.
    outputs_2d_ : bool
        Whether y had several columns.
    n_features_in_ : int
        The number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The names of the columns, only if X had names.

    Raises
    ------
    ValueError
        If X has NaN or infinite values (except for "nan_euclidean"), no rows, other columns than in ``fit``, or fewer
        rows than neighbors; if the metric is unknown, or a weight function gives all neighbors weight zero.

    See Also
    --------
    KNeighborsRegressor : The same for numbers.
    NearestNeighbors : The search alone.

    Notes
    -----
    ``fit`` takes time O(n d), ``predict`` O(n_queries n d) and constant memory beside the data, a single-precision copy
    of it and the answer.

    Euclidean training rows that lie in a file (a memory-mapped float32 or float64 array in C order) of more than 256
    MiB stay there: on a CPU they are read once for each 512 queries and no copy is made, nor is one of queries that lie
    in a file. Beside the answer and some 24 bytes for each row this takes some 30 MiB for each thread.
    ``sample_weight`` copies the queries, and the rows where a weight is zero.

    Differs from scikit-learn in these: ``sample_weight`` and ``class_weight``. A row of weight w counts as w equal
    rows: rows are collected until their weights add up to ``n_neighbors``. Weights that are scaled to sum to 1 must be
    scaled back. A function given as ``weights`` must then work distance by distance. Ties of distance go by index, ties
    of votes to the first class, as in scikit-learn.

    References
    ----------
    Cover, T. & Hart, P. (1967). Nearest neighbor pattern classification. IEEE Transactions on Information Theory 13(1),
    21-27. https://doi.org/10.1109/TIT.1967.1053964

    Examples
    --------
    >>> from skdl.neighbors import KNeighborsClassifier
    >>> model = KNeighborsClassifier(n_neighbors=3).fit([[0], [1], [2], [3]], ["a", "a", "b", "b"])
    >>> model.predict([[1.1]]).tolist()
    ['a']
    >>> model.predict_proba([[0.9]]).round(3)
    array([[0.667, 0.333]])
    """

    _constraints = {
        **NEIGHBORS_CONSTRAINTS,
        "weights": [Options("uniform", "distance"), callable, None],
        "class_weight": [dict, list, Options("balanced"), None],
    }

    def __init__(
        self,
        n_neighbors=5,
        *,
        weights="uniform",
        algorithm="auto",
        leaf_size=30,
        p=2,
        metric="minkowski",
        metric_params=None,
        n_jobs=None,
        class_weight=None,
        device="auto",
        verbose=0,
    ):
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.p = p
        self.metric = metric
        self.metric_params = metric_params
        self.n_jobs = n_jobs
        self.class_weight = class_weight
        self.device = device
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None):
        """Keep the training rows and their labels.

        Parameters
        ----------
        X : array-like, frame, tensor or sparse matrix of shape (n_samples, n_features)
            The training rows; a square matrix of distances if ``metric="precomputed"``.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The labels: strings, ints or bools.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts.

        Returns
        -------
        self : KNeighborsClassifier
        """
        X, y = self._validate_fit(X, y)
        weight = validate_sample_weight(sample_weight, X.shape[0])
        self.outputs_2d_ = y.ndim == 2 and y.shape[1] > 1
        if self.outputs_2d_:
            check_classification_targets(y)
            encoded = [encode_classes(column, owner=type(self).__name__) for column in y.T]
            self.classes_: Any = [classes for classes, _ in encoded]
            self._y = np.column_stack([codes for _, codes in encoded])
        else:
            self.classes_, self._y = encode_classes(y, owner=type(self).__name__)
        weight = self._with_class_weight(weight)
        self._keep_weight(weight)
        self._fit_rows(X, self._y, weight)
        return self

    def _with_class_weight(self, weight):
        if self.class_weight is None:
            return weight
        codes = self._y.reshape(len(self._y), -1)
        classes: list = self.classes_ if self.outputs_2d_ else [self.classes_]
        n_outputs = len(classes)
        wanted = self.class_weight
        if (isinstance(wanted, dict) and len(classes) > 1) or (
            isinstance(wanted, list) and len(wanted) != len(classes)
        ):
            raise ValueError(
                f"class_weight must be 'balanced' or a list of {n_outputs} dicts, one for each output; got {wanted!r}."
            )
        product = np.ones(len(codes)) if weight is None else weight.copy()
        for position, labels in enumerate(classes):
            of_output = wanted[position] if isinstance(wanted, list) else wanted
            if of_output == "balanced":
                counts = np.bincount(codes[:, position], weights=weight, minlength=len(labels))
                per_class = counts.sum() / (np.count_nonzero(counts) * np.where(counts > 0, counts, np.inf))
            else:
                per_class = compute_class_weight(of_output, classes=labels, y=labels)
            product *= per_class[codes[:, position]]
        return validate_sample_weight(product, len(codes))

    def predict(self, X):
        """Predict the label of each query: the class with the most votes, the first of several.

        Parameters
        ----------
        X : array-like, frame, tensor or sparse matrix of shape (n_queries, n_features) or None
            The queries; None takes the training rows, none of which then votes for itself.

        Returns
        -------
        ndarray of shape (n_queries,) or (n_queries, n_outputs)
        """
        if not getattr(self, "outputs_2d_", True):
            classes = self._classes_among_siblings(X, len(self.classes_))
            if classes is not None:
                return self.classes_[classes]
        share = self.predict_proba(X)
        if not self.outputs_2d_:
            return self.classes_[share.argmax(axis=1)]
        columns = [classes[part.argmax(axis=1)] for classes, part in zip(self.classes_, share, strict=True)]
        return np.column_stack(columns).astype(self.classes_[0].dtype, copy=False)

    def predict_proba(self, X):
        """Predict the share of the votes that each class gets.

        Parameters
        ----------
        X : array-like, frame, tensor or sparse matrix of shape (n_queries, n_features) or None
            The queries; None takes the training rows, none of which then votes for itself.

        Returns
        -------
        ndarray of shape (n_queries, n_classes), or list of such, one for each output
            Columns are in the order of ``classes_``.
        """
        indices, weights = self._neighborhood(X)
        if not self.outputs_2d_:
            return shares(self._y, indices, weights, len(self.classes_))
        return [
            shares(codes, indices, weights, len(classes))
            for codes, classes in zip(self._y.T, self.classes_, strict=True)
        ]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
