"""L2-regularised logistic regression to its minimum, all probes at once.

Minimises, for every probe, scikit-learn's objective divided by C·N (N examples, inverse penalty C):

    sum of weighted cross-entropies / N + |w|² / (2 C N),   the intercept unpenalised,

by L-BFGS in coordinates u = Lᵀ w, where L Lᵀ = κ Cov + 1/(C N) is the curvature that all probes share up to
κ, the mean of p (1 - p) over their base rates.  Whitening by it takes tens of iterations where plain L-BFGS
takes hundreds; the matrix is made once, in float32, since rounded to bfloat16 it is not positive definite.
Logits are linear in the step, so the search along it costs no pass over the activations.

Shapes: N examples, D features, C probes (columns).  Weights have one row more, for the intercepts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.probes.fitting.evaluation import Evaluator
from trainers.probes.fitting.metrics import accuracy
from trainers.probes.fitting.ranking import roc_auc
from trainers.probes.fitting.stacked import weighted_loss
from trainers.probes.reading.layer import Layer, Trained, VariantResult, pos_weights
from trainers.probes.settings import Settings

MEMORY = 12
"""Steps that L-BFGS remembers."""
TILE = 512
"""Columns of the Gram matrix computed at a time; only tiles on and below the diagonal are."""
SEARCH_STEPS = 8
FLATTER = 0.2
"""A step is long enough when the slope along it has fallen to this part."""


class Pieces:
    """Centred products with the activations of one split, a piece in cache at a time."""

    def __init__(self, layer: Layer, settings: Settings) -> None:
        self._reader = Evaluator(layer.rows["train"], settings.compute_dtype, layer.device)
        self.n_rows = layer.rows["train"].n_rows
        total = sum(piece.sum(0, dtype=torch.float64) for piece in self._reader.pieces())
        self.mean_D = (torch.as_tensor(total) / self.n_rows).to(settings.compute_dtype)

    def times(self, weights_DC: Tensor) -> Tensor:
        """Return (X - mean) @ weights, [N, C]."""
        out = torch.empty(self.n_rows, weights_DC.shape[1], dtype=weights_DC.dtype, device=weights_DC.device)
        shift = self.mean_D @ weights_DC
        start = 0
        for piece in self._reader.pieces():
            torch.addmm(shift, piece, weights_DC, beta=-1, out=out[start : start + len(piece)])
            start += len(piece)
        return out

    def transposed_times(self, residuals_NC: Tensor) -> Tensor:
        """Return (X - mean)ᵀ @ residuals, [D, C]."""
        # Made as [C, D]: the product with the activations as they lie takes half the time.
        out = torch.outer(-residuals_NC.sum(0), self.mean_D)
        start = 0
        for piece in self._reader.pieces():
            out.addmm_(residuals_NC[start : start + len(piece)].t(), piece)
            start += len(piece)
        return out.t().contiguous()

    def covariance(self) -> Tensor:
        """Return the covariance of the activations [D, D], its lower triangle only."""
        size = len(self.mean_D)
        out = torch.zeros(size, size, dtype=self.mean_D.dtype, device=self.mean_D.device)
        for piece in self._reader.pieces():
            centred = piece - self.mean_D
            for start in range(0, size, TILE):
                stop = min(start + TILE, size)
                out[start:stop, :stop].addmm_(centred[:, start:stop].t(), centred[:, :stop])
        return out.div_(self.n_rows)


@dataclass
class _Columns:
    """What the probes still in work have reached; every tensor's last axis is their columns."""

    probes: list[int]
    weights: Tensor
    """[D + 1, C], the last row the intercepts of centred activations."""
    logits: Tensor
    labels: Tensor
    """Compute type."""
    positive: Tensor | None
    gradient: Tensor
    """In whitened coordinates [D + 1, C], as are the steps and the changes of the gradient."""
    steps: list[Tensor]
    changes: list[Tensor]

    def keep(self, places: Tensor) -> None:
        """Go on with the columns at the given places only."""
        self.probes = [self.probes[place] for place in places.tolist()]
        for name in ("weights", "logits", "labels", "gradient"):
            setattr(self, name, getattr(self, name)[:, places].contiguous())
        self.positive = None if self.positive is None else self.positive[places]
        self.steps = [step[:, places].contiguous() for step in self.steps]
        self.changes = [change[:, places].contiguous() for change in self.changes]


@dataclass(frozen=True)
class Solution:
    """One probe's minimum."""

    probe: int
    weight_D: Tensor
    intercept: float
    objective: float
    """As scikit-learn counts it: C · sum of losses + |w|² / 2."""
    gradient: float
    """Largest component of the mean gradient."""
    iterations: int
    converged: bool


