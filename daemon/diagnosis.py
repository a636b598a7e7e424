"""The checks of `ddaemon doctor`. Each is one function; each fault comes with its fix."""

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ..isolation.process import WorkerProcess
from ..isolation.sandbox.confinement import Confinement
from ..stages.examination.trust import trust_anchors
from ..stages.networks.devices import CPU_ENGINE, is_shared
from ..stages.settings import FramesSettings
from ..stages.shipped import data_file
from ..storage.database import Database
from ..storage.detector_record import GoldenRecord
from ..storage.errors import DdaemonError, HomeError, UserError, WorkerError
from ..storage.place import Server
from ..storage.registry import Registry
from .dispatch.confining import confine_network, confine_worker
from .dispatch.worker import engine_of
from .home.config import Config, read_config, read_config_if_any
from .home.folders import inbox_path, outbox_path
from .home.home import Home
from .notices.addresses import AddressRefused
from .notices.delivery_result import NotDelivered
from .notices.planner import targets_of
from .verify.checker import Checker

WORKER_PATIENCE_S = 60.0
CODECS = ("h264", "hevc", "vp9", "av1", "mpeg4", "mpeg2video", "mjpeg")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked. `fix` is empty when all is well; `lacking` marks something
    that would be good to have, but whose absence is not a fault."""

    what: str
    fix: str = ""
    lacking: bool = False
    look: str = ""  # which look found it

    @property
    def state(self) -> str:
        """One of "ok", "lacks" or "fault"."""
        return "fault" if self.fix else "lacks" if self.lacking else "ok"


def diagnose(home: Home) -> Iterator[Finding]:
    """Look at everything, in the order in which faults follow from each other."""
    config = _config_or_default(home)
    for name, look in _looks(home):
        try:
            for finding in look(config):
                yield replace(finding, look=name)
        except (DdaemonError, OSError) as error:
            yield Finding(name, str(error), look=name)


def _looks(home: Home) -> list[tuple[str, Callable[[Config], Iterator[Finding]]]]:
    return [
        ("home", lambda _config: _look_at_home(home)),
        ("settings", lambda _config: _look_at_settings(home)),
        ("database", lambda _config: _look_at_database(home)),
        ("folders", lambda config: _look_at_folders(home, config)),
        ("notices", lambda config: _look_at_notices(home, config)),
        ("disk", lambda config: _look_at_disk(home, config)),
        ("codecs", lambda _config: _look_at_codecs()),
        ("sandbox", lambda config: _look_at_sandbox(home, config)),
        ("stages", _look_at_stages),
        ("trust", _look_at_trust),
        ("detector", lambda _config: _look_at_detector(home)),
        ("network", lambda config: _look_at_network(home, config)),
        ("golden clip", lambda config: _look_at_golden(home, config)),
    ]


def _config_or_default(home: Home) -> Config:
    try:
        return read_config_if_any(home.config)
    except UserError:
        # The look at the settings reports the fault; the other looks use the defaults.
        return Config.model_construct()


def _look_at_home(home: Home) -> Iterator[Finding]:
    home.require()
    home.require_own()
    mode = home.path.stat().st_mode & 0o777
    open_to_all = f"others can read {home.path}; chmod o-rwx it" if mode & 0o007 else ""
    yield Finding(f"home {home.path}", open_to_all)
    for path in (home.path, home.config, home.detectors):
        if path.stat().st_mode & 0o020:
            yield Finding(f"{path}", "its group may write it, and so run commands; chmod g-w it")
    yield Finding(f"service {'alive' if home.is_held() else 'not running'}")


def _look_at_settings(home: Home) -> Iterator[Finding]:
    read_config(home.config)
    yield Finding(f"settings {home.config}")


def _look_at_database(home: Home) -> Iterator[Finding]:
    place = home.database
    database = Database.open(place)
    if isinstance(place, Server):
        database.close()
        yield Finding(f"database {place}")
        return
    with database.read() as connection:
        answer = connection.exec_driver_sql("PRAGMA quick_check").scalar_one()
    database.close()
    if answer != "ok":
        raise HomeError(f"the database is damaged ({answer}); restore a copy of {place}")
    mode = place.stat().st_mode & 0o077
    yield Finding(f"database {place}", "chmod 600 it: others can read it" if mode else "")


def _look_at_folders(home: Home, config: Config) -> Iterator[Finding]:
    folders = {
        "inbox": inbox_path(home, config),
        "outbox": outbox_path(home, config),
        "work": home.work,
        "quarantine": home.quarantine,
    }
    for name, folder in folders.items():
        if not folder.is_dir():
            yield Finding(f"{name} {folder}", "it is not there; make or mount it")
        elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            yield Finding(f"{name} {folder}", "this user may not write there; chown or chmod it")
        else:
            yield Finding(f"{name} {folder}")


def _look_at_notices(home: Home, config: Config) -> Iterator[Finding]:
    for target in targets_of(config.notify, outbox_path(home, config), home.quarantine):
        try:
            target.check()
        except (NotDelivered, AddressRefused) as error:
            yield Finding(target.label, str(error))
        else:
            yield Finding(f"{target.label} (`ddaemon notify test` tries it)")


def _look_at_disk(home: Home, config: Config) -> Iterator[Finding]:
    free = shutil.disk_usage(home.path).free // 1_000_000
    low = free < config.disk.min_free_mb
    fix = f"make room: below {config.disk.min_free_mb} MB nothing is taken" if low else ""
    yield Finding(f"disk {free} MB free", fix)


def _look_at_codecs() -> Iterator[Finding]:
    from ..stages.media.codecs import can_decode

    missing = [codec for codec in CODECS if not can_decode(codec)]
    fix = f"no decoder for {', '.join(missing)}; reinstall the package av" if missing else ""
    yield Finding(f"codecs {', '.join(codec for codec in CODECS if codec not in missing)}", fix)


def _look_at_sandbox(home: Home, config: Config) -> Iterator[Finding]:
    """Asks a worker which rules it could not apply; with sandbox = "require" that is a fault."""
    if config.workers.sandbox == "off":
        yield Finding("sandbox: workers are not shut in (workers.sandbox is off)", lacking=True)
        return
    with _fresh_worker(confine_worker(config, (), home.work, [home.path])) as worker:
        worker.submit(os.getpid).result(WORKER_PATIENCE_S)
        missing = worker.missing()
    for part in missing:
        yield Finding(f"sandbox: {part}", lacking=True)
    yield Finding(f"sandbox: workers are shut in{' but for that' if missing else ''}")


@contextmanager
def _fresh_worker(confinement: Confinement) -> Iterator[WorkerProcess]:
    """Raises `WorkerError` when it dies or hangs."""
    worker = WorkerProcess(1, confinement)
    try:
        yield worker
    except (BrokenProcessPool, TimeoutError) as error:
        raise WorkerError(f"no worker process starts: {error or 'it hangs'}") from error
    finally:
        worker.stop()


def _look_at_stages(config: Config) -> Iterator[Finding]:
    from ..stages.chain import build_chain

    build_chain(config.stages)
    yield Finding(f"stages {' -> '.join(config.stages)}")


def _look_at_trust(config: Config) -> Iterator[Finding]:
    trust = config.examine.trust
    trust_anchors(trust)
    yield Finding(f"trust {trust or 'in nobody who signs provenance (examine.trust is empty)'}")


def _look_at_detector(home: Home) -> Iterator[Finding]:
    detector = Registry(home.detectors).active()
    detector.verify()
    yield Finding(f"detector {detector.name} {detector.record.version}, files as recorded")


def _look_at_network(home: Home, config: Config) -> Iterator[Finding]:
    """Where the network really runs: only TensorFlow knows whether there is a usable GPU."""
    detector, features = Registry(home.detectors).active(), config.features
    confinement = confine_network(config, [home.detectors, detector.path], [home.path])
    asked = detector.path, detector.bundled, config.for_stages()
    with _fresh_worker(confinement) as worker:
        engine = worker.submit(engine_of, *asked).result(WORKER_PATIENCE_S)
    apart = features.shared == "auto" and engine == CPU_ENGINE
    where = "one process for all workers" if is_shared(features) and not apart else "each worker"
    yield Finding(f"network runs in {engine}, in {where}")


def _look_at_golden(home: Home, config: Config) -> Iterator[Finding]:
    detector = Registry(home.detectors).active()
    golden = detector.record.golden
    if golden is None:
        yield Finding(f"golden clip: detector {detector.name} names none")
        return
    as_recorded = _as_recorded(config, golden)
    clip = data_file(golden.clip)
    with Checker(as_recorded, detector, [clip]) as checker:
        found = checker.check(clip)["probability"]
    what = f"golden clip {golden.clip}: {found:.4f}, recorded {golden.probability:.4f}"
    off = found is None or abs(found - golden.probability) > golden.tolerance
    yield Finding(
        what,
        f"scores differ by more than {golden.tolerance:g} from where the detector was made: "
        "a library behaves differently here; install the locked versions (requirements.lock)"
        if off
        else "",
    )


def _as_recorded(config: Config, golden: GoldenRecord) -> Config:
    """The default settings that the golden score was made with, and this machine's limits."""
    return Config(workers=config.workers, frames=FramesSettings(count=golden.frames))
