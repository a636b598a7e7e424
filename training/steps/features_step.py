"""The step `features`: the vectors of every video."""

from ..features.collect import compute, gather
from .context import RunContext


def compute_features(context: RunContext) -> None:
    """Computes what is not in the cache, and writes this run's vectors into one file."""
    job = context.job(context.plan)
    lost = compute(context.rows, job, "vectors", context.run.journal, context.progress)
    collected = gather(context.rows, context.plan, lost, context.run.features)
    context.save_collected(collected)
    for name, why in collected.left_out.items():
        context.announce(f"left out: {name}: {why}")
