"""The step `index`: list, check and split the data set."""

from ..datasets.index import build_index, describe
from ..datasets.rows import write_index
from ..evaluation.training_plots import plot_labels
from ..run.folder import write_json
from .context import RunContext

FINGERPRINTS = "fingerprints.jsonl"
LABELS_FILE = "labels.png"


def index(context: RunContext) -> None:
    """Writes index.csv, findings.json and labels.png, and reports what was found."""
    run = context.run
    _ = context.named_weights  # fails early when the backbone is not available
    context.cache.mkdir(parents=True, exist_ok=True)
    found = build_index(
        run.dataset,
        context.recipe,
        context.cache / FINGERPRINTS,
        run.journal,
        context.progress,
        context.workers,
    )
    write_json(run.findings, found.findings.model_dump(mode="json"))
    write_json(run.root_file, str(found.root))
    plot_labels(run.folder / LABELS_FILE, found.rows)
    write_index(run.index, found.rows)
    context.announce(describe(found))
