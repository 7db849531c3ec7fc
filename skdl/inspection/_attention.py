"""What the steps of a sequence look at."""

import numpy as np

from skdl.inspection._drawing import grid_of_axes, pyplot
from skdl.inspection._networks import find_network, network_inputs

# More tokens than these are not labelled one by one.
_MOST_LABELS = 40


class AttentionDisplay:
    """Attention maps of a transformer: how much each step of a sequence takes from each other step.

    Use it to see which words, or which times of a series, a transformer brings together. Make it by
    :meth:`from_estimator`.

    Parameters
    ----------
    attention : ndarray of shape (n_layers, n_heads, n_steps, n_steps)
        The weights: rows are the steps that look, columns those that are looked at; rows add up to 1.
    tokens : list of str
        What the steps are called.
    layer_names : list of str or None, default=None
        The places of the layers in the network.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes
        One for each head; after :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        What holds them.
    images_ : list of matplotlib.image.AxesImage
        The maps.

    See Also
    --------
    FeatureMapDisplay : What the convolutions of a network make of an image.

    Notes
    -----
    Attention says where values are taken from, not what they do to the prediction: other weights may well give the same
    output. Read a map as a hint, and check it by leaving tokens out.

    References
    ----------
    Jain, S. & Wallace, B. C. (2019). Attention is not explanation. NAACL. https://doi.org/10.18653/v1/N19-1357

    Examples
    --------
    >>> from skdl.inspection import AttentionDisplay
    >>> from skdl.neural import TransformerClassifier
    >>> texts, labels = ["good film", "bad film", "a good one", "a bad one"] * 5, [1, 0, 1, 0] * 5
    >>> model = TransformerClassifier(16, tokenizer="word", max_epochs=5, random_state=0).fit(texts, labels)
    >>> display = AttentionDisplay.from_estimator(model, ["a good film"])
    >>> display.tokens
    ['a', 'good', 'film']
    >>> display.attention.shape
    (2, 4, 3, 3)
    """

    def __init__(self, *, attention, tokens, layer_names=None):
        self.attention = attention
        self.tokens = tokens
        self.layer_names = layer_names

    @classmethod
    def from_estimator(cls, estimator, X, *, tokens=None, layer=-1, heads=None, ax=None, **plot_kw):
        """Draw the attention of a fitted network for one sequence.

        Parameters
        ----------
        estimator : estimator
            A fitted ``TransformerClassifier`` or ``TransformerRegressor``, another neural estimator whose module holds
            ``torch.nn.MultiheadAttention``, or a pipeline that ends with one.
        X : list of one text, or array-like that holds one sequence
            As ``predict`` takes it; a text may stand by itself.
        tokens : list of str, default=None
            What the steps are called; None takes the tokens of a text, those without an embedding of their own in
            brackets, and the steps' numbers in a series.
        layer : int, default=-1
            Which layer, by its place among those that are called; negative from the end.
        heads : int, list of int, "mean" or None, default=None
            Which heads, or their mean; None draws each.
        ax : matplotlib.axes.Axes, default=None
            Which to divide; None makes a new figure.
        **plot_kw : dict
            As in :meth:`plot`.

        Returns
        -------
        AttentionDisplay

        Raises
        ------
        ValueError
            If the estimator is not fitted or has no attention, or X holds several sequences.
        """
        # torch is loaded with the first network, not with this room.
        from skdl.nn.tracing import attention_weights

        X = [X] if isinstance(X, str) else X
        network, X = find_network(estimator, X, "AttentionDisplay")
        module, inputs = network_inputs(network, X)
        if len(inputs[0]) != 1:
            raise ValueError(
                f"AttentionDisplay draws one sequence, but X holds {len(inputs[0])}: hand over X[:1], say."
            )
        found = attention_weights(module, inputs)
        if not found:
            raise ValueError(
                f"The network of {type(network).__name__} has no attention; take a TransformerClassifier or "
                "TransformerRegressor."
            )
        shapes = {tuple(weights.shape) for weights in found.values()}
        if len(shapes) > 1:
            raise ValueError(
                f"The attention layers differ in their heads or steps, {sorted(shapes)}, and have no common map."
            )
        attention = np.stack([weights[0].float().cpu().numpy() for weights in found.values()])
        if tokens is None:
            tokens = _tokens_of(network, X, attention.shape[2])
        tokens = [str(token) for token in tokens]
        if len(tokens) != attention.shape[2]:
            raise ValueError(f"tokens holds {len(tokens)} names, but the sequence has {attention.shape[2]} steps.")
        display = cls(attention=attention, tokens=tokens, layer_names=list(found))
        return display.plot(ax=ax, layer=layer, heads=heads, **plot_kw)

    def plot(self, ax=None, *, layer=-1, heads=None, n_columns=4, cmap="Blues"):
        """Draw the maps of a layer.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or array-like of them, default=None
            One is divided; several are one for each head; None makes a new figure.
        layer : int, default=-1
            Which layer; negative from the end.
        heads : int, list of int, "mean" or None, default=None
            Which heads, or their mean; None draws each.
        n_columns : int, default=4
            How many in a row.
        cmap : str or matplotlib.colors.Colormap, default="Blues"
            The colours of the weights.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no such layer or head.
        """
        n_layers, n_heads = self.attention.shape[:2]
        if not -n_layers <= layer < n_layers:
            raise ValueError(f"There is no layer {layer}: the network has {n_layers} with attention, counted from 0.")
        if isinstance(heads, str):
            if heads != "mean":
                raise ValueError(f"heads must be 'mean', numbers or None, got {heads!r}.")
            maps, titles = self.attention[layer].mean(axis=0)[None], ["mean of the heads"]
        else:
            chosen = list(range(n_heads)) if heads is None else np.atleast_1d(heads).tolist()
            if any(not -n_heads <= head < n_heads for head in chosen):
                raise ValueError(f"There is no head {heads!r}: the layer has {n_heads}, counted from 0.")
            maps, titles = self.attention[layer][chosen], [f"head {head}" for head in chosen]
        plt = pyplot("AttentionDisplay.plot")
        side = min(max(2.6, 0.32 * len(self.tokens) + 1.0), 9.0)
        figure, axes = grid_of_axes(plt, len(maps), ax, n_columns=n_columns, size=(side, side))
        most = maps.max()  # one scale for all heads
        self.images_ = [
            axis.imshow(part, cmap=cmap, vmin=0.0, vmax=most) for axis, part in zip(axes, maps, strict=True)
        ]
        every = -(-len(self.tokens) // _MOST_LABELS)
        places = np.arange(0, len(self.tokens), every)
        labels = [self.tokens[place] for place in places]
        turned = max(map(len, labels)) > 2
        for axis, title in zip(axes, titles, strict=True):
            axis.set_title(title, fontsize="small")
            axis.set_xticks(places, labels, fontsize="small", rotation=90 if turned else 0)
            axis.set_yticks(places, labels, fontsize="small")
        axes[0].set_ylabel("looks")
        axes[0].set_xlabel("is looked at")
        figure.colorbar(self.images_[0], ax=list(axes), label="Attention", shrink=0.8)
        if ax is None:
            figure.suptitle(f"Layer {layer % n_layers} of {n_layers}", fontsize="medium")
        self.axes_, self.figure_ = axes, figure
        return self


def _tokens_of(network, X, n_steps: int) -> list[str]:
    """The tokens of the one text in X, or the numbers of the steps."""
    known = getattr(network, "_vocabulary", None)
    if known is None:
        return [str(step) for step in range(n_steps)]
    tokens = list(network._tokens_of(X, reset=False)[0])[:n_steps]
    kept = set(known.kept)
    named = [str(token) if token in kept else f"[{token}]" for token in tokens]
    return named or ["[]"]  # a text without any token is read as one unknown token
