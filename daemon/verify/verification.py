"""`ddaemon verify`: whether a verdict is the one that was published, whole, and repeatable.

Nothing in the folder is trusted: the record is compared with the audit log, each file with the
record, detector and video with the hashes in it, and what the chain found with what it finds now.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import ValidationError

from ...record.comparison import compare, other_versions
from ...record.file import VERDICT_FILE, files_of
from ...record.parsing import RecordDamaged, is_format_1, parse_record
from ...record.schema import VerifiableRecord
from ...record.witnesses import witness_of
from ...stages.settings import StageSettings
from ...storage.audit import Entry, Witness
from ...storage.audit_log import AuditLog
from ...storage.content import file_name, hash_file
from ...storage.errors import DdaemonError, DetectorError, HomeError, JobError, UserError
from ...storage.job_reader import JobReader
from ...storage.reading import is_there
from ...storage.registry import DetectorFolder, Registry
from ..home.config import Config, read_config_if_any
from ..home.home import Home
from .checker import Checker

SHOWN = 12  # characters of a hash


class CheckState(StrEnum):
    OK = "ok"
    FAULT = "fault"  # it contradicts the record, or the record contradicts the log
    NOT_CHECKED = "not_checked"  # something that the check needs is not here
    SKIPPED = "skipped"  # not asked for


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked, with the result."""

    what: str
    state: CheckState
    text: str


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """What is to be verified."""

    home: Home
    folder: Path
    video: Path | None = None  # the one that was judged, if it lies elsewhere
    rerun: bool = True


def overall(checks: list[Check]) -> CheckState:
    """The worst state: a fault outweighs what could not be checked, which outweighs the rest."""
    states = {check.state for check in checks}
    return next(
        (s for s in (CheckState.FAULT, CheckState.NOT_CHECKED) if s in states), CheckState.OK
    )


def verify(asked: VerifyRequest) -> Iterator[Check]:
    """Check one verdict's folder, yielding each check when it is done."""
    try:
        raw = (asked.folder / VERDICT_FILE).read_bytes()
    except OSError as error:
        yield Check("record", CheckState.FAULT, f"{VERDICT_FILE} can't be read: {error.strerror}")
        return
    record, fault = _parse(raw)
    vouched = _check_log(asked, raw, record)
    yield from vouched
    if record is None:
        yield fault
        return
    hashes = _hashes(asked.folder)
    yield from _check_files(record, hashes)
    detector, check = _check_detector(Registry(asked.home.detectors), record)
    yield check
    video, check = _check_input(asked, record, hashes)
    yield check
    is_vouched = overall(vouched) is CheckState.OK
    yield from _check_again(asked, record, detector, video, is_vouched=is_vouched)


def _parse(raw: bytes) -> tuple[VerifiableRecord | None, Check]:
    try:
        return parse_record(raw), Check("record", CheckState.OK, "")
    except RecordDamaged as error:
        if is_format_1(raw):
            text = "it is of format 1, which lists neither its files nor its settings"
            return None, Check("record", CheckState.NOT_CHECKED, text)
        return None, Check(
            "record", CheckState.FAULT, f"{VERDICT_FILE} is no whole record: {error}"
        )


# -- the record against the log --------------------------------------------------------------


def _check_log(asked: VerifyRequest, raw: bytes, record: VerifiableRecord | None) -> list[Check]:
    """The log itself, then the record against it."""
    if not is_there(asked.home.database):
        text = f"{asked.home.path} has no audit log; nothing vouches for the record itself"
        return [Check("log", CheckState.NOT_CHECKED, text)]
    try:
        log = AuditLog(asked.home.database)
    except HomeError as error:
        return [Check("log", CheckState.NOT_CHECKED, str(error))]
    try:
        if not log.is_there:
            text = "the home's audit log begins with the next change; this verdict is older"
            return [Check("log", CheckState.NOT_CHECKED, text)]
        return _checks_of(asked, log, raw, record)
    finally:
        log.close()


def _checks_of(
    asked: VerifyRequest, log: AuditLog, raw: bytes, record: VerifiableRecord | None
) -> list[Check]:
    digest = hashlib.sha256(raw).hexdigest()
    job = record["job"] if record else None
    witness = _witness(record)
    folder = file_name(asked.folder.resolve())
    entries = log.published(job=job, verdict=digest, folder=folder)
    is_ours = bool(entries) or log.knows(job, witness.head if witness else None)
    # A verdict of another home names an entry of another log.
    chain = _check_chain(log, witness if is_ours else None)
    if entries:
        return [chain, _check_record(digest, folder, entries)]
    return [chain, _without_entry(asked, record, is_ours=is_ours)]


