"""The write that creates a saga, with its tags: the machine of a saga knows nothing of them."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from steno.runtime._executor import SagaExecutor
from steno.store import SagaCreateParams


def creation(executor: SagaExecutor, tags: Mapping[str, str]) -> SagaCreateParams:
    """Return the write that creates a saga as it is now."""
    write = executor.create_params()
    return attrs.evolve(write, tags=tags) if tags else write
