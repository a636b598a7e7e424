"""A network for many workers, served by threads of this process over real pipes."""

import threading
from multiprocessing import Pipe

from ddaemon.stages.networks.backbone import Backbone
from ddaemon.stages.networks.link import Link
from ddaemon.stages.networks.network_server import Batches, LinkServer
from ddaemon.stages.networks.shared_backbone import SharedBackbone

SHA256 = "5" * 64
MOST = 8  # crops at a time


class Shared:
    """What runs, and links to it. Nothing runs before `start`."""

    def __init__(self, backbone: Backbone, size: int, engine: str = "openvino") -> None:
        self.batches = Batches(backbone)
        self.server = LinkServer(self.batches, size, MOST, f"{SHA256} {engine}")
        self.jobs: list[int] = []  # of each run

    def start(self) -> "Shared":
        threading.Thread(target=self._run, daemon=True).start()
        return self

    def ends(self) -> Link:
        """A worker's ends of a new link."""
        asked, ask = Pipe(duplex=False)
        hear, answers = Pipe(duplex=False)
        served = Link(writer=answers, reader=asked)
        threading.Thread(target=self.server.serve, args=(served,), daemon=True).start()
        return Link(ask, hear)

    def link(self) -> SharedBackbone:
        return SharedBackbone(self.ends(), SHA256)

    def _run(self) -> None:
        while True:
            self.jobs.append(self.batches.run_next())


def shared_with(backbone: Backbone, size: int) -> Shared:
    return Shared(backbone, size).start()
