"""What a training starts from: an earlier one that does not fit is refused."""

from __future__ import annotations

from dataclasses import asdict, replace

from trainers.common.errors import BadInput
from trainers.common.json_files import read_json_file
from trainers.tabular.models.registry import ModelSpec, sizes_of
from trainers.tabular.request import Request
from trainers.tabular.running import planning
from trainers.tabular.running.claims import SETTINGS_FILE

PARENT = "parent"
"""What a base model is known to start from: which one it is, the job's hash tells."""


def check_sizes(request: Request, spec: ModelSpec) -> None:
    """Raise BadInput where the settings ask for other sizes than the networks to train further have."""
    asked = planning.sizes_of(request.settings.sizes, spec.name)
    found, wanted = asdict(sizes_of(spec)), asdict(sizes_of(replace(spec, sizes=asked)))
    for name in asked:
        if found[name] != wanted[name]:
            raise BadInput(
                f"{request.start}: its {spec.name} has {name} {found[name]}, --sizes asks for"
                f" {wanted[name]}; both must be equal, or leave --sizes out"
            )


def check_parent(request: Request) -> None:
    """Raise BadInput where what a base model starts from has seen the group that both are for."""
    target = request.target_group
    if not request.is_child or request.start is None or target is None:
        return
    left_out = read_json_file(request.start / SETTINGS_FILE).get("target_group")
    if left_out != target:
        raise BadInput(
            f"{request.start}: the base model to start from did not leave out {target}, the target group"
            " of the job: give `target_group` to the first stage"
        )
