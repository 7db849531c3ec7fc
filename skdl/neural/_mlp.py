"""Multi-layer perceptrons for tables."""

from skdl.neural._docs import share_documentation
from skdl.neural._table import TableNetwork
from skdl.neural._tasks import NeuralClassifierMixin, NeuralRegressorMixin


@share_documentation
class MLPClassifier(NeuralClassifierMixin, TableNetwork):
    """A multi-layer perceptron that classifies tables.

    Use it on tables of numbers and categories, from a few hundred rows up, where logistic regression is too stiff
    and gradient-boosted trees are to be matched or complemented in an ensemble. Several classes, or several labels at
    once (a 0/1 indicator matrix), are taken.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default=(128, 128)
        The widths of the hidden layers; an empty one gives a linear model.
    activation : {"relu", "gelu", "silu", "mish", "elu", "selu", "leaky_relu", "softplus", "hardswish", "tanh", \
"sigmoid", "identity"}, default="relu"
        What follows each hidden layer.
    normalization : {"batch", "layer"} or None, default=None
        What stands before each activation; in residual blocks at their head, and before the last layer. Statistics of
        a batch count rows, whatever their weights.
    residual : bool, default=False
        Whether there is a residual block for each hidden size in place of a bare layer: normalise, linear to that
        size, activation, dropout, linear back, added to what came in, all blocks as wide as the first hidden size.
    weight_init : {"auto", "xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal", "lecun_uniform", \
"lecun_normal", "orthogonal"}, default="auto"
        How initial weights are drawn; see :func:`skdl.nn.initialize`. "auto" is torch's way.
    dropout : float, default=0.1
        The probability of zeroing a hidden value while training.
    scaling : {"robust", "standard"} or None, default="robust"
        What is done to numeric columns, by statistics of the training rows: "robust" centres by the median, scales by
        the quartiles and clips smoothly; "standard" gives mean 0 and variance 1; None leaves them alone.
    categorical_features : "from_dtype", None or array-like of bool, int or str, default="from_dtype"
        Which columns are categories and get an embedding: those of a categorical dtype in a frame, none, or those given
        by mask, position or name. A category that ``fit`` did not see is embedded as zero.
    numeric_embedding : {"periodic", "piecewise_linear"} or None, default=None
        What scaled numeric columns go through first: "periodic" makes 12 values of each from sines and cosines of
        learnt frequencies, "piecewise_linear" one value for each of up to 32 bins that hold equally many training
        rows. Both help where the target changes fast along a column, and cost time.
    missing_values : {"error", "indicator"}, default="error"
        What is done about NaN and missing categories: they are refused; or a missing number becomes the centre of its
        column and a missing category one of its own, and each numeric column that had missing values in ``fit`` gets
        an indicator beside it.
    <training parameters>

    Attributes
    ----------
    coefs_ : list of ndarray, each of shape (n_in, n_out)
        The weights of the layers.
    intercepts_ : list of ndarray, each of shape (n_out,)
        The biases of the layers.
    <attributes>

    Raises
    ------
    <errors>

    See Also
    --------
    MLPRegressor : The same for numbers.

    Notes
    -----
    Cost: one epoch takes about 6 floating-point operations for each row and weight, and memory for the float32 table,
    the weights and twice the weights for the optimizer; predicting takes 2 operations for each row and weight.

    Differences from scikit-learn's class of the same name: parameters carry torch's names (``lr`` for
    ``learning_rate_init``, ``weight_decay`` for ``alpha``, ``max_epochs`` for ``max_iter``); columns are scaled inside;
    categories are embedded; computation is in float32; training ends after ``max_epochs`` or by the validation loss,
    never by the training loss. With more distinct rows than ``batch_size``, a weight of 2 is close to, but not the same
    as, a row that stands twice.

    Ctrl-C ends training and leaves a model that predicts, with a warning.

    References
    ----------
    Rumelhart, D. E., Hinton, G. E. & Williams, R. J. (1986). Learning representations by back-propagating errors.
    Nature 323, 533-536. https://doi.org/10.1038/323533a0

    Gorishniy, Y., Rubachev, I., Khrulkov, V. & Babenko, A. (2021). Revisiting deep learning models for tabular data.
    NeurIPS. https://doi.org/10.48550/arXiv.2106.11959

    Gorishniy, Y., Rubachev, I. & Babenko, A. (2022). On embeddings for numerical features in tabular deep learning.
    NeurIPS. https://doi.org/10.48550/arXiv.2203.05556

    Loshchilov, I. & Hutter, F. (2019). Decoupled weight decay regularization. ICLR. https://doi.org/10.48550/arXiv.1711.05101

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.neural import MLPClassifier
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> model = MLPClassifier(hidden_layer_sizes=(32,), lr=0.01, random_state=0).fit(X, y)
    >>> model.predict(X.head(2))
    array([0, 0])
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    def __init__(
        self,
        hidden_layer_sizes=(128, 128),
        *,
        activation="relu",
        normalization=None,
        residual=False,
        weight_init="auto",
        dropout=0.1,
        scaling="robust",
        categorical_features="from_dtype",
        numeric_embedding=None,
        missing_values="error",
        optimizer="adamw",
        lr=3e-3,
        layer_lr_decay=1.0,
        weight_decay=1e-2,
        l1=0.0,
        batch_size=128,
        max_epochs=100,
        early_stopping="auto",
        validation_fraction=0.1,
        patience=20,
        schedule="cosine",
        warmup_epochs=0,
        gradient_clip=None,
        gradient_clip_value=None,
        ema_decay=None,
        init_from=None,
        freeze=None,
        checkpoint=None,
        checkpoint_every=1,
        compile=False,
        mixed_precision=False,
        accelerate=False,
        callbacks=None,
        warm_start=False,
        loss="auto",
        focal_gamma=2.0,
        label_smoothing=0.0,
        class_weight=None,
        device="auto",
        verbose=0,
        random_state=None,
    ):
        self._store(locals())


@share_documentation
class MLPRegressor(NeuralRegressorMixin, TableNetwork):
    """A multi-layer perceptron that predicts numbers from tables.

    Use it on tables of numbers and categories, from a few hundred rows up, where a linear model is too stiff
    and gradient-boosted trees are to be matched or complemented in an ensemble. Several targets at once are taken.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default=(128, 128)
        The widths of the hidden layers; an empty one gives a linear model.
    activation : {"relu", "gelu", "silu", "mish", "elu", "selu", "leaky_relu", "softplus", "hardswish", "tanh", \
"sigmoid", "identity"}, default="relu"
        What follows each hidden layer.
    normalization : {"batch", "layer"} or None, default=None
        What stands before each activation; in residual blocks at their head, and before the last layer. Statistics of
        a batch count rows, whatever their weights.
    residual : bool, default=False
        Whether there is a residual block for each hidden size in place of a bare layer: normalise, linear to that
        size, activation, dropout, linear back, added to what came in, all blocks as wide as the first hidden size.
    weight_init : {"auto", "xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal", "lecun_uniform", \
"lecun_normal", "orthogonal"}, default="auto"
        How initial weights are drawn; see :func:`skdl.nn.initialize`. "auto" is torch's way.
    dropout : float, default=0.1
        The probability of zeroing a hidden value while training.
    scaling : {"robust", "standard"} or None, default="robust"
        What is done to numeric columns, by statistics of the training rows: "robust" centres by the median, scales by
        the quartiles and clips smoothly; "standard" gives mean 0 and variance 1; None leaves them alone.
    categorical_features : "from_dtype", None or array-like of bool, int or str, default="from_dtype"
        Which columns are categories and get an embedding: those of a categorical dtype in a frame, none, or those given
        by mask, position or name. A category that ``fit`` did not see is embedded as zero.
    numeric_embedding : {"periodic", "piecewise_linear"} or None, default=None
        What scaled numeric columns go through first: "periodic" makes 12 values of each from sines and cosines of
        learnt frequencies, "piecewise_linear" one value for each of up to 32 bins that hold equally many training
        rows. Both help where the target changes fast along a column, and cost time.
    missing_values : {"error", "indicator"}, default="error"
        What is done about NaN and missing categories: they are refused; or a missing number becomes the centre of its
        column and a missing category one of its own, and each numeric column that had missing values in ``fit`` gets
        an indicator beside it.
    <training parameters>

    Attributes
    ----------
    coefs_ : list of ndarray, each of shape (n_in, n_out)
        The weights of the layers.
    intercepts_ : list of ndarray, each of shape (n_out,)
        The biases of the layers.
    <attributes>

    Raises
    ------
    <errors>

    See Also
    --------
    MLPClassifier : The same for classes.

    Notes
    -----
    Cost: one epoch takes about 6 floating-point operations for each row and weight, and memory for the float32 table,
    the weights and twice the weights for the optimizer; predicting takes 2 operations for each row and weight.

    Differences from scikit-learn's class of the same name: parameters carry torch's names (``lr`` for
    ``learning_rate_init``, ``weight_decay`` for ``alpha``, ``max_epochs`` for ``max_iter``); columns and targets are
    scaled inside; categories are embedded; computation is in float32; training ends after ``max_epochs`` or by the
    validation loss, never by the training loss. With more distinct rows than ``batch_size``, a weight of 2 is close to,
    but not the same as, a row that stands twice.

    Ctrl-C ends training and leaves a model that predicts, with a warning.

    References
    ----------
    Rumelhart, D. E., Hinton, G. E. & Williams, R. J. (1986). Learning representations by back-propagating errors.
    Nature 323, 533-536. https://doi.org/10.1038/323533a0

    Gorishniy, Y., Rubachev, I., Khrulkov, V. & Babenko, A. (2021). Revisiting deep learning models for tabular data.
    NeurIPS. https://doi.org/10.48550/arXiv.2106.11959

    Gorishniy, Y., Rubachev, I. & Babenko, A. (2022). On embeddings for numerical features in tabular deep learning.
    NeurIPS. https://doi.org/10.48550/arXiv.2203.05556

    Loshchilov, I. & Hutter, F. (2019). Decoupled weight decay regularization. ICLR. https://doi.org/10.48550/arXiv.1711.05101

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdl.neural import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressor(hidden_layer_sizes=(32,), max_epochs=50, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.4)
    True
    """

    def __init__(
        self,
        hidden_layer_sizes=(128, 128),
        *,
        activation="relu",
        normalization=None,
        residual=False,
        weight_init="auto",
        dropout=0.1,
        scaling="robust",
        categorical_features="from_dtype",
        numeric_embedding=None,
        missing_values="error",
        optimizer="adamw",
        lr=3e-3,
        layer_lr_decay=1.0,
        weight_decay=1e-2,
        l1=0.0,
        batch_size=128,
        max_epochs=100,
        early_stopping="auto",
        validation_fraction=0.1,
        patience=20,
        schedule="cosine",
        warmup_epochs=0,
        gradient_clip=None,
        gradient_clip_value=None,
        ema_decay=None,
        init_from=None,
        freeze=None,
        checkpoint=None,
        checkpoint_every=1,
        compile=False,
        mixed_precision=False,
        accelerate=False,
        callbacks=None,
        warm_start=False,
        loss="auto",
        huber_delta=1.0,
        quantile=0.5,
        device="auto",
        verbose=0,
        random_state=None,
    ):
        self._store(locals())
