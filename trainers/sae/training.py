"""One training: steps, validation, and a state from which it goes on as if it had never stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from trainers.common.errors import BadInput
from trainers.common.seeds import derive_seed
from trainers.sae.checkpoints import check_counts
from trainers.sae.data import Scale
from trainers.sae.evaluation import Evaluation, evaluate, squared_errors
from trainers.sae.model.codes import Codes
from trainers.sae.model.dense import encoded
from trainers.sae.model.encoder import auxiliary_codes, training_codes
from trainers.sae.model.fused import FusedStep, encoder_of
from trainers.sae.model.kernels import Case, Taken, check_goes_on, kernels_of, load
from trainers.sae.model.optimiser import Optimiser, Rule
from trainers.sae.model.parameters import Parameters, check_like, new_parameters
from trainers.sae.model.resampling import POOL, drawn, redrawn
from trainers.sae.model.sparse import Batch, Result, Weights
from trainers.sae.model.ways import Asked, Ways, step, ways_of
from trainers.sae.model.whole import differentiated_step, whole_step
from trainers.sae.settings import Settings

DENSE_ABOVE = 0.03
"""Share of active latents above which products are dense, until it is timed."""
EMA = 0.9
"""How much of its threshold a batch keeps of the one before."""


@dataclass(frozen=True)
class StepReport:
    """What a step tells."""

    loss: float
    fvu: float
    l0: float
    parts: Mapping[str, float]
    """What a loss with a penalty is made of: mean squared error of scaled activations, and penalty."""


def _parts(loss: float, mse: float) -> dict[str, float]:
    return {"train_mse": mse, "train_penalty": max(0.0, loss - mse)}


class Training:
    """Parameters, optimiser and counters of one autoencoder."""

    def __init__(
        self, settings: Settings, scale: Scale, device: torch.device, start: Parameters | None = None
    ) -> None:
        self._settings, self.scale = settings, scale
        self.form = settings.form(len(scale.mean_D))
        generator = torch.Generator().manual_seed(derive_seed(settings.seed, "parameters", 0))
        begun = start or new_parameters(self.form, scale.mean_D, generator)
        self.parameters: Parameters = {name: value.to(device).clone() for name, value in begun.items()}
        self.threshold = torch.zeros((), dtype=scale.mean_D.dtype, device=device)
        """What an example by itself has to reach where active latents are chosen over a batch."""
        self.idle_L = torch.zeros(self.form.n_latents, dtype=torch.int64, device=device)
        """Examples since a latent was active."""
        self.done = 1.0
        """Share of the training that is done: with it grows what asks for few active latents, if it does."""
        self._ways = Ways(rounded=False, dense_above=DENSE_ABOVE)
        self._share = 1.0 if self.form.kind in ("relu", "gelu") else 0.0
        self._optimiser = Optimiser(_rule(settings), self.parameters)
        self._gathered: Parameters = {}
        self.case = Case(self.form, self._optimiser.rule, device, scale.mean_D.dtype)
        """What decides which kernels can be taken."""
        self._taken: Taken = "plain"
        self._fused: FusedStep | None = None

    @torch.no_grad()
    def prepare(self, x_BD: Tensor) -> str:
        """Set on a first batch what depends on data and machine; return a line about it."""
        x_BD = self.scaled(x_BD)
        if self.form.kind == "jumprelu" and not self.parameters["threshold"].any():
            self.parameters["threshold"] += _quantile(encoded(self.form, self.parameters, x_BD), self.form.k)
        taken, line = kernels_of(self._settings.kernels, self.case)
        precision = self._settings.precision
        if precision == "int8" and taken != "compiled":
            why = line or "--kernels plain was asked for"
            raise BadInput(f"--precision int8 is done by the compiled kernels alone ({why}); take auto")
        in_bytes = _asked("int8", precision) if taken == "compiled" else False
        asked = Asked(_asked("bfloat16", precision), self._settings.dense_above, in_bytes)
        self._ways, lines = ways_of(self.form, self.parameters, x_BD, asked, self.weights(len(x_BD)))
        self._take(taken)
        return "\n".join([*lines, line] if line else lines)

    def scaled(self, x_BD: Tensor) -> Tensor:
        """Return activations on the device, scaled."""
        return x_BD.to(self.threshold.device) * self.scale.factor

    @torch.no_grad()
    def gather(self, x_BD: Tensor) -> StepReport:
        """Add the gradients of a batch."""
        x_BD = self.scaled(x_BD)
        result = self._fused_result(x_BD) or self.gradients(x_BD)
        for name, gradient in result.gradients.items():
            if name in self._gathered:
                self._gathered[name] += gradient
            else:
                self._gathered[name] = gradient
        self.idle_L += len(x_BD)
        self.idle_L[result.counts > 0] = 0
        l0 = float(result.counts.sum()) / len(x_BD)
        if not self.form.is_selective:
            self._share = l0 / self.form.n_latents
        loss, squares = float(result.loss), float(result.squares) / len(x_BD)
        parts = {} if self.form.is_selective else _parts(loss, squares / x_BD.shape[1])
        return StepReport(loss, squares / self.scale.variance, l0, parts)

    @torch.no_grad()
    def update(self, rate: float) -> None:
        """Move the parameters by what was gathered."""
        if self._fused is not None and self._fused.holds:
            self._fused.update(rate)
        else:
            self._optimiser.move(self._gathered, rate)
        self._gathered = {}

    @torch.no_grad()
    def resample(self, pool_ND: Tensor, step: int) -> int:
        """Draw dead latents anew from examples with large errors; return how many.

        What becomes of them depends on the parameters, the examples, the seed and `step` alone.
        """
        dead = self.idle_L >= self._settings.dead_after
        count = int(dead.sum())
        if count:
            pool_ND = pool_ND[:: -(-len(pool_ND) // POOL)]
            generator = torch.Generator().manual_seed(derive_seed(self._settings.seed, "resampling", step))
            squares = squared_errors(self.form, self.parameters, self.scaled(pool_ND), self.threshold)
            examples = self.scaled(pool_ND[drawn(squares, count, generator)])
            for name, rows in redrawn(self.form, self.parameters, dead, examples).items():
                self.parameters[name][dead] = rows
                self._optimiser.forget(name, dead)
            self.idle_L[dead] = 0
        return count

    def gradients(self, x_BD: Tensor) -> Result:
        """Return loss and gradients of a scaled batch."""
        form, weights = self.form, self.weights(len(x_BD))
        if form.kind == "gelu":
            return differentiated_step(form, self.parameters, x_BD, weights)
        if form.kind == "relu" and self._share > self._ways.dense_above:
            return whole_step(form, self.parameters, x_BD, weights, rounded=self._ways.rounded)
        codes = training_codes(form, self.parameters, x_BD, rounded=self._ways.rounded)
        if form.over_batch:
            _follow(self.threshold, codes)
        batch = Batch(x_BD, codes, self._dead(x_BD))
        return step(form, self.parameters, batch, self._ways, weights)

    def weights(self, examples: int) -> Weights:
        """Return what the parts of the loss count: mean squares (relu, gelu), or shares of the variance."""
        if not self.form.is_selective:
            return Weights(1 / (examples * self.form.n_features))
        share = self.done if self.form.target == "tanh" else 1.0
        error = 1 / (examples * self.scale.variance)
        return Weights(error, error * self._settings.aux_coef, share)

    def evaluate(self, held_out: Tensor) -> Evaluation:
        """Return how good the autoencoder is on held-out examples."""
        return evaluate(self.form, self.parameters, held_out, self.threshold, self.scale.factor)

    @property
    def dead_share(self) -> float:
        """Share of the latents that have been idle for long."""
        return float((self.idle_L >= self._settings.dead_after).double().mean())

    def state(self) -> dict[str, Any]:
        """Return all that the next step depends on, but for the data."""
        return {
            "parameters": self.parameters,
            "optimiser": self._optimiser.state(),
            "kernels": self._taken,
            "threshold": self.threshold,
            "idle": self.idle_L,
            "ways": asdict(self._ways),
            "share": self._share,
        }

    @torch.no_grad()
    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        own = {"threshold": self.threshold, "idle": self.idle_L}
        check_counts(steps=state["optimiser"]["steps"])
        check_like(self.parameters, state["parameters"])
        check_like(own, {name: state[name] for name in own})
        for name, value in state["parameters"].items():
            self.parameters[name].copy_(value)
        self._optimiser.restore(state["optimiser"])
        self.threshold.copy_(state["threshold"])
        self.idle_L.copy_(state["idle"])
        self._ways, self._share = Ways(**state["ways"]), state["share"]
        check_goes_on(state["kernels"], self.case)
        self._take(state["kernels"])

    def _take(self, taken: Taken) -> None:
        self._taken = taken
        if taken != "plain":
            encoder = encoder_of(rounded=self._ways.rounded, in_bytes=self._ways.in_bytes)
            self._fused = FusedStep(load(taken), self.form, self.parameters, self._optimiser, encoder)

    def _fused_result(self, x_BD: Tensor) -> Result | None:
        """Return what the kernels make of a batch; None where they are not taken, or have no room for it."""
        codes = None if self._fused is None else self._fused.codes(x_BD)
        if self._fused is None or codes is None:
            return None
        if self.form.over_batch:
            _follow(self.threshold, codes)
        return self._fused.gather(Batch(x_BD, codes, self._dead(x_BD)), self.weights(len(x_BD)))

    def _dead(self, x_BD: Tensor) -> Codes | None:
        if not self._settings.aux_coef or not self.form.is_selective:
            return None
        dead = self.idle_L >= self._settings.dead_after
        return auxiliary_codes(self.form, self.parameters, x_BD, dead)


def _follow(threshold: Tensor, codes: Codes) -> None:
    """Let a threshold follow the least of a batch's active values."""
    if len(codes.values):
        least = codes.values.amin()
        threshold.copy_(torch.where(threshold > 0, EMA * threshold + (1 - EMA) * least, least))


def _rule(settings: Settings) -> Rule:
    return Rule(
        decoupled=settings.optimizer == "adamw",
        decay=settings.weight_decay,
        clip_norm=settings.clip_norm,
        unit_norm=settings.unit_norm,
        accumulate=settings.accumulate,
    )


def _asked(kind: str, precision: str) -> bool | None:
    return None if precision == "auto" else precision == kind


def _quantile(h_BL: Tensor, k: int) -> Tensor:
    """Return the value that k latents of an example exceed on average."""
    return torch.topk(h_BL.reshape(-1), min(h_BL.numel(), len(h_BL) * k)).values[-1].clamp(min=1e-6)