def _witness(record: VerifiableRecord | None) -> Witness | None:
    """The head that the record carries, if it can be read: the record's hash tells of the rest."""
    try:
        return witness_of(record["custody"] if record else (), "this verdict")
    except UserError:
        return None


def _check_chain(log: AuditLog, witness: Witness | None) -> Check:
    found = log.verify([witness] if witness else [])
    if found.fault:
        return Check(
            "log", CheckState.FAULT, f"{found.fault}; what follows is vouched for by nothing"
        )
    held = f", and entry {witness.head.seq} is the one this verdict names" if witness else ""
    return Check("log", CheckState.OK, f"{found.entries} entries, the chain is whole{held}")


def _check_record(digest: str, folder: str, entries: Sequence[Entry]) -> Check:
    same = [entry for entry in entries if entry.sha256 == digest]
    named = [entry for entry in entries if _folder_of(entry) == folder]
    if named:  # a job that was judged again has several records: only this folder's counts
        same, entries = [entry for entry in same if entry in named], named
    if same:
        where = f"(job {same[-1].job}, {same[-1].at}, entry {same[-1].seq} of the log)"
        return Check(
            "record", CheckState.OK, f"{VERDICT_FILE} is the one that was published {where}"
        )
    meant = entries[-1]
    text = (
        f"{VERDICT_FILE} is not the one that was published for job {meant.job}: its SHA-256 is "
        f"{digest[:SHOWN]}, entry {meant.seq} of the log has {str(meant.sha256)[:SHOWN]}"
    )
    return Check("record", CheckState.FAULT, text)


def _folder_of(entry: Entry) -> str | None:
    """The outbox folder that an entry names; None where its detail was damaged."""
    try:
        folder: str | None = json.loads(entry.detail).get("folder")
    except (ValueError, AttributeError):
        return None
    return folder


def _without_entry(
    asked: VerifyRequest, record: VerifiableRecord | None, *, is_ours: bool
) -> Check:
    whose = f"job {record['job']}" if record and record["job"] else "a verdict of no job"
    if is_ours:
        text = (
            "its job, or the entry of the log that it names, is of this home, but the log tells of "
        )
        text += f"no publication of {whose}: the record was altered, or the log"
        return Check("record", CheckState.FAULT, text)
    text = f"the audit log of {asked.home.path} does not know {whose}; the record itself can't be "
    return Check("record", CheckState.NOT_CHECKED, text + "vouched for")


# -- the folder against the record -----------------------------------------------------------


def _hashes(folder: Path) -> dict[str, str | None]:
    """The SHA-256 of everything beside the record; None for what is not a plain file."""
    return {
        name: hash_file(path) if path.is_file() and not path.is_symlink() else None
        for name, path in files_of(folder).items()
        if name != VERDICT_FILE
    }


def _check_files(record: VerifiableRecord, hashes: Mapping[str, str | None]) -> Iterator[Check]:
    listed = record["files"]
    for name in sorted(listed.keys() - hashes.keys()):
        yield Check("files", CheckState.FAULT, f"{name} is missing")
    for name in sorted(listed.keys() & hashes.keys()):
        if hashes[name] is None:
            yield Check("files", CheckState.FAULT, f"{name} is no plain file any more")
        elif hashes[name] != listed[name]:
            yield Check("files", CheckState.FAULT, f"{name} was altered: its SHA-256 is another")
    for name in sorted(hashes.keys() - listed.keys()):
        yield _check_extra(record, name, hashes[name])
    right = sum(hashes.get(name) == digest for name, digest in listed.items())
    if right == len(listed):
        yield Check("files", CheckState.OK, f"all {right} files that the record lists, unaltered")


def _check_extra(record: VerifiableRecord, name: str, digest: str | None) -> Check:
    if digest == record["input"]["sha256"]:
        return Check("files", CheckState.OK, f"{name} came later: another copy of the video itself")
    return Check("files", CheckState.FAULT, f"{name} was added: the record does not list it")


# -- detector and video against the record ---------------------------------------------------


def _check_detector(
    registry: Registry, record: VerifiableRecord
) -> tuple[DetectorFolder | None, Check]:
    wanted = record["detector"]
    name, version, sha256 = wanted["name"], wanted["version"], wanted["sha256"]
    needed = f"detector {name} {version}, SHA-256 {sha256}"
    if name not in registry.names():
        text = f"not here: {needed}; put its folder into {registry.folder}"
        return None, Check("detector", CheckState.NOT_CHECKED, text)
    try:
        found = registry.get(name)
        if found.sha256 == sha256:
            found.verify()
    except DetectorError as error:
        return None, Check("detector", CheckState.FAULT, str(error))
    if found.sha256 == sha256:
        return found, Check("detector", CheckState.OK, f"{needed[9:]}, every file of it unaltered")
    if found.record.version == version:
        text = f"the {name} {version} here has the SHA-256 {found.sha256[:SHOWN]}: it "
        text += f"was altered, or the record was; needed is {needed}"
        return None, Check("detector", CheckState.FAULT, text)
    text = f"here is {name} {found.record.version}; needed is {needed}"
    return None, Check("detector", CheckState.NOT_CHECKED, text)


