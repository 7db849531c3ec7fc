"""Losses of embeddings: how far apart the rows of a batch lie, like and unlike ones.

Each function takes a batch and gives a mean; memory is a few matrices of n x n numbers, whatever the width d, since
sums over the triplets of a batch are read off sorted rows.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MINING = ("hard", "semi_hard", "distance_weighted")

# Distances on the unit sphere below which a negative is drawn no more often, and beyond which no less often: nearer
# ones are noise, and farther than at right angles they are rare but teach nothing.
_NEAREST, _FARTHEST = 0.5, 2.0**0.5


def distances(a: Tensor, b: Tensor) -> Tensor:
    """Return Euclidean distances ``(n, m)`` of rows ``(n, d)`` and ``(m, d)``, whose slope at zero is zero.

    Differences are taken one by one: the product formula loses the digits of near rows, which mining goes by.
    """
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def _alike(label: Tensor) -> tuple[Tensor, Tensor]:
    """Which rows form a positive pair, two different rows of one class, and which a negative one: ``(n, n)`` each."""
    same = label[:, None] == label[None, :]
    itself = torch.eye(len(label), dtype=torch.bool, device=label.device)
    return same & ~itself, ~same


def _mean(values: Tensor, chosen: Tensor) -> Tensor:
    """The mean of chosen values; zero, with a gradient of zero, where none is."""
    return torch.where(chosen, values, 0.0).sum() / chosen.sum().clamp_min(1)


def contrastive_loss(z: Tensor, label: Tensor, margin: float = 1.0) -> Tensor:
    """Pull like rows together and push unlike ones a margin apart (Hadsell, Chopra & LeCun 2006).

    A pair at distance D costs ``D**2 / 2`` if it is alike and ``max(0, margin - D)**2 / 2`` if not. The two kinds count
    alike however many pairs there are of each: half the mean over the first plus half the mean over the second.

    Parameters
    ----------
    z : Tensor of shape (n, d)
        Embeddings.
    label : Tensor of shape (n,)
        Classes.
    margin : float, default=1.0
        A distance.

    Returns
    -------
    Tensor of shape ()
    """
    between = distances(z, z)  # (n, n)
    positive, negative = _alike(label)
    return (_mean(between.square(), positive) + _mean((margin - between).clamp_min(0).square(), negative)) / 4


def triplet_loss(z: Tensor, label: Tensor, margin: float = 0.2, mining: str = "semi_hard") -> Tensor:
    """Let like rows be nearer than unlike ones, by a margin of squared distances (Schroff et al. 2015).

    A triplet of an anchor, a row of its class and one of another costs ``max(0, margin + D(a, p)**2 - D(a, n)**2)``.

    Parameters
    ----------
    z : Tensor of shape (n, d)
        Embeddings.
    label : Tensor of shape (n,)
        Classes.
    margin : float, default=0.2
        A squared distance.
    mining : {"hard", "semi_hard", "distance_weighted"}, default="semi_hard"
        - "hard": for each anchor the farthest positive and the nearest negative;
        - "semi_hard": for each anchor and positive the nearest negative beyond the positive, or the farthest one of all
          where none is beyond;
        - "distance_weighted": for each anchor and positive the mean over all negatives, weighed by one over the density
          of their distance on the unit sphere (Wu et al. 2017): the expectation of what they draw.

    Returns
    -------
    Tensor of shape ()
        The mean over anchors, or over anchors and positives; zero where the batch has no triplet.
    """
    squared = distances(z, z).square()  # (n, n)
    positive, negative = _alike(label)
    has_negative = negative.any(dim=1)  # (n,)
    if mining == "hard":
        farthest = torch.where(positive, squared, -torch.inf).amax(dim=1)  # (n,)
        nearest = torch.where(negative, squared, torch.inf).amin(dim=1)
        usable = has_negative & positive.any(dim=1)
        return _mean((margin + farthest - nearest).where(usable, 0.0).clamp_min(0), usable)
    usable = positive & has_negative[:, None]
    # Negatives of each row from near to far; what is none comes last.
    order = torch.where(negative, squared, torch.inf).detach().argsort(dim=1, stable=True)  # (n, n)
    ranked = squared.gather(1, order)
    count = negative.sum(dim=1, keepdim=True)  # (n, 1)
    is_negative = torch.arange(len(z), device=z.device) < count
    keys = torch.where(is_negative, ranked, torch.inf).detach().contiguous()
    if mining == "semi_hard":
        beyond = torch.searchsorted(keys, squared.detach().contiguous(), right=True)  # the first that is farther
        chosen = ranked.gather(1, torch.minimum(beyond, count - 1).clamp_min(0))
        return _mean((margin + squared - chosen).clamp_min(0), usable)
    # The sum over negatives n of w(n) max(0, reach - D(a, n)**2) runs over the first ones up to the reach.
    weight = _inverse_density(ranked.detach(), is_negative, z.shape[1])  # (n, n)
    reach = margin + squared
    within = torch.searchsorted(keys, reach.detach().contiguous())  # (n, n), how many are nearer
    sums = F.pad(torch.stack([weight, weight * ranked.where(is_negative, 0.0)]).cumsum(dim=2), (1, 0))  # (2, n, n + 1)
    weights, weighted = sums[0].gather(1, within), sums[1].gather(1, within)
    return _mean((reach * weights - weighted).clamp_min(0), usable)


def _inverse_density(squared: Tensor, chosen: Tensor, d: int) -> Tensor:
    """One over the density of the distance of two random points of the unit sphere, to sum one in each row."""
    distance = squared.clamp_min(0).sqrt().clamp(_NEAREST, _FARTHEST)
    log_density = (d - 2) * distance.log() + (d - 3) / 2 * torch.log1p(-distance.square() / 4)
    weight = torch.where(chosen, -log_density, -torch.inf).softmax(dim=1)
    return torch.where(chosen, weight, 0.0)  # rows without any have nothing to sum


def supervised_contrastive_loss(z: Tensor, label: Tensor, temperature: float = 0.1) -> Tensor:
    """Tell the rows of one's class from all the others of the batch (Khosla et al. 2020, their L_out).

    For anchor i, the mean over its positives p of ``-log(exp(z_i z_p / t) / sum_{a != i} exp(z_i z_a / t))``. With two
    views of each sample, and the sample for the class, it is the NT-Xent loss of SimCLR (Chen et al. 2020).

    Parameters
    ----------
    z : Tensor of shape (n, d)
        Embeddings, as a rule of length one.
    label : Tensor of shape (n,)
        Classes.
    temperature : float, default=0.1
        The smaller, the more the nearest ones count.

    Returns
    -------
    Tensor of shape ()
        The mean over the anchors that have a positive.
    """
    similarity = z @ z.T / temperature  # (n, n)
    positive, _ = _alike(label)
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    log_odds = similarity - similarity.masked_fill(itself, -torch.inf).logsumexp(dim=1, keepdim=True)
    count = positive.sum(dim=1)  # (n,)
    mean = torch.where(positive, log_odds, 0.0).sum(dim=1) / count.clamp_min(1)
    return _mean(-mean, count > 0)


def n_pairs_loss(anchor: Tensor, positive: Tensor, temperature: float = 1.0) -> Tensor:
    """Tell one's partner from those of other classes (Sohn 2016).

    Of N classes each has an anchor f and a positive g: the mean of ``log(1 + sum_{j != i} exp(f_i g_j - f_i g_i))``.

    Parameters
    ----------
    anchor, positive : Tensor of shape (..., N, d)
        Row i of both is of class i; leading axes hold more sets of pairs.
    temperature : float, default=1.0
        What the products are divided by.

    Returns
    -------
    Tensor of shape ()
    """
    similarity = anchor @ positive.mT / temperature  # (..., N, N)
    own = similarity.diagonal(dim1=-2, dim2=-1)  # (..., N)
    return (similarity.logsumexp(dim=-1) - own).mean()


def prototypical_loss(support: Tensor, query: Tensor) -> Tensor:
    """Tell the prototype of one's class, the mean of its support, from the others' (Snell, Swersky & Zemel 2017).

    The cross-entropy of the softmax of negative squared distances to the prototypes.

    Parameters
    ----------
    support : Tensor of shape (n_way, n_shot, d)
        Embeddings of the samples that are shown.
    query : Tensor of shape (n_way, n_query, d)
        Embeddings of those to be classified.

    Returns
    -------
    Tensor of shape ()
        The mean over queries.
    """
    n_way, n_query, d = query.shape
    logits = -distances(query.reshape(-1, d), support.mean(dim=1)).square()  # (n_way * n_query, n_way)
    return F.cross_entropy(logits, torch.arange(n_way, device=query.device).repeat_interleave(n_query))


class EmbeddingLoss(nn.Module):
    """A loss of a batch of embeddings and their classes.

    Parameters
    ----------
    kind : {"contrastive", "triplet", "supervised_contrastive", "n_pairs", "prototypical"}
        Which of the functions of this module. The last two take batches that are sorted by class, as many rows of each.
    normalize : bool, default=False
        Whether embeddings are brought to length one before.
    margin : float, default=1.0
        Of "contrastive" and "triplet".
    mining : str, default="semi_hard"
        Of "triplet".
    temperature : float, default=1.0
        Of "supervised_contrastive" and "n_pairs".
    n_samples : int, default=2
        Of the last two: how many rows there are of each class. "n_pairs" makes pairs of the first and the second, the
        third and the fourth, ...
    n_shot : int, default=1
        Of "prototypical": how many of them are the support.
    """

    def __init__(
        self,
        kind: str,
        *,
        normalize: bool = False,
        margin: float = 1.0,
        mining: str = "semi_hard",
        temperature: float = 1.0,
        n_samples: int = 2,
        n_shot: int = 1,
    ):
        super().__init__()
        self.kind = kind
        self.normalize = normalize
        self.margin = margin
        self.mining = mining
        self.temperature = temperature
        self.n_samples = n_samples
        self.n_shot = n_shot
        self._loss: Callable[[Tensor, Tensor], Tensor] = getattr(self, f"_{kind}")

    def forward(self, output: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        """Return the loss of embeddings ``(n, d)`` of classes ``(n,)``; rows have no weights, pairs would need them."""
        return self._loss(F.normalize(output, dim=1) if self.normalize else output, target)

    def _contrastive(self, z: Tensor, label: Tensor) -> Tensor:
        return contrastive_loss(z, label, self.margin)

    def _triplet(self, z: Tensor, label: Tensor) -> Tensor:
        return triplet_loss(z, label, self.margin, self.mining)

    def _supervised_contrastive(self, z: Tensor, label: Tensor) -> Tensor:
        return supervised_contrastive_loss(z, label, self.temperature)

    def _by_class(self, z: Tensor) -> Tensor:
        return z.view(-1, self.n_samples, z.shape[1])  # (n_classes, n_samples, d)

    def _n_pairs(self, z: Tensor, label: Tensor) -> Tensor:
        pairs = self._by_class(z)[:, : self.n_samples // 2 * 2].unflatten(1, (-1, 2))  # (n_classes, n_rounds, 2, d)
        return n_pairs_loss(pairs[:, :, 0].transpose(0, 1), pairs[:, :, 1].transpose(0, 1), self.temperature)

    def _prototypical(self, z: Tensor, label: Tensor) -> Tensor:
        rows = self._by_class(z)
        return prototypical_loss(rows[:, : self.n_shot], rows[:, self.n_shot :])

    def extra_repr(self) -> str:
        return repr(self.kind)
