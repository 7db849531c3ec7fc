"""What a notebook shows of a fitted network: its layers, its number of parameters, its device.

scikit-learn draws an estimator, by itself or in the diagram of a pipeline, as its ``_sk_visual_block_`` says: a record
with a caption below the name. A notebook that shows the estimator itself is given the table of layers too.
"""

import html
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sklearn.base import BaseEstimator
from torch import nn

# As many layers are written out in the caption; more are counted by kind.
_MOST_LAYERS = 5


@dataclass
class _Block:
    """What scikit-learn's diagrams read of an estimator that is drawn as one box."""

    estimators: Any
    names: str
    name_details: str
    name_caption: str | None
    kind: str = "single"
    doc_link_label: str | None = None
    dash_wrapped: bool = True


class ShownNetwork(BaseEstimator):
    """Adds the network to what scikit-learn shows of an estimator in HTML; the plain text stays as it is."""

    def _sk_visual_block_(self):
        caption = None
        if self.__sklearn_is_fitted__():
            rows, n_parameters, device = self._network_summary()
            layers = [name for _, name, _ in rows]
            if len(layers) > _MOST_LAYERS:
                kinds = Counter(name.partition(" ")[0] for name in layers)
                layers = [f"{count} {kind}" for kind, count in kinds.items()]
            caption = f"{', '.join(layers)}; {_count(n_parameters)}; {device}"
        return _Block(self, type(self).__name__, str(self), caption)

    @property
    def _repr_html_(self):
        show = super()._repr_html_  # an AttributeError where scikit-learn's setting display is "text"
        return lambda: show() + self._network_table()

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] += self._network_table()
        return bundle

    def _network_summary(self) -> tuple[list[tuple[str, str, int]], int, str]:
        """The path, name and number of parameters of each layer with weights; their sum; the device."""
        module = self.net_.module_
        rows = []
        for path, layer in module.named_modules():
            own = sum(weight.numel() for weight in layer.parameters(recurse=False))
            if own:
                rows.append((path, _describe(layer), own))
        return rows, sum(weight.numel() for weight in module.parameters()), str(self.net_.device)

    def _network_table(self) -> str:
        if not self.__sklearn_is_fitted__():
            return ""
        rows, n_parameters, device = self._network_summary()
        lines = [
            f"<tr><td>{html.escape(path)}</td><td>{html.escape(name)}</td><td>{own:,}</td></tr>"
            for path, name, own in rows
        ]
        return (
            f"<details><summary>Network: {_count(n_parameters)} on {html.escape(device)}</summary>"
            "<table><thead><tr><th>Place</th><th>Layer</th><th>Parameters</th></tr></thead>"
            f"<tbody>{''.join(lines)}</tbody></table></details>"
        )


def _count(n_parameters: int) -> str:
    return f"{n_parameters:,} parameter{'' if n_parameters == 1 else 's'}"


def _describe(layer: nn.Module) -> str:
    """The kind of a layer, and from how many features to how many it goes."""
    kind = type(layer).__name__
    if isinstance(layer, nn.Linear):
        return f"{kind} {layer.in_features}→{layer.out_features}"
    if isinstance(layer, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        return f"{kind} {layer.in_channels}→{layer.out_channels} ({'x'.join(map(str, layer.kernel_size))})"
    if isinstance(layer, nn.Embedding):
        return f"{kind} {layer.num_embeddings}→{layer.embedding_dim}"
    if isinstance(layer, nn.RNNBase):
        return f"{kind} {layer.input_size}→{layer.hidden_size}"
    return kind
