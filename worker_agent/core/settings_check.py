"""Whether settings make sense."""

from __future__ import annotations

from worker_agent.core.shares import SHARES
from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.messages import BY_INDEX, BY_UUID, LEAST_LOG_BYTES, Settings


def check_settings(settings: Settings) -> None:
    """Raise MessageError with what is wrong with the settings of a hello, if anything is."""
    if not all(gpu and "\0" not in gpu for gpu in settings.gpus):
        raise MessageError(f"Settings.gpus is {settings.gpus!r:.200}, allowed is a list of GPU ids as text")
    if settings.slots_per_gpu is not None and not 1 <= settings.slots_per_gpu <= SHARES:
        allowed = f"allowed are 1 to {SHARES}"
        raise MessageError(f"Settings.slots_per_gpu is {settings.slots_per_gpu}, {allowed}")
    if settings.cpu_slots is not None and settings.cpu_slots < 1:
        raise MessageError(f"Settings.cpu_slots is {settings.cpu_slots}, allowed are 1 and more")
    if settings.least_slots is not None and settings.least_slots < 1:
        raise MessageError(f"Settings.least_slots is {settings.least_slots}, allowed are 1 and more")
    if settings.visible_gpus not in (BY_INDEX, BY_UUID):
        problem = f"{settings.visible_gpus!r:.200}, allowed are {BY_INDEX} and {BY_UUID}"
        raise MessageError(f"Settings.visible_gpus is {problem}")
    if settings.kill_grace_s < 0:
        raise MessageError(f"Settings.kill_grace_s is {settings.kill_grace_s}, allowed are 0 and more")
    if settings.checkpoint_limit_bytes < 0:
        problem = f"{settings.checkpoint_limit_bytes}, allowed are 0 and more"
        raise MessageError(f"Settings.checkpoint_limit_bytes is {problem}")
    if settings.cache_limit_bytes is not None and settings.cache_limit_bytes < 0:
        raise MessageError(
            f"Settings.cache_limit_bytes is {settings.cache_limit_bytes}, allowed are 0 and more"
        )
    if settings.log_limit_bytes < LEAST_LOG_BYTES:
        problem = f"{settings.log_limit_bytes}, allowed are {LEAST_LOG_BYTES} and more"
        raise MessageError(f"Settings.log_limit_bytes is {problem}")
