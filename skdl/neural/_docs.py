"""The part of the docstrings that all neural estimators have in common, written once."""

import inspect
import re

from skdl.utils import fill_documentation

_TRAINING_PARAMETERS = """\
optimizer : {"sgd", "momentum", "nesterov", "adagrad", "adadelta", "rmsprop", "adam", "adamax", "adamw", "nadam", \
"radam"}, default="adamw"
    The rule by which weights are updated.
lr : float, default=1e-3
    The learning rate.
layer_lr_decay : float, default=1.0
    What the learning rate is multiplied with for each layer between a weight and the output, so that the first layers
    of a network that is already trained change less than the last ones.
weight_decay : float, default=1e-2
    The factor of the penalty on squared weights; "adamw" applies it apart from the gradient.
l1 : float, default=0.0
    The factor of the penalty on absolute weights, added to the gradient as a sign of each weight.
batch_size : int, default=128
    The number of rows of an update. Where a batch holds all distinct rows, each update uses the whole set.
max_epochs : int or "auto", default=100
    The number of passes over the training rows. "auto" passes over 600,000 rows in all, or 60,000 sequences, but at
    least 10 and at most 100 times over each.
early_stopping : bool or "auto", default="auto"
    Whether to hold out some training rows, stop when their loss no longer improves, and return to the weights that
    were best; "auto" does so from 10,000 rows on. Where ``fit`` is given ``X_val`` and ``y_val``, nothing is held out,
    and their loss decides, unless this is False: then it is only recorded.
validation_fraction : float, default=0.1
    The part of the training rows that is held out, in proportion for each class.
patience : int, default=10
    The number of epochs without improvement after which early stopping stops.
schedule : {"cosine", "linear", "step", "one_cycle", "plateau"} or None, default=None
    How the learning rate changes over ``max_epochs``, whether or not early stopping ends sooner; None keeps it.
    "plateau" divides it by ten whenever the validation loss, or the training loss where nothing is held out, has not
    improved for half of ``patience``.
warmup_epochs : float, default=0
    The number of epochs over which the learning rate rises along a line from zero, whatever the schedule does beside.
gradient_clip : float or None, default=None
    The largest norm of the gradient of all weights together; larger ones are scaled down.
gradient_clip_value : float or None, default=None
    The largest absolute value of an entry of the gradient; larger ones are cut off, before the norm is taken.
ema_decay : float or None, default=None
    The decay of an exponential moving average of the weights, 0.999 say, which is what is validated and what predicts;
    None takes the weights themselves. The first steps have a smaller decay: step t at most ``(1 + t) / (10 + t)``.
init_from : fitted neural estimator or None, default=None
    Where training starts from: its network, whose layers must be the same but for the last one, which is new where its
    shape differs, and is kept where there are as many outputs, even if they mean other classes; and what it has learnt
    of its inputs (scales, categories, vocabulary). In a search, wrap it in
    :class:`sklearn.frozen.FrozenEstimator`, since cloning forgets what was learnt.
freeze : str, list of str or None, default=None
    Patterns of the names of weights (``net_.module_.named_parameters()``) that stay as they are; ``*`` stands for
    anything. Batch normalisation whose weights are frozen uses the statistics that it has.
checkpoint : str, path-like or None, default=None
    A directory to write the state of the training to, while it lasts, in a file that is named after parameters, data
    and initial weights. A fit that was killed, and is started again, goes on from there and ends with the same bits;
    one that ends by itself removes its file. What ``callbacks`` remember is not part of it. Needs a ``random_state``.
checkpoint_every : int, default=1
    After how many epochs the state is written.
compile : bool, default=False
    Whether to train by what ``torch.compile`` makes of the network, which takes half a minute or so before the first
    step. An error says where it cannot be compiled.
mixed_precision : bool, "bfloat16" or "float16", default=False
    Whether layers compute in half precision while training; weights and predictions stay in float32. True takes what
    the GPU is fast in, and is refused on a CPU, where "bfloat16" may be asked for by name.
accelerate : bool, default=False
    Whether the processes that ``accelerate launch`` or ``torchrun`` has started together share the work: each runs
    the same script with the same data and seed, computes its part of each batch, and ends with the same network. Needs
    the package accelerate. Batch normalisation and dropout see the part of the batch that a process has.
callbacks : list of skorch callbacks or None, default=None
    Copied and called as in a skorch net. They see class codes in place of labels. A function that makes a callback
    may stand for one: what holds an open file, as TensorBoard's writer does, cannot be cloned, and is shared.
warm_start : bool, default=False
    Whether ``fit`` goes on from the weights of the last one, with a new optimizer.
"""

