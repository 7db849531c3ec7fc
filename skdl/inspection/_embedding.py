"""Samples before and after a transformer: where they lie, and who their neighbours are."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from skdl.inspection._drawing import grid_of_axes, legend_beside, look, pyplot
from skdl.utils import to_host

# More classes than these get a scale of colours in place of a legend.
_MOST_CLASSES = 30


class EmbeddingDisplay:
    """Scatter of samples in two dimensions, before and after a transformer, and the neighbours of a sample.

    Use it after a metric learner, a network's ``transform`` or a projection, to see whether classes have come apart,
    and whom nearest neighbours would vote with. Make it by :meth:`from_estimator` or :meth:`from_arrays`.

    Parameters
    ----------
    before : ndarray of shape (n_samples, n_features) or None
        The samples as the transformer got them; None where they are no numbers.
    after : ndarray of shape (n_samples, n_components)
        What it made of them.
    target : ndarray of shape (n_samples,) or None, default=None
        Classes, or numbers.
    name : str, default="After"
        What the embedding is called.

    Attributes
    ----------
    points_ : dict of str to ndarray of shape (n_samples, 2)
        Where the samples are drawn, by "before" and "after"; needs no plot.
    explained_ : dict of str to float
        The part of the variance that the two dimensions show; 1 where there are no more.
    axes_ : ndarray of matplotlib.axes.Axes
        That of "before" first, if it is drawn; after :meth:`plot`.
    ax_ : matplotlib.axes.Axes
        That of "after".
    figure_ : matplotlib.figure.Figure
        What holds them.
    scatters_ : list of matplotlib.collections.PathCollection
        The points of each class, panel by panel.

    See Also
    --------
    sklearn.manifold.TSNE : A map of more than two dimensions that keeps neighbours; hand over its result as ``after``.

    Notes
    -----
    More than two dimensions are shown by their first two principal components: classes that overlap there may still be
    apart, and ``neighbors`` looks at all dimensions. Axes of different panels have scales of their own.

    References
    ----------
    Goldberger, J., Roweis, S., Hinton, G. & Salakhutdinov, R. (2004). Neighbourhood components analysis. NIPS 17.
    https://proceedings.neurips.cc/paper/2004/hash/42fe880812925e520249e808937738d2-Abstract.html

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl.inspection import EmbeddingDisplay
    >>> from skdl.metric_learning import LFDA
    >>> X, y = load_digits(return_X_y=True)
    >>> display = EmbeddingDisplay.from_estimator(LFDA(n_components=2).fit(X[:500], y[:500]), X[500:], y[500:])
    >>> display.points_["after"].shape
    (1297, 2)
    >>> list(display.neighbors(0, n_neighbors=3).columns)
    ['query', 'rank', 'neighbor', 'distance', 'query_y', 'neighbor_y', 'same_class']
    """

    def __init__(self, *, before, after, target=None, name="After"):
        self.before = before
        self.after = after
        self.target = target
        self.name = name

    @property
    def points_(self) -> dict[str, np.ndarray]:
        """Where the samples are drawn."""
        return {space: _flatten(values)[0] for space, values in self._spaces().items()}

    @property
    def explained_(self) -> dict[str, float]:
        """The part of the variance that is drawn."""
        return {space: _flatten(values)[1] for space, values in self._spaces().items()}

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, name=None, ax=None, **plot_kw):
        """Transform samples and draw them.

        Parameters
        ----------
        estimator : transformer
            Fitted, with ``transform``; a pipeline of transformers counts as one.
        X : array-like, frame or tensor of shape (n_samples, ...)
            The samples, best such that it was not fitted on.
        y : array-like of shape (n_samples,), default=None
            Their classes, or numbers, by which points are coloured.
        name : str, default=None
            What the embedding is called; None for the name of the estimator.
        ax : matplotlib.axes.Axes or array-like of two, default=None
            One is divided; None makes a new figure.
        **plot_kw : dict
            As in :meth:`plot`.

        Returns
        -------
        EmbeddingDisplay

        Raises
        ------
        ValueError
            If the estimator is not fitted, does not transform, or lengths differ.
        """
        check_is_fitted(estimator)
        if not hasattr(estimator, "transform"):
            raise ValueError(f"EmbeddingDisplay needs a transformer, and {type(estimator).__name__} has no transform.")
        X = to_host(X)
        before: Any = np.asarray(X) if not hasattr(X, "toarray") else X.toarray()
        try:
            before = before.reshape(len(before), -1).astype(np.float64)
        except (TypeError, ValueError):  # texts, categories, sequences of unequal lengths
            before = None
        if name is None:
            last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
            name = type(last).__name__
        return cls.from_arrays(before, estimator.transform(X), y, name=name, ax=ax, **plot_kw)

    @classmethod
    def from_arrays(cls, before, after, y=None, *, name="After", ax=None, **plot_kw):
        """Draw samples that have been transformed already.

        Parameters
        ----------
        before : array-like of shape (n_samples, n_features) or None
            The samples; None draws ``after`` alone.
        after : array-like of shape (n_samples, n_components)
            What was made of them.
        y : array-like of shape (n_samples,), default=None
            As in :meth:`from_estimator`.
        name : str, default="After"
            What the embedding is called.
        ax : matplotlib.axes.Axes or array-like of two, default=None
            One is divided; None makes a new figure.
        **plot_kw : dict
            As in :meth:`plot`.

        Returns
        -------
        EmbeddingDisplay

        Raises
        ------
        ValueError
            If lengths differ, or a value is missing.
        """
        after = _matrix(after, "after")
        before = None if before is None else _matrix(before, "before")
        target = None if y is None else np.asarray(to_host(y))
        for which, part in (("before", before), ("y", target)):
            if part is not None and len(part) != len(after):
                raise ValueError(f"{which} has {len(part)} samples, but the embedding {len(after)}.")
        if target is not None and target.ndim != 1:
            raise ValueError(f"y must have one class or number for each sample, but its shape is {target.shape}.")
        return cls(before=before, after=after, target=target, name=name).plot(ax=ax, **plot_kw)

    def plot(self, ax=None, *, cmap="viridis", **scatter_kw):
        """Draw the samples.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or array-like of them, default=None
            One is divided; several are one for each panel; None makes a new figure.
        cmap : str or matplotlib.colors.Colormap, default="viridis"
            The colours of numbers.
        **scatter_kw : dict
            Keyword arguments of matplotlib's ``scatter``.

        Returns
        -------
        self
        """
        plt = pyplot("EmbeddingDisplay.plot")
        spaces = self._spaces()
        self.figure_, self.axes_ = grid_of_axes(plt, len(spaces), ax, n_columns=2, size=(5.0, 4.2))
        self.ax_ = self.axes_[-1]
        self.scatters_ = []
        classes = self._classes()
        options = {"s": 16, "alpha": 0.7, "linewidths": 0, **scatter_kw}
        for axis, (space, values) in zip(self.axes_, spaces.items(), strict=True):
            points, explained = _flatten(values)
            axis.set_title("Before" if space == "before" else self.name)
            kind = "Dimension" if values.shape[1] <= 2 else "Principal component"
            axis.set(xlabel=f"{kind} 1", ylabel=f"{kind} 2")
            if explained < 1.0:
                axis.set_xlabel(f"{kind} 1 (both: {explained:.0%} of the variance)")
            if classes is None:
                colour = {} if self.target is None else {"c": self.target, "cmap": cmap}
                self.scatters_.append(axis.scatter(*points.T, **colour, **options))
                continue
            for place, label in enumerate(classes):
                own = {**look(place), "label": str(label), **options}
                self.scatters_.append(axis.scatter(*points[self.target == label].T, **own))
        if classes is not None:
            legend_beside(self.ax_, 9, ncols=1 + len(classes) // 16, markerscale=1.8)
        elif self.target is not None:
            self.figure_.colorbar(self.scatters_[-1], ax=self.ax_, label="y")
        return self

    def neighbors(self, queries, *, n_neighbors=5, space="after") -> pd.DataFrame:
        """List the nearest neighbours of samples, by Euclidean distance in all dimensions.

        Parameters
        ----------
        queries : int or array-like of int of shape (n_queries,)
            The places of the samples whose neighbours are wanted.
        n_neighbors : int, default=5
            How many; the sample itself is none of them.
        space : {"after", "before"}, default="after"
            Where to look.

        Returns
        -------
        pandas.DataFrame
            A row for each query and neighbour: ``query``, ``rank`` (from 1), ``neighbor`` (its place), ``distance``,
            and, where there are classes or numbers, ``query_y``, ``neighbor_y`` and ``same_class``.

        Raises
        ------
        ValueError
            If there is no such sample or space, or too few samples.
        """
        spaces = self._spaces()
        if space not in spaces:
            raise ValueError(f"space must be one of {list(spaces)}, got {space!r}.")
        values = spaces[space]
        rows = np.atleast_1d(queries)
        if rows.dtype.kind not in "iu" or (rows < -len(values)).any() or (rows >= len(values)).any():
            raise ValueError(f"queries must be places of samples, whole numbers below {len(values)}; got {queries!r}.")
        if not 1 <= n_neighbors < len(values):
            raise ValueError(f"n_neighbors must be between 1 and {len(values) - 1}, got {n_neighbors}.")
        rows = rows % len(values)
        parts = []
        for row in rows:
            distance = np.sqrt(((values - values[row]) ** 2).sum(axis=1))
            distance[row] = -1.0  # itself comes first, whoever else lies in the same place
            nearest = np.argsort(distance, kind="stable")[1 : n_neighbors + 1]
            part = {"query": row, "rank": np.arange(1, n_neighbors + 1), "neighbor": nearest}
            part["distance"] = distance[nearest]
            if self.target is not None:
                part |= {"query_y": self.target[row], "neighbor_y": self.target[nearest]}
                part["same_class"] = self.target[nearest] == self.target[row]
            parts.append(pd.DataFrame(part))
        return pd.concat(parts, ignore_index=True)

    def plot_neighbors(self, queries, *, images, n_neighbors=5, space="after", ax=None, cmap="gray_r"):
        """Draw the pictures of samples and of their neighbours, a row for each query.

        Parameters
        ----------
        queries : int or array-like of int of shape (n_queries,)
            As in :meth:`neighbors`.
        images : array-like of shape (n_samples, height, width) or (n_samples, height, width, n_channels)
            The picture of each sample.
        n_neighbors : int, default=5
            As in :meth:`neighbors`.
        space : {"after", "before"}, default="after"
            As in :meth:`neighbors`.
        ax : matplotlib.axes.Axes or array-like of them, default=None
            One is divided; None makes a new figure.
        cmap : str or matplotlib.colors.Colormap, default="gray_r"
            The colours of pictures without channels.

        Returns
        -------
        ndarray of matplotlib.axes.Axes of shape (n_queries, 1 + n_neighbors)
            The query first. A neighbour of another class has a frame.

        Raises
        ------
        ValueError
            As :meth:`neighbors`, and if there is not one picture for each sample.
        """
        table = self.neighbors(queries, n_neighbors=n_neighbors, space=space)
        images = np.asarray(to_host(images))
        if images.ndim not in (3, 4) or len(images) != len(self.after):
            raise ValueError(
                f"images must hold a picture for each of the {len(self.after)} samples, (n_samples, height, width); "
                f"its shape is {images.shape}."
            )
        plt = pyplot("EmbeddingDisplay.plot_neighbors")
        n_queries = len(table) // n_neighbors
        _, axes = grid_of_axes(plt, n_queries * (1 + n_neighbors), ax, n_columns=1 + n_neighbors, size=(1.3, 1.5))
        axes = axes.reshape(n_queries, 1 + n_neighbors)
        for row, axis in zip(table.itertuples(), axes[:, 1:].ravel(), strict=True):
            axis.imshow(images[row.neighbor], cmap=cmap)
            same = self.target is None or bool(row.same_class)
            title = f"{row.distance:.3g}" if self.target is None else f"{row.neighbor_y} ({row.distance:.3g})"
            axis.set_title(title, fontsize="small", color="black" if same else "#D55E00")
            for spine in axis.spines.values():
                spine.set(visible=not same, color="#D55E00", linewidth=2.5)
        for place, axis in zip(table["query"][::n_neighbors], axes[:, 0], strict=True):
            axis.imshow(images[place], cmap=cmap)
            axis.set_title("query" if self.target is None else f"query: {self.target[place]}", fontsize="small")
        for axis in axes.ravel():
            axis.set_xticks([])
            axis.set_yticks([])
        return axes

    def _spaces(self) -> dict[str, np.ndarray]:
        return {"after": self.after} if self.before is None else {"before": self.before, "after": self.after}

    def _classes(self) -> np.ndarray | None:
        """The classes, where the target holds some that a legend can list."""
        if self.target is None:
            return None
        classes = np.unique(self.target)
        return classes if len(classes) <= _MOST_CLASSES and type_of_target(self.target) != "continuous" else None


def _matrix(values, which: str) -> np.ndarray:
    values = to_host(values)
    if hasattr(values, "toarray"):
        values = values.toarray()
    return check_array(values, dtype=np.float64, input_name=which)


def _flatten(values: np.ndarray) -> tuple[np.ndarray, float]:
    """Two dimensions of n samples, and the part of the variance that they have."""
    if values.shape[1] == 1:
        return np.column_stack([values[:, 0], np.zeros(len(values))]), 1.0
    if values.shape[1] == 2:
        return values, 1.0
    pca = PCA(n_components=2, random_state=0)
    points = pca.fit_transform(values)
    return points, float(pca.explained_variance_ratio_.sum())
