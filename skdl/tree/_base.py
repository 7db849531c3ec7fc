"""What the classifier and the regressor share: checking, growing, pruning, walking down."""

import numbers
from abc import ABC, abstractmethod
from collections.abc import Iterable

import numpy as np
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.validation import check_is_fitted

from skdl.base import Estimator
from skdl.config import get_config
from skdl.kernels.tree import CRITERIA, Limits, Samples, grow_tree, no_worse_as_leaves, weakest_links
from skdl.tree._family import fit_family_of_trees, n_threads_allowed
from skdl.tree._rules import to_rules
from skdl.tree._to_sklearn import to_sklearn
from skdl.tree._training import Table, TrainingSet
from skdl.tree._tree import Tree, leaves_of
from skdl.utils import (
    Interval,
    Options,
    draw_seed,
    encode_table,
    explained,
    fit_table,
    to_host,
    validate_sample_weight,
)

__all__: list[str] = []

# From this many rows on, max_bins="auto" means histograms.
LARGE = 100_000
MAX_BINS = 255
NO_LIMIT = np.iinfo(np.int64).max // 4

_SHARE = Interval("real", 0.0, 1.0, "right")
COMMON_CONSTRAINTS: dict[str, list] = {
    "splitter": [Options("best", "random")],
    "max_depth": [Interval("int", 1, None), None],
    "min_samples_split": [Interval("int", 2, None), _SHARE],
    "min_samples_leaf": [Interval("int", 1, None), Interval("real", 0.0, 1.0, "neither")],
    "min_weight_fraction_leaf": [Interval("real", 0.0, 0.5)],
    "max_features": [Interval("int", 1, None), _SHARE, Options("sqrt", "log2"), None],
    "random_state": [Interval("int", 0, None), np.random.RandomState, None],
    "max_leaf_nodes": [Interval("int", 2, None), None],
    "min_impurity_decrease": [Interval("real", 0.0, None)],
    "ccp_alpha": [Interval("real", 0.0, None)],
    "monotonic_cst": [Iterable, None],
    "categorical_features": [Options("from_dtype"), Iterable, None],
    "validation_fraction": [Interval("real", 0.0, 1.0, "neither")],
    "max_bins": [Interval("int", 2, MAX_BINS), Options("auto"), None],
}


