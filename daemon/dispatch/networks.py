"""The processes that run networks for all workers: one for each detector in use."""

import logging
import socket
from collections.abc import Iterable
from multiprocessing import get_context
from pathlib import Path

from ...isolation.process import WorkerProcess
from ...isolation.sandbox.confinement import Confinement
from ...stages.networks.devices import is_shared
from ...stages.networks.link import Link
from ...stages.settings import FeaturesSettings
from ...storage.errors import NetworkLost, UserError
from ...storage.registry import DetectorFolder, read_detector
from ..home.config import Config
from .confining import confine_network

logger = logging.getLogger(__name__)

NetworkKey = tuple[Path, str, FeaturesSettings]


class SharedNetwork:
    """One process that runs one detector's backbone. It begins to load at once.

    As the handle source of a `WorkerProcess` it gives each new worker a link to this process.
    """

    def __init__(
        self, detector: DetectorFolder, settings: FeaturesSettings, confinement: Confinement
    ) -> None:
        self._channel, theirs = socket.socketpair()
        self.process = WorkerProcess(1, confinement, _Once(theirs))
        self._serving = self.process.submit(
            _serve, detector.path, detector.bundled, detector.sha256, settings
        )
        # Else links that it never accepted would stay open, and workers wait for its greeting.
        self._serving.add_done_callback(lambda _serving: self.process.kill())

    def open_handle(self) -> Link:
        """A new link. One to a process that is gone is closed at its other end, so its first use
        fails."""
        context = get_context("spawn")
        requests, writer = context.Pipe(duplex=False)
        reader, replies = context.Pipe(duplex=False)
        try:
            socket.send_fds(self._channel, [b"l"], [requests.fileno(), replies.fileno()])
        except OSError as error:
            logger.debug("no link to a network that is gone: %s", error)
        finally:
            requests.close()
            replies.close()
        return Link(writer, reader)

    def is_gone(self) -> bool:
        """Whether the process has ended."""
        return self._serving.done()

    def fault(self) -> Exception | None:
        """The exception that it ended with, if it sent one."""
        error = self._serving.exception() if self._serving.done() else None
        return error if isinstance(error, Exception) else None

    def stop(self) -> None:
        """End the process; its links are closed with it."""
        self.process.stop()
        self._channel.close()


class Networks:
    """One shared network for each detector that workers judge by.

    Args:
        private: folders that no import path may open (see `Confinement`).
    """

    def __init__(self, private: Iterable[Path] = ()) -> None:
        self._private = tuple(private)
        self._running: dict[NetworkKey, SharedNetwork] = {}

    def of(
        self, detector: DetectorFolder, config: Config, read: Iterable[Path]
    ) -> SharedNetwork | None:
        """The network that runs this detector, started if there is none yet; None when each worker
        is to run its own. `read` are the folders that hold detectors."""
        if not is_shared(config.features):
            return None
        key = (detector.path, detector.sha256, config.features)
        network = self._running.get(key)
        if network is None or network.is_gone():
            if network is not None:
                network.stop()
            confinement = confine_network(config, read, self._private)
            network = SharedNetwork(detector, config.features, confinement)
            self._running[key] = network
        return network

    def cause(self, error: BaseException) -> BaseException:
        """The cause of a worker's error. When a worker lost its network, all are stopped, so that
        the next job gets a new one, whether the old one died or hangs."""
        if not isinstance(error, NetworkLost):
            return error
        faults = [network.fault() for network in self._running.values()]
        self.stop()
        return next((fault for fault in faults if isinstance(fault, UserError)), error)

    def keep(self, used: Iterable[object]) -> None:
        """Stop all networks but these."""
        kept = list(used)
        for key, network in list(self._running.items()):
            if network not in kept:
                network.stop()
                del self._running[key]

    def stop(self) -> None:
        """Stop all networks."""
        self.keep(())


class _Once:
    """The handle source of a process that is started once: it inherits `channel`."""

    def __init__(self, channel: socket.socket) -> None:
        self._handle = channel

    def open_handle(self) -> socket.socket:
        return self._handle


def _serve(path: Path, bundled: bool, sha256: str, settings: FeaturesSettings) -> None:
    """Runs in the process. Heavy imports are made here, as in `worker.py`."""
    from ...stages.networks.network_server import serve_network

    detector = read_detector(path, bundled=bundled)
    detector.require(sha256)
    serve_network(detector, settings)
