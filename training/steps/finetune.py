"""The step `finetune`: the backbone learns on single face crops."""

import shutil

from ..datasets.rows import VIDEO
from ..features.collect import compute
from ..features.start import save_start
from ..fitting.finetune import Settings, finetune_backbone
from ..fitting.pairs import Faces
from .context import Workshop


def finetune(shop: Workshop) -> None:
    """Leaves the trained backbone in the run."""
    run = shop.run
    plan = shop.plan_of(shop.first_start)
    videos = [row for row in shop.rows if row.kind == VIDEO]
    lost = compute(videos, shop.job(plan), "crops", run.journal, shop.progress)
    rows = [row for row in shop.rows if row.name not in lost]
    faces = Faces(shop.root, plan)
    settings = Settings(shop.recipe.finetuning, shop.recipe.seed)
    trained = finetune_backbone(
        shop.first_start, faces, rows, settings, run.folder / "finetune", run.journal, shop.progress
    )
    shutil.rmtree(run.finetuned, ignore_errors=True)
    save_start(trained, run.finetuned)
