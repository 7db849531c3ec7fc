"""Convolutional networks for images and series."""

from skdl.neural._docs import share_documentation
from skdl.neural._images import ImageNetwork
from skdl.neural._tasks import NeuralClassifierMixin, NeuralRegressorMixin


@share_documentation
class CNNClassifier(NeuralClassifierMixin, ImageNetwork):
    """A convolutional network that classifies images, or series of one channel.

    Use it where neighbouring values of a sample belong together: pictures, spectra, sensor readings. Several classes,
    or several labels at once (a 0/1 indicator matrix), are taken.

    Parameters
    ----------
    architecture : {"auto", "lenet", "alexnet", "vgg11", "vgg13", "vgg16", "vgg19", "nin", "googlenet", "resnet18", \
"resnet34", "resnet50", "senet", "mobilenet", "dilated", "multiscale"} or callable, default="auto"
        The network. "auto" is small and good, a residual network where X holds series; the others are those of their
        papers at the papers' size, with a stem that keeps the resolution on images below 64 pixels (see
        :mod:`skdl.nn.cnn`). A callable takes ``(in_channels, size, n_outputs)``, ``size`` being ``(h, w)`` or
        ``(t,)``, and returns a module, which gives ``(n, n_outputs)``: one of timm, say, by
        ``lambda c, size, k: timm.create_model("resnet18", in_chans=c, num_classes=k)``.
    image_shape : tuple of int or None, default=None
        The shape of a sample, where X holds flat rows; None takes the shape that X has.
    channels : {"auto", "first", "last"}, default="auto"
        Which axis of a sample holds the channels. "auto" takes the last of three where its length is at most 4 and the
        first one's is not, else the first; and samples with two axes for images of one channel. With "first" or "last"
        they are series of several channels, (c, t) or (t, c).
    augment : str, list of str, dict of str to float, "auto" or None, default="auto"
        How training samples are changed at random, on the device, never those that are predicted or validated: "flip",
        "vertical_flip", "crop" (moved), "rotation", "scaling", "color", "noise", "cutout", "mixup", "cutmix" (a patch
        of another image), and "time_warp" for series, with strengths in a dict; see :class:`skdl.nn.Augmentation`.
        "auto" is what it is for :class:`RNNClassifier`; images stay as they are then.
    <training parameters>

    Attributes
    ----------
    augment_ : dict of str to float
        How training samples were changed, with strengths; empty for not at all.
    <attributes>

    Raises
    ------
    <errors>

    See Also
    --------
    CNNRegressor : The same for numbers.

    Notes
    -----
    X may be images ``(n, h, w)``, ``(n, c, h, w)`` or ``(n, h, w, c)``, of bytes or floats, or rows ``(n, t)``, which
    are series of length t and go through one-dimensional kernels, unless ``image_shape`` says otherwise; series of
    several channels are told from images by ``channels``. Channels are standardised inside by the training rows, on the
    device; bytes stay bytes until then.

    Cost: dominated by the convolutions, 6 floating-point operations for each row, weight and place a kernel is applied
    at, and epoch; memory for X as it came (bytes stay bytes) and the maps of a batch.

    scikit-learn has no convolutional network. Ctrl-C ends training and leaves a model that predicts, with a warning.

    References
    ----------
    LeCun, Y., Bottou, L., Bengio, Y. & Haffner, P. (1998). Gradient-based learning applied to document recognition.
    Proceedings of the IEEE 86, 2278-2324. https://doi.org/10.1109/5.726791

    The papers of the other architectures stand in :mod:`skdl.nn.cnn`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl.neural import CNNClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = CNNClassifier("lenet", image_shape=(8, 8), max_epochs=10, random_state=0).fit(X[:1000], y[:1000])
    >>> bool(model.score(X[1000:], y[1000:]) > 0.9)
    True
    """

    def __init__(
        self,
        architecture="auto",
        *,
        image_shape=None,
        channels="auto",
        augment="auto",
        optimizer="adamw",
        lr=3e-3,
        layer_lr_decay=1.0,
        weight_decay=1e-2,
        l1=0.0,
        batch_size=32,
        max_epochs="auto",
        early_stopping="auto",
        validation_fraction=0.1,
        patience=10,
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
class CNNRegressor(NeuralRegressorMixin, ImageNetwork):
    """A convolutional network that predicts numbers from images, or from series of one channel.

    Use it where neighbouring values of a sample belong together: pictures, spectra, sensor readings. Several targets at
    once are taken.

    Parameters
    ----------
    architecture : {"auto", "lenet", "alexnet", "vgg11", "vgg13", "vgg16", "vgg19", "nin", "googlenet", "resnet18", \
"resnet34", "resnet50", "senet", "mobilenet", "dilated", "multiscale"} or callable, default="auto"
        The network. "auto" is small and good, a residual network where X holds series; the others are those of their
        papers at the papers' size, with a stem that keeps the resolution on images below 64 pixels (see
        :mod:`skdl.nn.cnn`). A callable takes ``(in_channels, size, n_outputs)``, ``size`` being ``(h, w)`` or
        ``(t,)``, and returns a module, which gives ``(n, n_outputs)``: one of timm, say, by
        ``lambda c, size, k: timm.create_model("resnet18", in_chans=c, num_classes=k)``.
    image_shape : tuple of int or None, default=None
        The shape of a sample, where X holds flat rows; None takes the shape that X has.
    channels : {"auto", "first", "last"}, default="auto"
        Which axis of a sample holds the channels. "auto" takes the last of three where its length is at most 4 and the
        first one's is not, else the first; and samples with two axes for images of one channel. With "first" or "last"
        they are series of several channels, (c, t) or (t, c).
    augment : str, list of str, dict of str to float, "auto" or None, default="auto"
        How training samples are changed at random, on the device, never those that are predicted or validated: "flip",
        "vertical_flip", "crop" (moved), "rotation", "scaling", "color", "noise", "cutout", "mixup", "cutmix" (a patch
        of another image), and "time_warp" for series, with strengths in a dict; see :class:`skdl.nn.Augmentation`.
        "auto" is what it is for :class:`RNNClassifier`; images stay as they are then.
    <training parameters>

    Attributes
    ----------
    augment_ : dict of str to float
        How training samples were changed, with strengths; empty for not at all.
    <attributes>

    Raises
    ------
    <errors>

    See Also
    --------
    CNNClassifier : The same for classes.

    Notes
    -----
    X may be images ``(n, h, w)``, ``(n, c, h, w)`` or ``(n, h, w, c)``, of bytes or floats, or rows ``(n, t)``, which
    are series of length t and go through one-dimensional kernels, unless ``image_shape`` says otherwise; series of
    several channels are told from images by ``channels``. Channels are standardised inside by the training rows, on the
    device; bytes stay bytes until then.

    Cost: dominated by the convolutions, 6 floating-point operations for each row, weight and place a kernel is applied
    at, and epoch; memory for X as it came (bytes stay bytes) and the maps of a batch.

    scikit-learn has no convolutional network. Ctrl-C ends training and leaves a model that predicts, with a warning.

    References
    ----------
    LeCun, Y., Bottou, L., Bengio, Y. & Haffner, P. (1998). Gradient-based learning applied to document recognition.
    Proceedings of the IEEE 86, 2278-2324. https://doi.org/10.1109/5.726791

    The papers of the other architectures stand in :mod:`skdl.nn.cnn`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl.neural import CNNRegressor
    >>> X, y = load_digits(return_X_y=True)
    >>> model = CNNRegressor("lenet", image_shape=(8, 8), max_epochs=10, random_state=0).fit(X[:1000], y[:1000])
    >>> bool(model.score(X[1000:], y[1000:]) > 0.6)
    True
    """

    def __init__(
        self,
        architecture="auto",
        *,
        image_shape=None,
        channels="auto",
        augment="auto",
        optimizer="adamw",
        lr=3e-3,
        layer_lr_decay=1.0,
        weight_decay=1e-2,
        l1=0.0,
        batch_size=32,
        max_epochs="auto",
        early_stopping="auto",
        validation_fraction=0.1,
        patience=10,
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
