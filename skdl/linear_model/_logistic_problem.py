"""One data set of a logistic regression on its device, to be solved for any C and l1_ratio."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils import compute_class_weight

from skdl.kernels.design import Design, make_design
from skdl.kernels.newton import Solution
from skdl.kernels.softmax_regression import SoftmaxObjective
from skdl.kernels.softmax_solver import minimize
from skdl.utils import progress, validate_sample_weight


@dataclass
class LogisticFit:
    """What came out of solving a problem, in the user's columns and type."""

    coef: np.ndarray  # (K, d)
    intercept: np.ndarray  # (K,)
    n_iter: np.ndarray  # (1,) or (K,)
    converged: bool
    interrupted: bool
    start: tuple[np.ndarray, np.ndarray]  # coefficients and intercepts in float64


class LogisticProblem:
    """The samples of one fit, ready to be solved.

    Parameters
    ----------
    model : LogisticRegression
        Whose parameters hold, C and l1_ratio apart.
    X : ndarray or CSR matrix of shape (n, d)
        The samples.
    classes : ndarray of shape (n_classes,)
        The labels.
    codes : ndarray of shape (n,)
        The class of each sample.
    weight : ndarray of shape (n,) or None
        The sample weights, without the class weights.
    device : torch.device
        Where to compute.
    """

    def __init__(self, model, X, classes, codes, weight, device):
        self.class_weight, self.classes, self.dtype = model.class_weight, classes, X.dtype
        self.separate = model.multi_class == "ovr" and len(classes) > 2
        if model.solver == "liblinear" and len(classes) > 2 and not self.separate:
            raise ValueError(
                "The 'liblinear' solver does not support multiclass classification (n_classes >= 3). Use another "
                "solver for softmax regression, or multi_class='ovr' for one model for each class."
            )
        # liblinear's intercept is the coefficient of a constant column, penalized like all others.
        self.constant = float(model.intercept_scaling) if model.solver == "liblinear" and model.fit_intercept else 0.0
        self.free = model.fit_intercept and not self.constant
        self.coef_shape = (1 if len(classes) == 2 else len(classes), X.shape[1])
        if self.constant:
            column = np.full((X.shape[0], 1), self.constant, dtype=X.dtype)
            X = sp.hstack([X, column], format="csr") if sp.issparse(X) else np.hstack([X, column])
        self.objectives: list[SoftmaxObjective] = []
        design: Design | None = None
        tasks = [codes] if not self.separate else [(codes == k).astype(np.int64) for k in range(len(classes))]
        for task in tasks:
            labels = classes if not self.separate else np.array([0, 1])
            task_weight = self._class_weighted(task, labels, codes, weight)
            if design is None or (self.separate and model.class_weight == "balanced"):
                design = make_design(X, task_weight, center=self.free, device=device)
            n_classes = 2 if self.separate else len(classes)
            self.objectives.append(
                SoftmaxObjective(design, torch.from_numpy(task).to(device), n_classes, 0.0, self.free)
            )

    def _class_weighted(self, task, labels, codes, weight):
        """Sample weights times class weights; one-vs-rest balances each of its two sides, as scikit-learn did."""
        class_weight = self.class_weight
        if class_weight is None:
            return weight
        if isinstance(class_weight, dict):
            factors = compute_class_weight(class_weight, classes=self.classes, y=self.classes[codes])[codes]
        else:
            counts = np.bincount(task, weights=weight, minlength=len(labels)).astype(np.float64)
            each = np.divide(counts.sum(), len(labels) * counts, out=np.zeros(len(labels)), where=counts > 0)
            factors = each[task]
        product = factors if weight is None else factors * weight
        return validate_sample_weight(product, len(task))

    def solve(self, model, C: float, l1_ratio: float, start=None) -> LogisticFit:
        """Minimize for one C and l1_ratio, with the model's ``tol``, ``max_iter`` and ``verbose``."""
        solutions: list[Solution] = []
        W, b = np.zeros(self.coef_shape), np.zeros(self.coef_shape[0])
        with progress(
            total=model.max_iter, desc=type(model).__name__, unit="iteration", verbose=int(model.verbose)
        ) as bar:

            def step_done(value: float) -> None:
                bar.update()
                bar.set_postfix_str(f"objective {value:.6g}", refresh=False)

            for k, objective in enumerate(self.objectives):
                rows = slice(k, k + 1) if self.separate else slice(None)
                begin = None
                if start is not None:
                    begin = (start[0][rows], start[1][rows])
                    if self.constant:
                        begin = (np.hstack([begin[0], begin[1][:, None] / self.constant]), np.zeros(len(begin[1])))
                strength = 1.0 / (C * objective.design.total)
                with objective.design.threads(self.coef_shape[0]):
                    solution = minimize(
                        objective.with_penalty(strength * (1.0 - l1_ratio)), strength * l1_ratio, start=begin,
                        tol=float(model.tol), max_iter=model.max_iter, step_done=step_done,
                    )  # fmt: skip
                solutions.append(solution)
                coef, intercept = objective.to_user(solution.theta)
                if self.constant:
                    coef, intercept = coef[:, :-1], coef[:, -1] * self.constant
                W[rows], b[rows] = coef, intercept
                if solution.interrupted:
                    break
        with np.errstate(over="ignore", under="ignore"):
            coef, intercept = W.astype(self.dtype), b.astype(self.dtype)
        return LogisticFit(
            coef, intercept, np.array([solution.n_iter for solution in solutions], dtype=np.int32),
            all(solution.converged for solution in solutions), any(solution.interrupted for solution in solutions),
            (W, b),
        )  # fmt: skip
