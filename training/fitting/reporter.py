"""Who is told what of a fit."""

from dataclasses import dataclass

from ..run.journal import Journal
from ..run.progress_callback import ProgressCallback

FIT, TUNE = "fit", "tune"


@dataclass(frozen=True, slots=True)
class ProgressReporter:
    """The journal, and whoever shows how far the work is."""

    journal: Journal
    progress: ProgressCallback
    part: str = ""  # put before each unit, where one run has several fits

    def note(self, unit: str) -> None:
        """A unit is finished and kept."""
        self.journal.note(FIT, f"{self.part}{unit}")

    def epoch(self, epoch: int, epochs: int) -> None:
        """An epoch is finished and kept."""
        self.note(f"epoch {epoch}")
        self.progress(FIT, epoch, epochs)

    def ended(self, epochs: int) -> None:
        """The fit has ended, maybe before its last epoch."""
        self.progress(FIT, epochs, epochs)

    def trials(self, done: int, trials: int) -> None:
        """So many trials are finished."""
        self.progress(TUNE, done, trials)
