"""Writing fitted networks, and what stands before them in a pipeline, as ONNX graphs."""

from sklearn.utils.validation import check_is_fitted

from skdl.persistence._files import replace_file

__all__ = ["to_onnx"]


def to_onnx(estimator, X, path=None):
    """Export a fitted network as one ONNX graph, from the raw input to predictions.

    Use it to predict where there is no Python, or none of these packages: ONNX Runtime and others run the graph from
    C++, Java, C# and JavaScript. To go on in Python, :func:`skdl.save` keeps the whole estimator. Needs
    ``pip install 'skdl[onnx]'``.

    Parameters
    ----------
    estimator : estimator
        Fitted: any classifier or regressor of :mod:`skdl.neural` that takes numbers (not texts or tokens); a pipeline
        that ends in one, of ``StandardScaler``, ``MinMaxScaler``, ``MaxAbsScaler``, ``RobustScaler``,
        ``SimpleImputer``, ``Normalizer``, ``PCA``, ``VarianceThreshold`` and ``SelectKBest``; a search whose
        ``best_estimator_`` is such a one.
    X : array-like or frame of shape (n, d) or (n, ...)
        Some samples as ``predict`` takes them. Only their shape and type matter: the graph takes as many rows as it is
        given, of this shape, float32 if X is, float64 otherwise, and bytes for pictures if X holds bytes. Series have
        the length of those in X; shorter ones are filled up with NaN behind their ends.
    path : str, path-like or None, default=None
        Where to write the graph. The usual ending is ``.onnx``. None writes nothing.

    Returns
    -------
    onnx.ModelProto
        The graph. Its input is "X". Columns of a table that hold words are apart from it, each an input of its own,
        strings of shape (n, 1), named ``column_`` and the column's name, or its number where the table had no names; an
        empty string is a missing value, if ``missing_values="indicator"`` and no category is empty. "X" then holds the
        other columns, in their order.

        Its outputs are "probabilities", float64 of shape (n, n_classes), and "label_index", int64 of shape (n,), the
        place in ``classes_``, which stand as JSON under "classes" in the graph's ``metadata_props``. For labels of a
        multi-label fit "label_index" is the 0/1 indicator matrix. For regressors it is "predictions", float64 of shape
        (n,) or (n, n_outputs).

    Raises
    ------
    ValueError
        If a step or an option cannot be exported; the message says which, and what can.
    ImportError
        If onnx or onnxscript is not installed, or torch is older than 2.8.

    See Also
    --------
    save : Keep any estimator, for Python.

    Notes
    -----
    Scaling, embeddings of categories, softmax and the scale of the targets are inside the graph. It computes as the
    estimator does, the network in float32 and what stands around it in float64, with other routines, so that results
    agree up to float32 rounding, about 1e-6, or 1e-5 for large networks. The steps of a pipeline are computed in
    float64 also where X is float32, and scikit-learn would round between them. The graph does not check its input: what
    ``predict`` refuses (infinite values, say) gives something.

    Export takes some seconds and a few copies of the weights; a graph of 2 GiB or more cannot be made.

    Examples
    --------
    >>> import onnxruntime
    >>> from sklearn.datasets import load_wine
    >>> import skdl
    >>> from skdl.neural import MLPClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> model = MLPClassifier((16,), max_epochs=20, random_state=0).fit(X, y)
    >>> graph = skdl.to_onnx(model, X)
    >>> session = onnxruntime.InferenceSession(graph.SerializeToString())
    >>> probabilities, label_index = session.run(None, {"X": X[:5]})
    >>> bool(abs(probabilities - model.predict_proba(X[:5])).max() < 1e-5)
    True
    """
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401 (torch's exporter needs it)
    except ImportError as error:
        raise ImportError("skdl.to_onnx needs onnx and onnxscript: pip install 'skdl[onnx]'.") from error
    import torch

    if not hasattr(torch.onnx, "ops"):
        raise ImportError(f"skdl.to_onnx needs torch 2.8 or newer; this is torch {torch.__version__}.")
    from skdl.persistence._onnx_graph import export_graph

    estimator = getattr(estimator, "best_estimator_", estimator)
    check_is_fitted(estimator)
    model = export_graph(estimator, X)
    if path is not None:
        replace_file(path, model.SerializeToString())
    return model
