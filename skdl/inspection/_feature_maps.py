"""What the convolutions of a network make of an image."""

import numpy as np

from skdl.inspection._drawing import grid_of_axes, pyplot
from skdl.inspection._networks import find_network, network_inputs


class FeatureMapDisplay:
    """Feature maps: the outputs of a layer of a convolutional network for one image, or one series.

    Use it to see what a network looks at: edges and blobs in its first layers, parts of things in later ones, and maps
    that are zero throughout where it is larger than its task. Make it by :meth:`from_estimator`.

    Parameters
    ----------
    maps : ndarray of shape (n_maps, height, width) or (n_maps, length)
        The outputs of the layer.
    image : ndarray of shape (n_channels, height, width) or (n_channels, length)
        What went in, as it was before standardization.
    layer : str
        The layer's place in the network.
    layer_names : list of str
        The convolutions of the network, in the order in which they are called.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes
        That of the image first; after :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        What holds them.
    images_ : list of matplotlib.image.AxesImage or matplotlib.lines.Line2D
        The image, or series, and its maps.

    See Also
    --------
    AttentionDisplay : What the steps of a sequence look at.

    Notes
    -----
    Maps are what the convolution gives, before any normalization and rectifier. Each has a scale of its own, from its
    least to its largest value, so that weak maps are seen too.

    References
    ----------
    Zeiler, M. D. & Fergus, R. (2014). Visualizing and understanding convolutional networks. ECCV.
    https://doi.org/10.1007/978-3-319-10590-1_53

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl.inspection import FeatureMapDisplay
    >>> from skdl.neural import CNNClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = CNNClassifier("lenet", image_shape=(8, 8), max_epochs=2, random_state=0).fit(X, y)
    >>> display = FeatureMapDisplay.from_estimator(model, X[0], layer=0)
    >>> display.maps.shape
    (6, 8, 8)
    """

    def __init__(self, *, maps, image, layer, layer_names):
        self.maps = maps
        self.image = image
        self.layer = layer
        self.layer_names = layer_names

    @classmethod
    def from_estimator(cls, estimator, X, *, layer=0, ax=None, **plot_kw):
        """Draw the maps of a fitted network for a sample.

        Parameters
        ----------
        estimator : estimator
            A fitted ``CNNClassifier``, ``CNNRegressor`` or another neural estimator with convolutions, or a pipeline
            that ends with one.
        X : array-like or tensor
            One sample, or a batch that holds one sample.
        layer : int or str, default=0
            Which convolution, by its place among those that are called, negative from the end; or the path of any
            layer in ``estimator.net_.module_``.
        ax : matplotlib.axes.Axes, default=None
            Which to divide; None makes a new figure.
        **plot_kw : dict
            As in :meth:`plot`.

        Returns
        -------
        FeatureMapDisplay

        Raises
        ------
        ValueError
            If the estimator is not fitted or has no convolutions, X holds several samples, or there is no such layer.
        """
        # torch is loaded with the first network, not with this room.
        from skdl.nn.tracing import called_convolutions, layer_output

        network, X = find_network(estimator, _as_batch(estimator, X), "FeatureMapDisplay")
        module, inputs = network_inputs(network, X)
        if len(inputs[0]) != 1:
            raise ValueError(
                f"FeatureMapDisplay draws one sample, but X holds {len(inputs[0])}: hand over X[[0]], say."
            )
        names = called_convolutions(module, inputs)
        path = _choose(module, names, layer, type(network).__name__)
        maps = layer_output(module, inputs, path)[0].float().cpu().numpy()
        if maps.ndim not in (2, 3):
            raise ValueError(
                f"The layer {path!r} gives {maps.ndim} axes for a sample, which are no maps; convolutions: {names}."
            )
        image = inputs[0][0].cpu().numpy()
        return cls(maps=maps, image=image, layer=path, layer_names=names).plot(ax=ax, **plot_kw)

    def plot(self, ax=None, *, max_maps=15, n_columns=8, cmap="viridis"):
        """Draw the image and the maps.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or array-like of them, default=None
            One is divided; several are one for the image and one for each map; None makes a new figure.
        max_maps : int, default=15
            How many maps to draw, the first ones.
        n_columns : int, default=8
            How many in a row.
        cmap : str or matplotlib.colors.Colormap, default="viridis"
            The colours of the maps.

        Returns
        -------
        self
        """
        plt = pyplot("FeatureMapDisplay.plot")
        maps = np.asarray(self.maps)[:max_maps]
        is_series = maps.ndim == 2
        columns = min(n_columns, 4) if is_series else n_columns
        size = (3.0, 1.6) if is_series else (1.4, 1.5)
        figure, axes = grid_of_axes(plt, 1 + len(maps), ax, n_columns=columns, size=size)
        self.images_ = []
        if is_series:
            self.images_ += axes[0].plot(self.image.T, linewidth=0.9)
            for place, series in enumerate(maps, start=1):
                self.images_ += axes[place].plot(series, linewidth=0.9, color="#0072B2")
        else:
            self.images_.append(axes[0].imshow(_as_picture(self.image), cmap="gray"))
            self.images_ += [axes[place].imshow(part, cmap=cmap) for place, part in enumerate(maps, start=1)]
        for place, axis in enumerate(axes):
            axis.set_title("input" if not place else f"map {place - 1}", fontsize="small")
            axis.set_xticks([])
            axis.set_yticks([])
        if ax is None:
            shown = "" if len(maps) == len(self.maps) else f", the first {len(maps)} of {len(self.maps)} maps"
            figure.suptitle(f"Layer {self.layer!r}{shown}", fontsize="medium")
        self.axes_, self.figure_ = axes, figure
        return self


def _as_batch(estimator, X):
    """Make a batch of a sample: where the network tells how many axes a sample has, or a row that has but one."""
    if not hasattr(X, "ndim"):
        X = np.asarray(X)
    shape = getattr(getattr(estimator, "best_estimator_", estimator), "_sample_shape", None)
    return X[None] if X.ndim == (1 if shape is None else len(shape)) else X


def _choose(module, names: list[str], layer, owner: str) -> str:
    if isinstance(layer, str):
        if layer not in dict(module.named_modules()):
            raise ValueError(f"The network of {owner} has no layer {layer!r}; its convolutions are {names}.")
        return layer
    if not names:
        raise ValueError(f"The network of {owner} has no convolutions, and so no feature maps.")
    if not -len(names) <= layer < len(names):
        raise ValueError(
            f"The network of {owner} has {len(names)} convolutions, none of which is layer={layer}: {names}."
        )
    return names[layer]


def _as_picture(image: np.ndarray) -> np.ndarray:
    """Channels last and between 0 and 1, as imshow takes colours; the mean of channels that are no colours."""
    if len(image) not in (3, 4):
        return image.mean(axis=0)
    picture = np.moveaxis(image, 0, -1).astype(np.float64)
    low, high = picture.min(), picture.max()
    return (picture - low) / (high - low) if high > low else np.zeros_like(picture)