class ExactSolver:
    """Solves for the given probes of a layer."""

    def __init__(self, layer: Layer, settings: Settings, probes: Sequence[int]) -> None:
        self._settings = settings
        self._pieces = Pieces(layer, settings)
        labels = layer.targets["train"][:, list(probes)].to(settings.compute_dtype)
        weights = pos_weights(settings, layer.targets["train"])
        self._ridge = 1 / (settings.C * self._pieces.n_rows)
        self._curvature = _shared_curvature(layer.targets["train"])
        self._factor = self._whitening()
        size = (layer.n_features + 1, len(probes))
        start = torch.zeros(size, dtype=settings.compute_dtype, device=layer.device)
        positive = None if weights is None else weights[list(probes)]
        mass = labels.mean(0) if positive is None else labels.mean(0) * positive
        start[-1] = (mass / (1 - labels.mean(0))).log()
        self._now = _Columns(
            list(probes), start, start[-1].expand_as(labels).clone(), labels, positive, start, [], []
        )
        self._now.gradient, self._largest = self._gradient()

    def run(self) -> Iterator[tuple[int, list[Solution]]]:
        """Yield (iterations done, probes solved in the last one) until all are, or out of iterations."""
        for iteration in range(self._settings.max_iter + 1):
            done = self._largest <= self._settings.tol
            if iteration == self._settings.max_iter:
                done = torch.ones_like(done)
            solved = [self._solution(place, iteration) for place in done.nonzero()[:, 0].tolist()]
            yield iteration, solved
            if bool(done.any()):
                going = (~done).nonzero()[:, 0]
                self._now.keep(going)
                self._largest = self._largest[going]
            if not self._now.probes:
                return
            self._step()

    def _whitening(self) -> Tensor:
        """Return the lower Cholesky factor of the shared curvature [D, D]."""
        matrix = self._pieces.covariance().mul_(self._curvature)
        matrix.diagonal().add_(self._ridge)
        jitter = 0.0
        while True:
            factor, failed = torch.linalg.cholesky_ex(matrix)
            if not bool(failed):
                return factor
            # It only preconditions, so a little more on the diagonal costs iterations, never the minimum.
            more = max(jitter, 1e-7 * float(matrix.diagonal().mean()))
            matrix.diagonal().add_(more)
            jitter = 10 * more

    def _gradient(self) -> tuple[Tensor, Tensor]:
        """Return the whitened gradient [D + 1, C] and the largest component of the plain one [C]."""
        now, n_rows = self._now, self._pieces.n_rows
        slope = torch.sigmoid(now.logits).sub_(now.labels)
        if now.positive is not None:
            slope.mul_(1 + (now.positive - 1) * now.labels)
        slope.div_(n_rows)
        plain = self._pieces.transposed_times(slope).add_(now.weights[:-1], alpha=self._ridge)
        intercept = slope.sum(0)
        largest = torch.maximum(plain.abs().amax(0), intercept.abs())
        white = torch.linalg.solve_triangular(self._factor, plain, upper=False)
        return torch.cat([white, intercept[None] / self._curvature**0.5]), largest

    def _step(self) -> None:
        now = self._now
        white = _two_loops(now.gradient, now.steps, now.changes).neg_()
        move = self._unwhitened(white)
        along = self._pieces.times(move[:-1]) + move[-1]
        slope = (white * now.gradient).sum(0)
        length = self._search(move, along, slope)
        now.weights.addcmul_(move, length)
        now.logits.addcmul_(along, length)
        before = now.gradient
        now.gradient, self._largest = self._gradient()
        now.steps = [*now.steps, white.mul_(length)][-MEMORY:]
        now.changes = [*now.changes, now.gradient - before][-MEMORY:]

    def _unwhitened(self, white: Tensor) -> Tensor:
        move = torch.linalg.solve_triangular(self._factor.t(), white[:-1], upper=True)
        return torch.cat([move, white[-1:] / self._curvature**0.5])

    def _search(self, move: Tensor, along: Tensor, slope: Tensor) -> Tensor:
        """Return for every column a step length [C] at which the slope along its step is nearly zero.

        The slope rises with the length, since the objective is convex: Newton's method, kept between a
        length known to be too short and one known to be too long.
        """
        now = self._now
        length = torch.ones_like(slope)
        short, long = torch.zeros_like(slope), torch.full_like(slope, torch.inf)
        penalty = self._ridge * (now.weights[:-1] * move[:-1]).sum(0), self._ridge * (move[:-1] ** 2).sum(0)
        for _ in range(SEARCH_STEPS):
            first, second = self._slope_at(length, along, penalty)
            if bool((first.abs() <= FLATTER * slope.abs()).all()):
                break
            short = torch.where(first < 0, length, short)
            long = torch.where(first > 0, length, long)
            newton = length - first / second
            bisected = torch.where(long.isinf(), 2 * length, (short + long) / 2)
            good = first.abs() <= FLATTER * slope.abs()
            inside = (newton > short) & (newton < long)
            length = torch.where(good, length, torch.where(inside, newton, bisected))
        return length

    def _slope_at(
        self, length: Tensor, along: Tensor, penalty: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return the first and second derivative along the step, [C] each."""
        now, n_rows = self._now, self._pieces.n_rows
        p = torch.addcmul(now.logits, along, length).sigmoid_()
        weight = along if now.positive is None else along * (1 + (now.positive - 1) * now.labels)
        first = ((p - now.labels) * weight).sum(0) / n_rows + penalty[0] + length * penalty[1]
        second = (p * (1 - p) * weight * along).sum(0) / n_rows + penalty[1]
        return first, second

    def _solution(self, place: int, iterations: int) -> Solution:
        now, settings = self._now, self._settings
        weight = now.weights[:-1, place]
        positive = None if now.positive is None else now.positive[place].double()
        losses = weighted_loss(now.logits[:, place].double(), now.labels[:, place].double(), positive)
        largest = float(self._largest[place])
        return Solution(
            probe=now.probes[place],
            weight_D=weight.clone(),
            intercept=float(now.weights[-1, place] - self._pieces.mean_D @ weight),
            objective=float(settings.C * losses.sum() + weight.double().square().sum() / 2),
            gradient=largest,
            iterations=iterations,
            converged=largest <= settings.tol,
        )


def _shared_curvature(targets_NP: Tensor) -> float:
    """Return the mean of p (1 - p) over the base rates of a layer's probes.

    Over all of them, not only those still to solve: a command that goes on with the missing ones then
    takes the steps that the whole would have taken.
    """
    rates = targets_NP.sum(0, dtype=torch.int64).double() / len(targets_NP)
    curvatures = rates * (1 - rates)
    return float(curvatures[curvatures > 0].mean())


def _two_loops(gradient: Tensor, steps: list[Tensor], changes: list[Tensor]) -> Tensor:
    """Return the inverse Hessian that L-BFGS knows of, times the gradient, for every column."""
    q = gradient.clone()
    # A column whose last change is lost in rounding has curvature 0 or below; the pair is left out for it.
    curvatures = [(step * change).sum(0) for step, change in zip(steps, changes, strict=True)]
    inverse = [torch.where(rho > 0, 1 / rho, 0) for rho in curvatures]
    taken = []
    for step, change, rho in zip(reversed(steps), reversed(changes), reversed(inverse), strict=True):
        alpha = rho * (step * q).sum(0)
        q.addcmul_(change, alpha, value=-1)
        taken.append(alpha)
    if steps:
        scale = curvatures[-1] / changes[-1].square().sum(0)
        q.mul_(torch.where(curvatures[-1] > 0, scale, 1))
    for step, change, rho, alpha in zip(steps, changes, inverse, reversed(taken), strict=True):
        beta = rho * (change * q).sum(0)
        q.addcmul_(step, alpha - beta)
    return q


class ExactTraining:
    """The exact solver as an executor."""

    inputs = None
    """The penalty is on the weights of activations as they are."""

    def __init__(self, layer: Layer, settings: Settings, probes: Sequence[int]) -> None:
        self._layer = layer
        self._settings = settings
        self._probes = len(probes)
        self._solver = ExactSolver(layer, settings, probes)
        self._evaluator = Evaluator(layer.rows["val"], settings.compute_dtype, layer.device)

    def run(self) -> Iterator[tuple[int, int, list[Trained]]]:
        """Yield (probes done, all probes, probes that just finished) until all have finished."""
        done = 0
        for _, solved in self._solver.run():
            done += len(solved)
            yield done, self._probes, [self._trained(solution) for solution in solved]

    def _trained(self, solution: Solution) -> Trained:
        weight, bias = (
            solution.weight_D[None],
            torch.tensor([solution.intercept], dtype=solution.weight_D.dtype),
        )
        bias = bias.to(weight.device)
        logits = self._evaluator.logits(lambda x: torch.addmm(bias, x, weight.t()), 1)
        labels = self._layer.targets["val"][:, solution.probe][None]
        auc = float(roc_auc(logits, labels)[0])
        result = VariantResult({"C": self._settings.C}, auc, max(1, solution.iterations), solution.iterations)
        state = {"linear.weight": weight.cpu(), "linear.bias": bias.cpu()}
        details = {
            "objective": solution.objective,
            "max_gradient": solution.gradient,
            "converged": solution.converged,
        }
        return Trained(solution.probe, state, result, [result], self._history(logits, labels, auc), details)

    def _history(self, logits_CN: Tensor, labels_CN: Tensor, auc: float) -> dict[str, list[float]]:
        loss = float(weighted_loss(logits_CN, labels_CN.to(logits_CN.dtype), None).mean())
        share = float(accuracy(logits_CN, labels_CN)[0])
        return {"val_loss": [loss], "val_auc": [auc], "val_accuracy": [share]}
