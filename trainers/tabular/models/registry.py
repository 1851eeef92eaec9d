"""The networks by name, with the recipe that each is trained by where nothing else is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from torch import Tensor, nn

from trainers.common.errors import BadInput
from trainers.tabular.data.dataset import Columns, Problem
from trainers.tabular.models.ft_transformer import FtSizes, FtTransformer
from trainers.tabular.models.layers import Dropout
from trainers.tabular.models.mlp import Mlp, MlpSizes
from trainers.tabular.models.realmlp import RealMlp, RealMlpSizes
from trainers.tabular.models.tabm import Tabm, TabmSizes, bin_edges
from trainers.tabular.models.transformers import TabularTransformer, Transformer, TransformerSizes

Inputs = Literal["standard", "quantile", "robust"]
Schedule = Literal["constant", "cosine", "coslog4"]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained where nothing else is asked for."""

    learning_rate: float
    weight_decay: float
    clip_norm: float
    """Most norm of a step's gradient; 0 for any."""
    schedule: Schedule = "constant"
    least_rate: float = 0.0
    """Where the cosine ends."""
    batch_size: int = 256
    epochs: int = 2000
    patience: int = 0
    """Epochs without a better validation loss after which training ends; 0 never ends it early."""
    betas: tuple[float, float] = (0.9, 0.999)
    label_smoothing: float = 0.0
    inputs: Inputs = "standard"


@dataclass(frozen=True)
class ModelSpec:
    """Which network, for which table."""

    name: str
    columns: Columns
    problem: Problem
    sizes: Mapping[str, int | float] = field(default_factory=dict)
    """Sizes other than the usual ones, by the names of the model's own."""


@dataclass(frozen=True)
class Model:
    """What is known of a network before one is built."""

    sizes: Any
    """The usual ones, a frozen dataclass."""
    make: Callable[[ModelSpec, Any, Tensor | None], nn.Module]
    recipe: Recipe
    stacks: bool = True
    """Whether members can be one network."""
    gains_on_cpu: bool = False
    """Whether stacked members that are not large are faster than in turn on a CPU, too."""
    classes: Mapping[str, Any] = field(default_factory=dict)
    """What the recipe has else where classes are predicted."""


def _of(
    kind: Callable[[Columns, int, Any], nn.Module],
) -> Callable[[ModelSpec, Any, Tensor | None], nn.Module]:
    return lambda spec, sizes, _: kind(spec.columns, spec.problem.outputs, sizes)


def _realmlp(spec: ModelSpec, sizes: RealMlpSizes, _: Tensor | None) -> nn.Module:
    regression = spec.problem.kind == "regression"
    return RealMlp(spec.columns, spec.problem.outputs, sizes, regression=regression)


def _tabm(spec: ModelSpec, sizes: TabmSizes, inputs: Tensor | None) -> nn.Module:
    if inputs is None:
        raise ValueError("the bins of tabm are made of training rows")
    return Tabm(spec.columns, spec.problem, sizes, bin_edges(inputs, sizes.bins))


_SEED = Recipe(3e-4, 1e-4, 1.0, "cosine", least_rate=1e-6)

MODELS: Mapping[str, Model] = {
    "transformer": Model(TransformerSizes(), _of(Transformer), _SEED),
    "tabular_transformer": Model(TransformerSizes(), _of(TabularTransformer), _SEED),
    "mlp": Model(MlpSizes(), _of(Mlp), Recipe(1e-4, 1e-3, 1.0), gains_on_cpu=True),
    "tabm": Model(
        TabmSizes(),
        _tabm,
        Recipe(2e-3, 3e-4, 1.0, epochs=1000, patience=16, inputs="quantile"),
        stacks=False,
    ),
    "realmlp": Model(
        RealMlpSizes(),
        _realmlp,
        Recipe(7e-2, 0.0, 0.0, "coslog4", epochs=256, betas=(0.9, 0.95), inputs="robust"),
        gains_on_cpu=True,
        classes={"learning_rate": 4e-2, "label_smoothing": 0.1},
    ),
    "ft_transformer": Model(
        FtSizes(), _of(FtTransformer), Recipe(1e-4, 1e-5, 0.0, epochs=1000, patience=16, inputs="quantile")
    ),
}
"""Sizes and rates: of the first three as a script for the pMSSM has them, of the others as their authors."""


