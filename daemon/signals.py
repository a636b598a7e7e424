"""What the service manager asks for by signals: to stop, and to read the settings again."""

import signal
from collections.abc import Callable


class Signals:
    """SIGTERM and SIGINT stop, SIGHUP reloads. `on_signal` is called by the handlers.

    A handler interrupts the main thread wherever it is, in the middle of writing a line of the log,
    too: it takes no lock and writes nothing, and neither may `on_signal`.
    """

    def __init__(self, on_signal: Callable[[], None]) -> None:
        self._on_signal = on_signal
        self._stopped_by: int | None = None  # a signal's number
        self._must_reload = False

    def listen(self) -> None:
        """Must be called in the main thread."""
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)

    @property
    def stopped_by(self) -> str | None:
        """The name of the signal that asked to stop; None as long as none did."""
        return None if self._stopped_by is None else signal.Signals(self._stopped_by).name

    def take_reload(self) -> bool:
        """Whether a reload was asked for since the last call."""
        asked, self._must_reload = self._must_reload, False
        return asked

    def _on_stop(self, number: int, _frame: object) -> None:
        self._stopped_by = number
        self._on_signal()

    def _on_reload(self, _number: int, _frame: object) -> None:
        self._must_reload = True
        self._on_signal()
