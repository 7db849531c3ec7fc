"""Trees as drawings."""

from typing import Any

from skdl.tree._branches import Condition, View

__all__ = ["plot_tree"]


def plot_tree(
    decision_tree,
    *,
    max_depth=None,
    feature_names=None,
    class_names=None,
    filled=False,
    precision=3,
    ax=None,
    fontsize=None,
):
    """Draw a tree, with any number of branches at a node.

    Parameters
    ----------
    decision_tree : DecisionTreeClassifier or DecisionTreeRegressor
        A fitted tree.
    max_depth : int, default=None
        Deeper nodes are left out; None draws all.
    feature_names, class_names : sequence of str, default=None
        None takes what ``fit`` saw.
    filled : bool, default=False
        Whether boxes are coloured by the predicted class.
    precision : int, default=3
        Digits of thresholds and values.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; None takes the current axes.
    fontsize : int, default=None
        Size of the text in points; None takes matplotlib's.

    Returns
    -------
    list of matplotlib.text.Annotation
        One for each node that was drawn.

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import load_iris
    >>> from skdl.tree import DecisionTreeClassifier, plot_tree
    >>> tree = DecisionTreeClassifier(max_depth=2).fit(*load_iris(return_X_y=True))
    >>> len(plot_tree(tree))
    5
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError("plot_tree draws with matplotlib: pip install 'skdl[plot]'.") from None

    view = View(decision_tree, feature_names, class_names)
    ax = plt.gca() if ax is None else ax
    ax.set_axis_off()
    drawn, x, depth = _layout(view, max_depth)
    width, height = max(x.values()) + 1.0, max(depth.values()) + 1.0
    colours = plt.get_cmap("Pastel1")
    notes = []
    for node, parent, condition in drawn:
        text = _box(view, node, precision)
        here = ((x[node] + 0.5) / width, 1.0 - (depth[node] + 0.5) / height)
        face: Any = "white"
        if filled and view.class_names is not None:
            face = colours(int(view.value(node)[0].argmax()) % colours.N)
        common = {"xycoords": "axes fraction", "ha": "center", "va": "center", "fontsize": fontsize}
        box = {"boxstyle": "round", "facecolor": face, "edgecolor": "black"}
        if parent is None:
            notes.append(ax.annotate(text, here, bbox=box, **common))
            continue
        above = ((x[parent] + 0.5) / width, 1.0 - (depth[parent] + 0.5) / height)
        arrow = {"arrowstyle": "<-"}
        notes.append(
            ax.annotate(text, above, xytext=here, textcoords="axes fraction", arrowprops=arrow, bbox=box, **common)
        )
        middle = ((here[0] + above[0]) / 2.0, (here[1] + above[1]) / 2.0)
        ax.text(*middle, view.text(condition, precision), transform=ax.transAxes, ha="center", fontsize=fontsize)
    return notes


def _layout(view: View, max_depth):
    """The nodes in drawing order as (node, parent, condition), and their places: leaves side by side, parents
    midway.
    """
    drawn: list[tuple[int, int | None, Condition | None]] = []
    depth, children = {0: 0}, {}
    waiting: list[tuple[int, int | None, Condition | None]] = [(0, None, None)]
    while waiting:
        node, parent, condition = waiting.pop()
        drawn.append((node, parent, condition))
        branches = view.children(node) if max_depth is None or depth[node] < max_depth else []
        children[node] = [child for _, child in branches]
        for test, child in reversed(branches):
            depth[child] = depth[node] + 1
            waiting.append((child, node, test))
    x: dict[int, float] = {}
    place = 0.0
    for node, _, _ in drawn:
        if not children[node]:
            x[node] = place
            place += 1.0
    for node, _, _ in reversed(drawn):
        if children[node]:
            x[node] = sum(x[child] for child in children[node]) / len(children[node])
    return drawn, x, depth


def _box(view: View, node: int, precision: int) -> str:
    lines = [f"samples = {view.weight(node):.{precision}g}"]
    if view.class_names is not None:
        lines.append(f"class = {view.label(node)}")
    else:
        values = view.value(node)
        lines.append("value = " + ", ".join(f"{number:.{precision}g}" for number in values.ravel()))
    return "\n".join(lines)
