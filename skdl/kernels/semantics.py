"""What tokens mean, as far as the texts that they stand in tell: latent semantic analysis."""

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from skdl.kernels.threads import one_torch_thread
from skdl.utils import derive_keys, random_normal

# Directions beyond those wanted, and passes over the texts. The first directions are found to two digits or more; the
# last of a flat spectrum are some of those that could be, which serve as well.
_MORE_DIRECTIONS = 10
_PASSES = 5

# Squares of singular values below this share of the largest are nothing but rounding.
_ROUNDING = 1e-12


def latent_semantics(
    codes: np.ndarray, n_tokens: int, n_components: int, seed: int, weight: np.ndarray | None = None
) -> Tensor:
    """Give each token a vector, near those of tokens that stand in the same texts (Deerwester et al. 1990).

    The table of which token stands in which text, each token weighted by the logarithm of how rare it is, is factorised
    by its largest singular values; tokens get their left vectors times the roots of these, which serves better than the
    values themselves (Levy, Goldberg & Dagan 2015). Whole numbers of the weights count as copies of the texts.

    Parameters
    ----------
    codes : ndarray of int of shape (n, t)
        The tokens of each text from 0 on; what is negative is none.
    n_tokens : int
        How many different tokens there are.
    n_components : int
        The most components that the vectors may have.
    seed : int
        Of the directions that the iteration begins with.
    weight : ndarray of shape (n,) or None, default=None
        How much each text counts.

    Returns
    -------
    Tensor of float64 of shape (n_tokens, k)
        Of mean square one; k is less than ``n_components`` where texts or tokens are fewer or tell less, and may be
        0. Of each column the number of largest magnitude is positive.

    References
    ----------
    Deerwester, S. et al. (1990). Indexing by latent semantic analysis. JASIS 41, 391-407.
    https://doi.org/10.1002/(SICI)1097-4571(199009)41:6<391::AID-ASI1>3.0.CO;2-9

    Levy, O., Goldberg, Y. & Dagan, I. (2015). Improving distributional similarity with lessons learned from word
    embeddings. TACL 3, 211-225. https://doi.org/10.1162/tacl_a_00134

    Halko, N., Martinsson, P. G. & Tropp, J. A. (2011). Finding structure with randomness. SIAM Review 53, 217-288.
    https://doi.org/10.1137/090771806
    """
    presence = _presence(codes, n_tokens, weight)  # (n, n_tokens)
    columns = presence.T.tocsr()
    width = min(n_components + _MORE_DIRECTIONS, *presence.shape)
    start = random_normal(derive_keys(seed, "semantics", 0), n_tokens * width).view(n_tokens, width)
    # The bits of small products depend on how many threads share them.
    with one_torch_thread():
        basis = start.double()
        for _ in range(_PASSES):
            basis = torch.linalg.qr(torch.from_numpy(columns @ (presence @ basis.numpy())))[0]  # (n_tokens, width)
        texts = torch.from_numpy(presence @ basis.numpy())  # (n, width)
        squares, turn = torch.linalg.eigh(texts.T @ texts)
        squares, turn = squares.flip(0), turn.flip(1)
        n_kept = min(n_components, int((squares > _ROUNDING * squares[0]).sum()))
        squares, turn = squares[:n_kept], turn[:, :n_kept]
        vectors = (basis @ turn) * squares.sqrt().sqrt()
    vectors *= vectors.gather(0, vectors.abs().argmax(dim=0, keepdim=True)).sign()
    return vectors / vectors.square().mean().sqrt()


def _presence(codes: np.ndarray, n_tokens: int, weight: np.ndarray | None) -> sparse.csr_array:
    """Which token is in which text ``(n, n_tokens)``, times the root of the text's weight and the token's rarity."""
    codes = np.sort(codes, axis=1)
    first = np.ones(codes.shape, dtype=bool)
    first[:, 1:] = codes[:, 1:] != codes[:, :-1]
    first &= codes >= 0
    tokens, counts = codes[first], first.sum(axis=1)
    weight = np.ones(len(codes)) if weight is None else weight.astype(np.float64)
    of_text = np.repeat(weight, counts)
    found = np.bincount(tokens, of_text, minlength=n_tokens)
    rarity = np.log(weight.sum() / np.where(found > 0, found, weight.sum()))
    values = rarity[tokens] * np.sqrt(of_text)
    return sparse.csr_array((values, tokens, np.append(0, np.cumsum(counts))), shape=(len(codes), n_tokens))
