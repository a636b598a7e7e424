"""The step `features`: the vectors of every video."""

from ..features.collect import compute, gather
from .context import Workshop


def compute_features(shop: Workshop) -> None:
    """Computes what is not in the cache, and lays this run's vectors into one file."""
    job = shop.job(shop.plan)
    lost = compute(shop.rows, job, "vectors", shop.run.journal, shop.progress)
    collected = gather(shop.rows, shop.plan, lost, shop.run.features)
    shop.save_collected(collected)
    for name, why in collected.left_out.items():
        shop.say(f"left out: {name}: {why}")
