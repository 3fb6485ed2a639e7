"""A model does not have a whole GPU of which a part would do."""

from collections.abc import Iterator

from inference_stack.catalog import CATALOG
from inference_stack.planner import Plan, PlannedModel, plan
from inference_stack.spec import GpuPool, InvalidEnvironment, Mig, MigProfile, Nodes, Placement
from policies.context import Context
from policies.rule import STACK, Level, Violation, rule
from policies.seen import Seen

ROOM = 10
"""Nodes that the slices may take: enough that not their number decides."""


@rule(
    demand="A model does not have a whole GPU where a MIG slice of it serves within the SLO, for less.",
    why="The rest of the GPU is paid for and serves nobody.",
    remedy="add a pool of slices and place the model there",
    level=Level.ADVISORY,
    on=[STACK],
    whole=True,
)
def no_whole_gpu_where_a_slice_fits(_: Seen, context: Context) -> Iterator[Violation]:
    """Models on one whole GPU for which the planner finds a cheaper slice."""
    if context.plan is None:
        return
    positions = {model.name: index for index, model in enumerate(context.plan.environment.models)}
    for model in context.plan.models:
        found = _cheaper_slice(context.plan, model)
        if found is None:
            continue
        profile, usd = found
        yield Violation(
            f"models[{positions[model.name]}].placement",
            f"pool {model.pool}",
            f"takes {model.usd_per_hour:.2f} USD an hour at peak; slices {profile} would do for {usd:.2f}",
            f"a pool of {profile}",
            subject=model.name,
        )


def _cheaper_slice(whole: Plan, model: PlannedModel) -> tuple[str, float] | None:
    """The cheapest profile on which the planner can serve the model, if it costs less than now."""
    pool = next(each for each in whole.pools if each.name == model.pool)
    if (
        pool.mig
        or pool.existing
        or model.units != 1
        or model.share < 1
        or model.prefill
        or not model.usd_per_hour
    ):
        return None
    sliced = (row.aks_profile for row in CATALOG.profiles(pool.sku) if row.per_gpu > 1)
    prices = ((_price(whole, model, pool.sku, profile), profile) for profile in sliced)
    best = min(((usd, profile) for usd, profile in prices if usd is not None), default=None)
    return (best[1], best[0]) if best and best[0] < model.usd_per_hour else None


def _price(whole: Plan, model: PlannedModel, sku: str, profile: str) -> float | None:
    """What the model would cost at peak, alone on slices of this profile; None where they will not do."""
    asked = next(each for each in whole.environment.models if each.name == model.name)
    slices = GpuPool(name="slices", sku=sku, mig=Mig(profile=MigProfile(profile)), nodes=Nodes(max=ROOM))
    alone = whole.environment.model_copy(
        update={
            "models": (asked.model_copy(update={"placement": Placement(pool="slices")}),),
            "pools": (slices,),
            "capacity_reservations": (),
            "quota": {},
            "budget": None,
        }
    )
    try:
        (served,) = plan(alone, whole.name).models
    except InvalidEnvironment:
        return None
    return served.usd_per_hour