def _check_input(
    asked: VerifyRequest, record: VerifiableRecord, hashes: Mapping[str, str | None]
) -> tuple[Path | None, Check]:
    wanted = record["input"]["sha256"]
    if asked.video is None:
        for name, path in files_of(asked.folder).items():
            if hashes.get(name) == wanted:
                return path, Check("input", CheckState.OK, f"{name} beside the record is the video")
    video = asked.video or _source(asked.home, record)
    if video is None:
        text = f"the video (SHA-256 {wanted}) is not here; name it with --video FILE"
        return None, Check("input", CheckState.NOT_CHECKED, text)
    try:
        found = hash_file(video)
    except OSError as error:
        return None, Check(
            "input", CheckState.NOT_CHECKED, f"{video} can't be read: {error.strerror}"
        )
    if found != wanted:
        text = f"{video} is another video: SHA-256 {found[:SHOWN]}, judged was {wanted[:SHOWN]}"
        hint = "" if asked.video else "; if the right one lies elsewhere, name it with --video FILE"
        return None, Check("input", CheckState.FAULT, text + hint)
    return video, Check("input", CheckState.OK, f"{video} is the video that was judged")


def _source(home: Home, record: VerifiableRecord) -> Path | None:
    """Where the video was seen last, if this home knows the job and something lies there."""
    if record["job"] is None or not is_there(home.database):
        return None
    try:
        reader = JobReader(home.database)
    except (HomeError, JobError):
        return None
    source = reader.source(record["job"])
    reader.close()
    return source if source and source.is_file() else None


# -- the chain, run again --------------------------------------------------------------------


def _check_again(
    asked: VerifyRequest,
    record: VerifiableRecord,
    detector: DetectorFolder | None,
    video: Path | None,
    *,
    is_vouched: bool,
) -> Iterator[Check]:
    if not asked.rerun:
        yield Check("again", CheckState.SKIPPED, "the chain was not run again, as asked for")
        return
    if detector is None or video is None:
        lacking = "the detector" if detector is None else "the video"
        yield Check(
            "again", CheckState.NOT_CHECKED, f"the chain can't be run again without {lacking}"
        )
        return
    try:
        settings = _settings(record, is_vouched=is_vouched)
        config = _as_recorded(read_config_if_any(asked.home.config), settings)
        now = _judge(config, detector, video)
    except (DdaemonError, OSError) as error:
        yield Check("again", CheckState.NOT_CHECKED, f"the chain could not be run again: {error}")
        return
    yield from _compared(record, now)


def _settings(record: VerifiableRecord, *, is_vouched: bool) -> StageSettings:
    """The recorded settings. Raises `UserError` when they are not fit to be used here."""
    try:
        settings = StageSettings.model_validate(record["settings"])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"this ddaemon does not understand the recorded {where}") from error
    if settings.plugins and not is_vouched:
        raise UserError(
            f"the record brings settings of its own for {', '.join(settings.plugins)}, and no log "
            "vouches for it: a stranger's settings are not handed to a plugin"
        )
    return settings


def _as_recorded(config: Config, settings: StageSettings) -> Config:
    """This machine's limits with the recorded settings, whatever the environment says."""
    stages = {name: getattr(settings, name) for name in StageSettings.model_fields}
    return config.model_copy(update=stages)


def _judge(config: Config, detector: DetectorFolder, video: Path) -> VerifiableRecord:
    with Checker(config, detector, [video]) as checker:
        return parse_record(json.dumps(checker.check(video)).encode())


def _compared(record: VerifiableRecord, now: VerifiableRecord) -> Iterator[Check]:
    versions = other_versions(record, now)
    if versions:
        text = f"other versions than then: {'; '.join(versions)}"
        yield Check("software", CheckState.OK, text)
    else:
        yield Check("software", CheckState.OK, "the versions that judged then")
    for found in compare(record, now):
        if not found.fault:
            yield Check(found.what, CheckState.OK, found.same)
        elif versions:
            text = f"{found.fault}; the versions differ, so that alone proves nothing: install them"
            yield Check(found.what, CheckState.NOT_CHECKED, text)
        else:
            yield Check(found.what, CheckState.FAULT, found.fault)
