"""Reporting the progress of a fit to the journal and to the user."""

from dataclasses import dataclass

from ..run.journal import Journal
from ..run.progress_callback import ProgressCallback

FIT, TUNE = "fit", "tune"


@dataclass(frozen=True, slots=True)
class ProgressReporter:
    """Writes finished units to the journal, and calls back with the progress."""

    journal: Journal
    progress: ProgressCallback
    part: str = ""  # put before each unit, where one run has several fits

    def note(self, unit: str) -> None:
        """Record that a unit is finished and saved."""
        self.journal.note(FIT, f"{self.part}{unit}")

    def epoch(self, epoch: int, epochs: int) -> None:
        """Report that an epoch is finished and saved."""
        self.note(f"epoch {epoch}")
        self.progress(FIT, epoch, epochs)

    def ended(self, epochs: int) -> None:
        """Report that the fit has ended, perhaps before its last epoch."""
        self.progress(FIT, epochs, epochs)

    def trials(self, done: int, trials: int) -> None:
        """Report how many trials are finished."""
        self.progress(TUNE, done, trials)