_CLASSIFIER_PARAMETERS = """\
loss : {"auto", "cross_entropy", "focal"}, default="auto"
    What training minimises. "auto" is cross-entropy, over the labels one by one where y is an indicator matrix;
    "focal" multiplies the term of each class by ``(1 - p)**focal_gamma``, which draws training to the samples that are
    not yet classified well (Lin et al. 2017, https://doi.org/10.1109/ICCV.2017.324).
focal_gamma : float, default=2.0
    The exponent of the focal loss; 0 gives cross-entropy.
label_smoothing : float, default=0.0
    The part of each target, in [0, 1), that is spread evenly over all classes.
class_weight : None, "balanced" or dict, default=None
    Weights of the classes, multiplied into ``sample_weight``.
"""

# Where it is on by itself.
_AUTO_SMOOTHING = """\
label_smoothing : float or "auto", default="auto"
    The part of each target, in [0, 1), that is spread evenly over all classes; "auto" is 0.1 for series, 0 for tokens.
"""

_REGRESSOR_PARAMETERS = """\
loss : {"auto", "squared_error", "absolute_error", "huber", "quantile"}, default="auto"
    What training minimises. "auto" is the squared error, which finds means; the absolute error finds medians; "huber"
    is a square near zero and a line beyond, so that outliers pull less; "quantile" finds quantiles.
huber_delta : float, default=1.0
    Where the Huber loss turns into a line, in standard deviations of y.
quantile : float, default=0.5
    Which quantile the quantile loss finds, in (0, 1).
"""

_RUNNING_PARAMETERS = """\
device : str or torch.device, default="auto"
    Where to compute; see :func:`skdl.set_config`. On a GPU convolutions and recurrent layers round their products to
    about three digits unless ``torch.backends.cudnn.allow_tf32`` is set to False: it is torch's setting, and is left.
verbose : int, default=0
    Shows a progress bar if positive.
random_state : int, RandomState or None, default=None
    Decides initial weights, batches, dropout and the validation rows: the same seed gives the same bits on one
    machine.
"""

_CLASSES = """\
classes_ : ndarray of shape (n_classes,)
    The labels in the order of the outputs; ``arange(n_labels)`` for a multi-label fit.
"""

_ATTRIBUTES = """\
n_outputs_ : int
    The width of the last layer.
n_iter_ : int
    The number of epochs, over all calls since the last new start.
loss_ : float
    The training loss of the last epoch.
history_ : pandas.DataFrame
    One row for each epoch: ``epoch``, ``dur`` (its seconds), ``train_loss``, and ``valid_loss`` where there are rows
    to validate with; besides what skorch (``train_loss_best``, ...) and callbacks record.
net_ : skorch.NeuralNet
    The net that holds the network ``net_.module_``, on its device.
n_features_in_ : int
    The size of the second axis of X.
feature_names_in_ : ndarray of shape (n_features_in_,)
    The names of the columns, where X was a frame with names.
"""

_RAISES = """\
ValueError
    For bad parameters and data; the text names parameter, row and column, and what to do.
skdl.exceptions.DivergenceError
    If the loss becomes NaN or infinite.
"""