class BaseDecisionTree(Estimator, ABC):
    """Base class of the decision trees."""

    @abstractmethod
    def _encode_targets(self, y):
        """Learn the classes; return labels (n, o), targets (n, o) over scale, the number of classes, and the scale."""

    @abstractmethod
    def _loss(self, tree: Tree, node, training: TrainingSet, row):
        """The loss of predicting each row from each node (both of shape (m,)), times the row's weight."""

    @abstractmethod
    def _class_weight_of(self, y):
        """A weight for each sample from ``class_weight``, or None."""

    def fit(self, X, y, sample_weight=None):
        """Grow the tree.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            The samples. NaN is a missing value.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each sample counts; None counts each once, and a sample of weight 0 is left out.

        Returns
        -------
        self
        """
        self._check_parameters()
        training = self._read(X, y, sample_weight)
        self._set_tree(self._pruned(self._grown(training.part(), n_threads_allowed()), training))
        return self

    def _fit_family(self, X, y, *, candidates, splits, sample_weight=None, pairs=None):
        """Fit candidates on splits, one tree grown for each split; see :func:`skdl.base.fit_family`."""
        yield from fit_family_of_trees(self, X, y, candidates, splits, sample_weight, pairs)

    def _read(self, X, y, sample_weight) -> TrainingSet:
        """Check and encode the data, and set the attributes that depend on it alone."""
        schema, encoded = fit_table(self, X, self.categorical_features, allow_nan=True)
        seed = draw_seed(self.random_state)
        return self._read_targets(Table(encoded, schema), np.arange(len(encoded)), y, sample_weight, seed)

    def _read_targets(self, table: Table, rows: np.ndarray, y, sample_weight, seed: int) -> TrainingSet:
        """Do the same where the table is encoded; ``rows`` (n,) are those of the samples."""
        self._schema = table.schema
        y = to_host(y)
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        with explained(self, None, y):
            y = check_array(y, ensure_2d=False, dtype=None, input_name="y", estimator=self)
            if not self.__sklearn_tags__().target_tags.multi_output:
                y = column_or_1d(y, warn=True)
        n = len(rows)
        if len(y) != n:
            raise ValueError(
                f"Found input variables with inconsistent numbers of samples: X has {n} and y has {len(y)}. "
                "X and y must have one row for each sample: check how they were cut or filtered."
            )
        self.n_outputs_ = 1 if y.ndim == 1 else y.shape[1]
        label, target, n_classes, scale = self._encode_targets(y.reshape(-1, self.n_outputs_))
        weight = validate_sample_weight(sample_weight, n)
        by_class = self._class_weight_of(y)
        if by_class is not None:
            weight = by_class if weight is None else weight * by_class
        if weight is not None and not weight.all():
            used = weight > 0.0
            rows, label, target, weight = rows[used], label[used], target[used], weight[used]
        if weight is None or (weight == 1.0).all():
            weight = np.empty(0)
        samples = Samples(label, target, weight, np.concatenate([[0], np.cumsum(n_classes)]).astype(np.int64))
        n = len(rows)
        grown_from = held_out = None
        if self.pruning == "reduced_error":
            order = np.random.RandomState(seed % 2**32).permutation(n)
            n_held_out = round(self.validation_fraction * n)
            held_out, grown_from = np.sort(order[:n_held_out]), np.sort(order[n_held_out:])
            if not len(grown_from):
                raise ValueError(f"{n} samples are too few to hold some out for reduced-error pruning.")
        return TrainingSet(table, rows, samples, n_classes, scale, seed, grown_from, held_out)

    def _grown(self, training: TrainingSet, n_threads: int = 1):
        """The tree before pruning."""
        table, n_bins = training.table, self._n_bins(len(training.rows))
        limits = self._limits(training)
        nodes = grow_tree(
            table.X, training.rows, table.schema.is_categorical, table.n_categories, training.samples, limits, n_bins,
            table.ranked() if n_bins is None else None, n_threads,
        )  # fmt: skip
        return Tree.from_nodes(
            nodes, table.X.shape[1], training.n_classes, table.n_categories, training.scale,
            self._impurity_unit(training),
        )  # fmt: skip

    def _n_bins(self, n: int):
        """How many bins a column is cut into; None for every distinct value."""
        if isinstance(self.max_bins, str):
            return MAX_BINS if n >= LARGE else None
        return self.max_bins

    def _limits(self, training: TrainingSet) -> Limits:
        """The parameters as whole numbers and weights."""
        n, d = len(training.rows), training.table.X.shape[1]
        weight = training.samples.weight
        total = float(weight.sum()) if len(weight) else float(n)
        split, leaf = self.min_samples_split, self.min_samples_leaf
        split = int(split) if isinstance(split, numbers.Integral) else max(2, int(np.ceil(split * n)))
        leaf = int(leaf) if isinstance(leaf, numbers.Integral) else int(np.ceil(leaf * n))
        return Limits(
            CRITERIA[self.criterion],
            NO_LIMIT if self.max_depth is None else int(self.max_depth),
            max(split, 2 * leaf),
            leaf,
            float(self.min_weight_fraction_leaf * total),
            float(self.min_impurity_decrease * total / self._impurity_unit(training)),
            self._n_candidates(d),
            0 if self.max_leaf_nodes is None else int(self.max_leaf_nodes),
            self.splitter == "random",
            np.uint64(training.seed),  # type: ignore[arg-type]
            self._monotonic_signs(d),
        )

    def _impurity_unit(self, training: TrainingSet) -> float:
        """What an impurity of one on the scaled targets is in the units of y, kept between the smallest and largest
        float.
        """
        squared = self.criterion in ("squared_error", "friedman_mse")
        with np.errstate(over="ignore", under="ignore"):
            unit = training.scale[0] ** (2 if squared else 1)
        return float(np.clip(unit, np.finfo(np.float64).tiny, np.finfo(np.float64).max))

    def _n_candidates(self, d: int) -> int:
        """How many columns a split looks at; also ``max_features_``."""
        asked = self.max_features
        if asked is None:
            count = d
        elif asked == "sqrt":
            count = max(1, int(np.sqrt(d)))
        elif asked == "log2":
            count = max(1, int(np.log2(d)))
        elif isinstance(asked, numbers.Integral):
            count = int(asked)
        else:
            count = max(1, int(asked * d))
        self.max_features_ = count
        return count

    def _monotonic_signs(self, d: int) -> np.ndarray:
        """The sign that the first statistic must follow on each column; empty without constraints."""
        if self.monotonic_cst is None:
            return np.empty(0, dtype=np.int8)
        signs = np.asarray(self.monotonic_cst)
        if signs.shape != (d,):
            raise ValueError(
                f"monotonic_cst has shape {signs.shape} but the input data X has {d} features: give one of -1, 0, 1 "
                "for each."
            )
        if not np.isin(signs, (-1, 0, 1)).all():
            raise ValueError(f"monotonic_cst must hold only -1, 0 or 1, got {np.unique(signs).tolist()}.")
        if self.n_outputs_ > 1:
            raise ValueError("Monotonicity constraints are not supported with multiple outputs.")
        return self._signs_of_first_statistic(signs.astype(np.int8))

    def _signs_of_first_statistic(self, signs: np.ndarray) -> np.ndarray:
        return signs

    def _pruned(self, tree, training: TrainingSet, links=None):
        """The tree after pruning.

        ``training`` holds the rows that the tree was not grown from as well; ``links`` are its weakest links where they
        are known already.
        """
        if self.pruning == "reduced_error":
            return tree.collapsed(self._held_out_collapse(tree, training))
        if self.ccp_alpha > 0.0:
            return tree.collapsed((links_of(tree) if links is None else links) <= self.ccp_alpha)
        return tree

    def _held_out_collapse(self, tree: Tree, training: TrainingSet) -> np.ndarray:
        """Which nodes to cut off because the rows that were held out are predicted no worse without."""
        rows = training.held_out
        assert rows is not None
        path = tree.decision_path(training.X(rows))
        row, node = np.repeat(rows, np.diff(path.indptr)), path.indices
        errors = np.bincount(node, weights=self._loss(tree, node, training, row), minlength=tree.node_count)
        return no_worse_as_leaves(tree.children_left, tree.children_right, errors, 0.0)

    def _set_tree(self, tree) -> None:
        self.tree_ = tree

    def cost_complexity_pruning_path(self, X, y, sample_weight=None):
        """The sequence of prunings of the whole tree.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            The samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each sample counts.

        Returns
        -------
        sklearn.utils.Bunch
            ``ccp_alphas`` and ``impurities``, both of shape (n_prunings + 1,): each alpha at which a subtree becomes
            a leaf, and the total impurity of the leaves from then on.
        """
        from sklearn.base import clone
        from sklearn.utils import Bunch

        if getattr(self, "branching", "binary") == "multiway":
            raise ValueError("Cost-complexity pruning is defined for binary trees here; use branching='binary'.")
        grown = clone(self).set_params(ccp_alpha=0.0).fit(X, y, sample_weight=sample_weight).tree_
        _, alphas, risks = weakest_links(grown.children_left, grown.children_right, _risk(grown))
        return Bunch(ccp_alphas=alphas, impurities=risks)

    def _fitted_tree(self):
        """``tree_``; scikit-learn is asked for its error alone, which takes as long as predicting a row."""
        if "tree_" not in vars(self):
            check_is_fitted(self, "tree_")
        return self.tree_

    def _encoded(self, X) -> np.ndarray:
        self._fitted_tree()
        return encode_table(self, X, self._schema, allow_nan=True)

    def _leaves(self, X) -> np.ndarray:
        """The leaf of each sample in a binary tree."""
        return leaves_of(self._fitted_tree(), X, get_config()["dtype"], self._encoded)

    def apply(self, X) -> np.ndarray:
        """The leaf of each sample.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples,), int64
        """
        return self.tree_.apply(self._encoded(X))

    def decision_path(self, X):
        """The nodes that each sample passes.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        scipy.sparse.csr_matrix of shape (n_samples, n_nodes)
            1 where the sample passes the node.
        """
        return self.tree_.decision_path(self._encoded(X))

    def get_depth(self) -> int:
        """The depth of the tree.

        Returns
        -------
        int
            The number of splits on the longest way from the root to a leaf.
        """
        check_is_fitted(self, "tree_")
        return self.tree_.max_depth

    def get_n_leaves(self) -> int:
        """The number of leaves.

        Returns
        -------
        int
        """
        check_is_fitted(self, "tree_")
        return self.tree_.n_leaves

    def to_sklearn(self):
        """Hand the tree over to scikit-learn, for tools that know its trees (SHAP and the like).

        scikit-learn rounds X to float32, so a value within that of a threshold may go the other way there.

        Returns
        -------
        sklearn.tree.DecisionTreeClassifier or sklearn.tree.DecisionTreeRegressor

        Raises
        ------
        ValueError
            If the tree splits on categories.
        """
        return to_sklearn(self)

    def to_rules(self, *, feature_names=None, decimals=2):
        """The leaves as a list of rules with counts, see :func:`skdl.tree.to_rules`.

        Parameters
        ----------
        feature_names : sequence of str, default=None
            None takes the names that ``fit`` saw.
        decimals : int, default=2
            Digits of thresholds.

        Returns
        -------
        list of Rule
        """
        return to_rules(self, feature_names=feature_names, decimals=decimals)

    @property
    def feature_importances_(self) -> np.ndarray:
        """How much each feature lowers the impurity, of shape (n_features_in_,), with sum 1 (or all 0)."""
        check_is_fitted(self, "tree_")
        return self.tree_.compute_feature_importances()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output = True
        tags.target_tags.multi_output = True
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        return tags


def links_of(tree: Tree) -> np.ndarray:
    """The alpha at which cost-complexity pruning makes a leaf of each node, of shape (node_count,)."""
    return weakest_links(tree.children_left, tree.children_right, _risk(tree))[0]


def _risk(tree: Tree) -> np.ndarray:
    return tree.weighted_n_node_samples / tree.weighted_n_node_samples[0] * tree.impurity
