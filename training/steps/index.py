"""The step `index`: list, check and split the data set."""

from ..datasets.index import build_index, describe
from ..datasets.rows import write_index
from ..evaluation.training_plots import plot_labels
from ..run.folder import write_json
from .context import Workshop

FINGERPRINTS = "fingerprints.jsonl"
LABELS_FILE = "labels.png"


def index(shop: Workshop) -> None:
    """Writes index.csv, findings.json and labels.png, and says what was found."""
    run = shop.run
    _ = shop.first_start  # a backbone that can't be had is said before anything long is done
    shop.cache.mkdir(parents=True, exist_ok=True)
    found = build_index(
        run.dataset,
        shop.recipe,
        shop.cache / FINGERPRINTS,
        run.journal,
        shop.progress,
        shop.workers,
    )
    write_json(run.findings, found.findings.model_dump(mode="json"))
    write_json(run.root_file, str(found.root))
    plot_labels(run.folder / LABELS_FILE, found.rows)
    write_index(run.index, found.rows)
    shop.say(describe(found))
