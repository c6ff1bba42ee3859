"""The typed layer over core's builder: constants and params may be of users' types."""

from __future__ import annotations

import attrs

from steno import core
from steno.action._codec import Codec


@attrs.define(eq=False)
class DagBuilder(core.PlainDagBuilder):
    """
    Builds a graph, stage by stage: a new node depends on every node of the stage before.

    Mistakes are kept, not raised, while appending; `build` raises the first one made.

    Args:
        saga_name: The name of this kind of saga, for people and for `saga_list`.
        codec: Encodes its constants, and the params of its sagas. Types that are registered with it
            must be registered with the codec of the `ActionRegistry` too; best use the same.
    """

    codec: core.ValueCodec = attrs.field(factory=Codec, kw_only=True)
