"""
Scenarios of the pure driver, for Hypothesis.

Here and not in `steno.testing`, because a crash point is a commit of `support.simulator`, which
drives the machine without a SEC: users have actions, a store and `open_sec`.
"""

import attrs
from hypothesis import strategies as st

from steno.testing.fakes import SagaSpec
from steno.testing.faults import FaultPlan, NodeFault
from steno.testing.strategies import fault_plans, sagas, scripts


@attrs.frozen
class Scenario:
    """
    All that decides how a saga runs.

    Attributes:
        spec: The saga's graph.
        plan: What goes wrong.
        script: What completes when; when it ends, the oldest.
        crashes: At which commits the machine is lost; 2n: before, 2n+1: after the commands of
            commit n were carried out.
    """

    spec: SagaSpec
    plan: FaultPlan = attrs.field(factory=FaultPlan)
    script: bytes = b""
    crashes: frozenset[int] = frozenset()


_POINTS = st.frozensets(st.integers(0, 20), max_size=3)
_SPECS = sagas()


@st.composite
def scenarios(
    draw: st.DrawFn, faults: tuple[NodeFault, ...] = tuple(NodeFault), *, crashes: bool = True
) -> Scenario:
    spec = draw(_SPECS)
    plan = draw(fault_plans(spec, faults))
    return Scenario(spec, plan, draw(scripts), draw(_POINTS) if crashes else frozenset())
