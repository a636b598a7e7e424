"""The step `finetune`: the backbone learns on single face crops."""

import shutil

from ..datasets.rows import VIDEO
from ..features.collect import compute
from ..features.initial_weights import save_initial_weights
from ..fitting.finetune import Settings, finetune_backbone
from ..fitting.pairs import CropSource
from .context import RunContext


def finetune(context: RunContext) -> None:
    """Leaves the trained backbone in the run's folder."""
    run = context.run
    plan = context.plan_of(context.named_weights)
    videos = [row for row in context.rows if row.kind == VIDEO]
    lost = compute(videos, context.job(plan), "crops", run.journal, context.progress)
    rows = [row for row in context.rows if row.name not in lost]
    faces = CropSource(context.root, plan)
    settings = Settings(context.recipe.finetuning, context.recipe.seed)
    trained = finetune_backbone(
        context.named_weights,
        faces,
        rows,
        settings,
        run.folder / "finetune",
        run.journal,
        context.progress,
    )
    shutil.rmtree(run.finetuned, ignore_errors=True)
    save_initial_weights(trained, run.finetuned)
