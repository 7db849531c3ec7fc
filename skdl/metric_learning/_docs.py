"""The parts of the docstrings that all metric learners have in common, written once."""

from skdl.utils import fill_documentation

_PARTS = {
    "n_components": """\
n_components : int or None, default=None
    The number of columns after ``transform``; None keeps as many as come in.""",
    "kernel": """\
kernel : str, callable or None, default=None
    None learns a linear map of the columns. A name that :class:`sklearn.decomposition.KernelPCA` takes ("rbf", "poly",
    "cosine", ...) or a callable of two rows learns it in the space of that kernel, by the components of kernel PCA.
kernel_params : dict or None, default=None
    More parameters of :class:`sklearn.decomposition.KernelPCA`: ``gamma``, ``degree``, ``coef0``, ``n_components``.""",
    "init": """\
init : {"auto", "pca", "lda", "identity", "random"} or array-like of shape (n_components, n_features), default="auto"
    Where to start. "auto" takes "lda" where there are more classes than ``n_components``, else "pca" where columns are
    to become fewer, else "identity"; "random" draws from a normal distribution.""",
    "init regression": """\
init : {"auto", "pca", "identity", "random"} or array-like of shape (n_components, n_features), default="auto"
    Where to start. "auto" takes "pca" where columns are to become fewer, else "identity"; "random" draws from a normal
    distribution.""",
    "device": """\
device : str or torch.device, default="auto"
    Where to compute: ``"auto"`` takes CUDA where there is a device, else the CPU.""",
    "verbose": """\
verbose : int, default=0
    Positive values show a progress bar.""",
    "random_state": """\
random_state : int, RandomState instance or None, default=None
    The seed of what is drawn.""",
    "attributes": """\
components_ : ndarray of shape (n_components, n_features)
    The linear map L; the distance of two rows is the length of ``L (a - b)``. With a kernel its columns are the
    components of kernel PCA.
feature_names_in_ : ndarray of shape (n_features,)
    The names of the columns, where X had names.
n_features_in_ : int
    The number of columns.""",
    "errors": """\
ValueError
    If X holds NaN or infinity, rows and targets do not fit together, or a parameter is out of its range.""",
    "kernel reference": """\
Chatpatanasiri, R., Korsrilabutr, T., Tangchanachaianan, P. & Kijsirikul, B. (2010). A new kernelization framework for
Mahalanobis distance learning algorithms. Neurocomputing 73(10-12), 1570-1579.
https://doi.org/10.1016/j.neucom.2009.11.037""",
}


def share_documentation(cls):
    """Put the common parts in place of their names in a class's docstring."""
    fill_documentation(cls, _PARTS)
    return cls