def recipe(name: str, problem: Problem) -> Recipe:
    """Return how a model is trained where nothing else is asked for."""
    model = MODELS[name]
    return model.recipe if problem.kind == "regression" else replace(model.recipe, **model.classes)


def sizes_of(spec: ModelSpec) -> Any:
    """Return the sizes of a network; BadInput for one that the model does not have."""
    usual = MODELS[spec.name].sizes
    known = {entry.name: type(getattr(usual, entry.name)) for entry in fields(usual)}
    for name, value in spec.sizes.items():
        if name not in known:
            raise BadInput(f"the model {spec.name} has no size {name}; it has {', '.join(known)}")
        if known[name] is int and (value != int(value) or value < 1):
            raise BadInput(f"the size {name} of {spec.name} is {value}; it must be a whole number from 1")
    return replace(usual, **{name: known[name](value) for name, value in spec.sizes.items()})


def build(spec: ModelSpec, inputs: Tensor | None = None, categories: Tensor | None = None) -> nn.Module:
    """Return a new network, drawn from the global generator: (numeric, categories) → [N, outputs].

    `inputs` and `categories` are prepared training rows [N, F] and [N, C]: the bins of `tabm` are made of the
    former, the columns that `realmlp` makes of categories are scaled by the latter.  Outputs are the targets
    of a regression (then one logit, where its rows may be without), one logit, or one logit a class.
    """
    sizes = sizes_of(spec)
    heads = getattr(sizes, "heads", 1)
    if getattr(sizes, "width", heads) % heads:
        raise BadInput(f"{spec.name}: a width of {sizes.width} is no multiple of {heads} heads")
    made = MODELS[spec.name].make(spec, sizes, inputs)
    if isinstance(made, RealMlp) and categories is not None and categories.shape[1]:
        made.fit_categories(categories)
    return made


def load(spec: ModelSpec, state: Mapping[str, Tensor]) -> nn.Module:
    """Return the network of a state, ready to predict; BadInput where the two do not belong together."""
    sizes = sizes_of(spec)
    try:
        if spec.name == "tabm":
            made: nn.Module = Tabm(spec.columns, spec.problem, sizes, state["edges_FE"])
        else:
            made = build(spec)
        made.to(next(iter(state.values())).dtype).load_state_dict(dict(state))
    except (KeyError, RuntimeError, ValueError) as error:
        first = str(error).splitlines()[-1].strip()
        raise BadInput(f"these weights are of another {spec.name} than {asdict(sizes)}: {first}") from error
    return made.eval()


def rate_factors(network: nn.Module) -> dict[str, float]:
    """Return what the learning rate of each parameter is multiplied by."""
    special = network.rate_factors() if isinstance(network, RealMlp) else {}
    return {name: special.get(name, 1.0) for name, _ in network.named_parameters()}


def decay_factors(network: nn.Module) -> dict[str, float]:
    """Return what the weight decay of each parameter is multiplied by."""
    left_alone = network.without_decay() if isinstance(network, FtTransformer) else set()
    return {name: 0.0 if name in left_alone else 1.0 for name, _ in network.named_parameters()}


def count_parameters(network: nn.Module) -> int:
    """Return how many numbers a network learns."""
    return sum(parameter.numel() for parameter in network.parameters())


def with_own_dropout(network: nn.Module) -> nn.Module:
    """Put our dropout in the place of torch's, so that each member draws from a generator of its own."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Dropout):
                setattr(module, name, Dropout(child.p))
    return network