_SEQUENCE_PARAMETERS = """\
layout : {"time_first", "channel_first"}, default="time_first"
    Which axis of a series with several channels comes first: ``(n, t, c)`` and ``(t, c)``, or aeon's ``(n, c, t)``
    and ``(c, t)``.
tokenizer : {"word", "character", "integer"}, callable or None, default=None
    None takes numbers. "word" cuts strings into lower-case words and signs, "character" into characters, a callable
    takes a string and returns a list of strings; "integer" takes sequences of whole numbers, each a token.
min_frequency : int, default=2
    How often a token must occur in the training texts to have an embedding; all rarer ones share that of the
    unknown.
max_vocabulary : int or None, default=20000
    How many tokens, the most frequent, have an embedding; None means all.
embedding_dim : int, default=64
    The width of the embedding of a token.
embedding_init : {"lsa", "random"}, default="lsa"
    What embeddings are before training: "lsa" has tokens that stand in the same training texts begin near each other,
    by latent semantic analysis; "random" draws them.
augment : str, list of str, dict of str to float, or None, default="auto"
    How training series are changed at random, never those that are predicted or validated: "crop" (moved),
    "time_warp" (time runs faster and slower), "noise" and "cutout", with strengths in a dict; see
    :class:`skdl.nn.Augmentation`. "auto" is ``{"time_warp": 0.3, "noise": 0.3}`` for series whose classes a nearest
    neighbour tells better after dynamic time warping than before, and else nothing.
"""

_SEQUENCE_ATTRIBUTES = """\
n_channels_ : int
    The number of channels of a series; 1 for tokens.
vocabulary_ : ndarray of shape (n_tokens,)
    The tokens with an embedding of their own, sorted; empty where X holds numbers.
augment_ : dict of str to float
    How training series were changed, with strengths; empty for not at all.
"""

_SEQUENCE_INPUTS = """\
X may be a table ``(n, t)``, each row a series of one channel; an array ``(n, t, c)``, or ``(n, c, t)`` with
``layout``; a list of n arrays ``(t,)`` or ``(t, c)`` of unequal lengths; a frame with a series in each cell, one
column for each channel, as sktime has them; or, with ``tokenizer``, texts. NaN behind the last step, in all
channels, is padding; anywhere else it is an error. Only a table has to keep its width between ``fit`` and
``predict``. Channels are standardised inside by the real steps of the training rows. Rows of like lengths are
trained on together, and how a sequence is padded, or what stands beside it, changes nothing in its prediction.

Embeddings of tokens begin with the left singular vectors of the table of which token stands in which training text
(Deerwester, S. et al. 1990, https://doi.org/10.1002/(SICI)1097-4571(199009)41:6<391::AID-ASI1>3.0.CO;2-9), times the
roots of the singular values, and a little noise; labels have no part in it. That takes less time than an epoch.

Whether classes of series are told better after time warping is found by leaving out one of 128 training series, of 128
steps, after the other (see :mod:`skdl.kernels.warping`), in some tenths of a second. There when things happen tells
little, and few training series show too few of the times at which they may; where it tells much, changed series would
teach what is wrong.
"""


def share_documentation(cls: type) -> type:
    """Fill the lines of a class's docstring that stand for what families share, ``<training parameters>`` say.

    Parameters
    ----------
    cls : type
        A neural estimator.

    Returns
    -------
    type
        The same class.
    """
    parameters = {name: item.default for name, item in inspect.signature(cls).parameters.items()}

    def state_default(match: re.Match) -> str:
        return f"{match['head']}{parameters[match['name']]!r}".replace("'", '"')

    # Families differ in how fast and how long they train: each states its own defaults.
    classifies = "class_weight" in parameters
    training = _TRAINING_PARAMETERS + (_CLASSIFIER_PARAMETERS if classifies else _REGRESSOR_PARAMETERS)
    if parameters.get("label_smoothing") == "auto":
        training = re.sub(r"(?m)^label_smoothing : .*\n    .*\n", _AUTO_SMOOTHING, training)
    training = re.sub(r"(?m)^(?P<head>(?P<name>\w+) : .*default=).*$", state_default, training)
    texts = {
        "training parameters": training + _RUNNING_PARAMETERS,
        "attributes": _CLASSES * classifies + _ATTRIBUTES,
        "errors": _RAISES,
        "sequence parameters": _SEQUENCE_PARAMETERS,
        "sequence attributes": _SEQUENCE_ATTRIBUTES,
        "sequence inputs": _SEQUENCE_INPUTS,
    }

    fill_documentation(cls, texts)
    return cls
