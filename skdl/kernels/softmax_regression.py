"""The objective of logistic and softmax regression, its gradient and its Hessian.

Parameters are one tensor ``theta`` (K, d + 1): a row of coefficients for each logit, the intercept last. ``K`` is one
for two classes (the logit of the second class) and the number of classes otherwise. Coefficients belong to the columns
of a :class:`~skdl.kernels.design.Design`, not to those of the user; :meth:`SoftmaxObjective.to_user` translates.

Logits are kept as (K, t), a class to a row: sums over classes then run along contiguous samples, and neither product
transposes anything.
"""

import numpy as np
import torch
from torch import Tensor

from skdl.kernels.design import Design, wide_dtype
from skdl.kernels.lbfgs import Pairs
from skdl.kernels.rowblocks import BLOCK, shared_products
from skdl.kernels.softmax_curvature import FormedCurvature, SoftmaxCurvature

# A column whose penalty is this much larger than its curvature stays at zero: what it could win is below rounding.
_HOPELESS = 1e30
# Up to this many parameters a Hessian costs no more than some eighty products with the samples.
_FORMED_PARAMETERS = 500


class SoftmaxObjective:
    """Mean log-loss plus ``penalty / 2`` times the squared coefficients.

    Parameters
    ----------
    design : Design
        The samples.
    codes : Tensor of shape (n,), dtype int64
        The class of each sample.
    n_classes : int
        How many classes there are.
    penalty : float
        What multiplies half the squared coefficients of the user's columns.
    fit_intercept : bool
        Whether the intercept is free; otherwise it stays at zero.

    """

    def __init__(self, design: Design, codes: Tensor, n_classes: int, penalty: float, fit_intercept: bool):
        self.design = design
        # With two classes, what a logit is multiplied by to be the larger the more it is mistaken.
        self.codes = (1 - 2 * codes).to(design.X.dtype) if n_classes == 2 else codes  # (n,)
        self.K = 1 if n_classes == 2 else n_classes
        self.n_classes = n_classes
        self.fit_intercept = fit_intercept
        self._shared: dict = {}  # what objectives with other penalties over the same samples have in common
        self.wide = wide_dtype(design.X.device)
        self.products = design.X.dtype  # what X is multiplied in
        self._set_penalty(penalty)

    def _set_penalty(self, penalty: float) -> None:
        with np.errstate(over="ignore", under="ignore", divide="ignore"):
            column_penalty = penalty / self.design.scale / self.design.scale
        alive = column_penalty < _HOPELESS
        device = self.design.X.device
        column_penalty = np.append(np.where(alive, column_penalty, 1.0), 0.0)
        self.penalty = torch.from_numpy(column_penalty).to(device=device, dtype=self.wide)  # (d + 1,)
        mask = np.append(alive, self.fit_intercept).astype(np.float64)
        self.mask = torch.from_numpy(mask).to(device=device, dtype=self.wide)  # (d + 1,), zero for what stays zero

    def with_penalty(self, penalty: float) -> "SoftmaxObjective":
        """The same objective with another penalty; nothing is copied."""
        other = object.__new__(SoftmaxObjective)
        other.__dict__.update(self.__dict__)
        other._set_penalty(penalty)
        return other

    def on_rows(self, index: Tensor | None) -> "SoftmaxObjective":
        """The same objective over some of the samples, or all, in float32."""
        other = self.with_products(torch.float32)
        size = self.design.n if index is None else len(index)
        if ("rows", size) not in self._shared:
            codes = self.codes if index is None else self.codes[index]
            self._shared["rows", size] = self.design.centred_rows(index, torch.float32), codes
        other.design, other.codes = self._shared["rows", size]
        other._shared = self._shared.setdefault(("below", size), {})
        return other

    def gram(self, limit: int) -> Tensor:
        """The design's Gram matrix from at most ``limit`` samples, formed once for all penalties."""
        if "gram" not in self._shared:
            with shared_products():
                self._shared["gram"] = self.design.gram(limit)
        return self._shared["gram"]

    def pairs(self, *, fresh: bool) -> Pairs:
        """What L-BFGS has learnt over these samples, moved to this penalty; nothing yet where it is to begin afresh."""
        if fresh or "pairs" not in self._shared:
            self._shared["pairs"] = Pairs()
        self._shared["pairs"].set_penalty(self.penalty, self.mask)
        return self._shared["pairs"]

    def with_products(self, dtype: torch.dtype) -> "SoftmaxObjective":
        """The same objective with products in another precision; X is converted tile by tile where it is dense."""
        other = object.__new__(SoftmaxObjective)
        other.__dict__.update(self.__dict__)
        other.products = dtype
        if self.design.transposed is not None:
            other.design = self.design.with_dtype(dtype)
        return other

    # Translation between the design's columns and the user's.

    def to_user(self, theta: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients (K, d) and intercepts (K,) for X as the user gave it."""
        values = theta.cpu().double().numpy()
        W = values[:, :-1] / self.design.scale
        b = values[:, -1].copy()
        if self.fit_intercept:
            b -= values[:, :-1] @ (self.design.mean.cpu().double().numpy() + self.design.shift / self.design.scale)
        return W, b

    def from_user(self, W: np.ndarray, b: np.ndarray) -> Tensor:
        """The inverse of :meth:`to_user`."""
        scaled = W.astype(np.float64) * self.design.scale
        b = b.astype(np.float64)
        if self.fit_intercept:
            b = b + scaled @ (self.design.mean.cpu().double().numpy() + self.design.shift / self.design.scale)
        theta = torch.from_numpy(np.concatenate([scaled, b[:, None]], axis=1))
        return theta.to(device=self.design.X.device, dtype=self.wide) * self.mask

    def _frequencies(self) -> Tensor:
        """The share of each class in the weights (n_classes,)."""
        if "frequencies" not in self._shared:
            codes, weight = self.codes if self.K > 1 else (self.codes < 0).long(), self.design.weight
            if weight is None:
                mass = torch.bincount(codes, minlength=self.n_classes)
            else:
                mass = torch.zeros(self.n_classes, dtype=self.wide, device=codes.device)
                mass.index_add_(0, codes, weight.to(self.wide))
            self._shared["frequencies"] = mass.to(self.wide) / self.design.n
        return self._shared["frequencies"]

    def rarity(self) -> Tensor:
        """How many times less curved the logit of a rare class is than :meth:`curvature_scale` says, (K, 1)."""
        frequency = self._frequencies()[-self.K :].clamp(1e-6, 1.0 - 1e-6)
        return (self.curvature_scale() / (frequency * (1.0 - frequency))).clamp_min(1.0)[:, None]

    def start(self) -> tuple[Tensor, float]:
        """Where to begin, no coefficients and the classes' frequencies, and the mean loss there."""
        frequency = self._frequencies()
        null_loss = -float(torch.xlogy(frequency, frequency).sum())
        theta = torch.zeros(self.K, self.design.d + 1, dtype=self.wide, device=self.codes.device)
        if self.fit_intercept:
            # A class that only weights of zero leave out begins like one in a million.
            logits = frequency.clamp_min(1e-6).log()
            theta[:, -1] = logits[1] - logits[0] if self.K == 1 else logits - logits.mean()
        else:
            null_loss = float(np.log(self.n_classes))
        return theta, max(null_loss, 1e-6)

    # Values and derivatives.

    def _link(self, Z: Tensor, rows: slice) -> tuple[Tensor, Tensor, Tensor]:
        """The summed loss of logits Z (K, t), its derivative (K, t) and that one's sums (K,); Z is overwritten."""
        codes = self.codes[rows]
        weight = None if self.design.weight is None else self.design.weight[rows].to(Z.dtype)
        if self.K == 1:
            # From the signed logit, so that a loss near zero keeps its digits; exp(36) is where log1p adds nothing.
            sign = codes.to(Z.dtype)
            Z *= sign
            losses = torch.nn.functional.softplus(Z[0], threshold=36.0)
            R = Z.sigmoid_().mul_(sign)
        else:
            top = Z.amax(dim=0)
            Z -= top
            picked = Z.gather(0, codes[None])[0]
            R = Z.exp_()
            total = R.sum(dim=0)
            losses = total.log() - picked
            R /= total
            R.scatter_add_(0, codes[None], torch.full_like(picked, -1.0)[None])
        if weight is not None:
            R *= weight
        loss = losses.sum() if weight is None else losses @ weight
        return loss.to(self.wide), R, R.sum(dim=1).to(self.wide)

    def _affine(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        W, b = theta[:, :-1], theta[:, -1]
        offset = b - W @ self.design.mean if self.fit_intercept else b
        return W.to(self.products), offset.to(self.products)

    def evaluate(self, theta: Tensor) -> tuple[float, Tensor]:
        """The objective at theta and its gradient (K, d + 1), in one pass over the samples."""
        W, offset = self._affine(theta)
        design = self.design

        def work(_, rows):
            X = design.tile(rows, self.products)
            loss, R, level = self._link(design.times(W, offset, X), rows)
            return loss, design.pulled_back(R, X).to(self.wide), level

        if W.dtype == design.X.dtype == torch.float32 and design.transposed is None and W.device.type == "cpu":
            loss, slopes, level = design.summed(self._compiled_work(W, offset), design.parts(self.K))
        else:
            loss, slopes, level = design.summed(work, design.tiles(self.K))
        return self._finished(theta, loss, torch.cat([slopes, level[:, None]], dim=1))

    def _compiled_work(self, W: Tensor, offset: Tensor):
        """What :meth:`evaluate` does with a part of the samples, compiled but for products with a vector."""
        # Not imported before it is needed: small problems do without a compiler.
        from skdl.kernels._softmax_loops import binary_residuals, several_classes

        design, K = self.design, self.K
        codes = (self.codes.to(W.dtype) if K == 1 else self.codes).numpy()
        weight = (torch.zeros(0) if design.weight is None else design.weight.to(W.dtype)).numpy()

        def two(_, rows):
            X, sums = design.X[rows], np.zeros(2)
            Z = torch.addmm(offset[:, None], W, X.T)
            binary_residuals(Z.numpy(), codes[rows], weight[rows], sums)
            summed = torch.from_numpy(sums)
            return summed[1], design.pulled_back(Z, X).double(), summed[:1]

        def several(_, rows):
            total, sums = np.zeros((K, design.d)), np.zeros(K + 1)
            blocks = turned[rows.start // BLOCK : -(-rows.stop // BLOCK)]
            several_classes(X[rows], blocks, slopes, level, codes[rows], weight[rows], total, sums)
            summed = torch.from_numpy(sums)
            return summed[K], torch.from_numpy(total), summed[:K]

        if K == 1:
            return two
        X, turned, slopes, level = design.X.numpy(), design.turned, W.contiguous().numpy(), offset.numpy()
        return several

    def _finished(self, theta: Tensor, loss: Tensor, gradient: Tensor) -> tuple[float, Tensor]:
        gradient /= self.design.n
        gradient[:, :-1].addr_(gradient[:, -1], self.design.mean, alpha=-1.0)
        penalized = theta * self.penalty
        gradient = gradient.add_(penalized).mul_(self.mask)
        return float(loss / self.design.n + 0.5 * (penalized * theta).sum()), gradient

    def evaluate_with_hessian(self, theta: Tensor) -> tuple[float, Tensor, Tensor]:
        """As :meth:`evaluate`, and the mean loss's Hessian (q, q), ``q = K (d + 1)``, for theta row by row.

        Dense samples only. Where all classes have a logit it is singular.
        """
        K, d, design = self.K, self.design.d, self.design
        W, offset = self._affine(theta)
        mean = design.mean.to(W.dtype)

        def work(_, rows):
            X = design.tile(rows, self.products)
            Z = design.times(W, offset, X)
            weight = None if design.weight is None else design.weight[rows].to(Z.dtype)
            loss, R, level = self._link(Z, rows)
            gradient = torch.cat([(R @ X).to(self.wide), level[:, None]], dim=1)
            P = self._probabilities(R, rows, weight)  # (K, t)
            # Centred here and not by a correction afterwards: the Hessian must stay positive in finite precision.
            X1 = torch.cat([X - mean, torch.ones_like(X[:, :1])], dim=1)  # (t, d + 1)
            if K == 1:
                curvature = P[0] * (1.0 - P[0])
                curvature = curvature if weight is None else curvature * weight
                H = (X1.T @ (X1 * curvature[:, None])).to(self.wide).view(1, d + 1, 1, d + 1)
            else:
                weighted = P if weight is None else P * weight
                PX = P.T[:, :, None] * X1[:, None, :]  # (t, K, d + 1)
                flat = PX.reshape(len(X), -1)
                right = flat if weight is None else flat * weight[:, None]
                H = (flat.T @ right).neg_().to(self.wide).view(K, d + 1, K, d + 1)
                for k in range(K):
                    H[k, :, k, :] += X1.T @ (X1 * weighted[k][:, None])
            return loss, gradient, H

        loss, gradient, H = design.summed(work, design.tiles(K * d))
        H /= design.n
        value, gradient = self._finished(theta, loss, gradient)
        H *= self.mask[:, None, None] * self.mask
        return value, gradient, H.reshape(K * (d + 1), K * (d + 1))

    def evaluate_with_positive_hessian(self, theta: Tensor) -> tuple[float, Tensor, Tensor]:
        """The same with the penalty's curvature, and some in what no gradient touches, so that it can be factorized."""
        value, gradient, H = self.evaluate_with_hessian(theta)
        if self.K > 1:
            # That is what all classes have in common: it changes no probability.
            square = self.design.square
            extra = torch.cat([square, torch.ones_like(square[:1])]) / self.K + self.penalty
            blocks = H.view(self.K, self.design.d + 1, self.K, self.design.d + 1)
            blocks += torch.diag(extra * self.mask / self.K)[None, :, None, :]
        H.diagonal().add_(torch.where(self.mask > 0, self.penalty, torch.ones_like(self.penalty)).repeat(self.K))
        return value, gradient, H

    def _probabilities(self, R: Tensor, rows: slice, weight: Tensor | None) -> Tensor:
        """What the derivative R was made from; R is overwritten."""
        if weight is not None:
            # Where the weight is zero the curvature is multiplied by it again, so any probability will do.
            R /= weight.clamp_min(1e-300 if R.dtype == torch.float64 else 1e-35)
        codes = self.codes[rows]
        if self.K == 1:
            return R.add_((codes < 0).to(R.dtype))
        return R.scatter_add_(0, codes[None], torch.ones_like(R[:1]))

    def curvature(self, theta: Tensor) -> SoftmaxCurvature:
        """The Hessian at theta, as something to multiply by."""
        return SoftmaxCurvature(self, theta)

    def curvature_for_many_products(self, theta: Tensor) -> SoftmaxCurvature | FormedCurvature:
        """The same, and formed where that saves products with the samples."""
        formed = self.design.transposed is None and theta.numel() <= _FORMED_PARAMETERS
        return FormedCurvature(self, theta) if formed else SoftmaxCurvature(self, theta)

    def curvature_scale(self) -> float:
        """The curvature of one logit where all classes are equally likely."""
        return 0.25 if self.K == 1 else 1.0 / self.K
