"""The outcome of an attempt in a worker: a checked result, or why there is none, in words."""

import stat
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from ...isolation.replies import WorkerRaised
from ...record.file import VERDICT_FILE
from ...record.parsing import RecordDamaged, parse_outcome
from ...storage.errors import DdaemonError, Reason, UserError
from ...storage.queue import Claim, Outcome
from ..home.config import WorkersSettings
from .attempt import limits_of

DECIDED = ("fake", "real", "inconclusive")
MAX_RECORD_BYTES = 64 * 1024**2
NOT_ANALYSABLE = "not_analysable"


class BadReply(DdaemonError):
    """A worker sent what no chain returns."""


def require_outcome(reply: object) -> Outcome:
    """A worker's reply as a result. The worker may have been hijacked: raises `BadReply`."""
    if isinstance(reply, Outcome) and (_is_decision(reply) or _is_refusal(reply)):
        return reply
    raise BadReply("the worker's answer is not a result of the chain")


def require_record(folder: Path, claim: Claim, outcome: Outcome) -> None:
    """Check that a worker left what it reported: a record of this job, video and outcome, and
    beside it nothing but files and folders. Raises `BadReply`; OSError when it can't be read."""
    for path in folder.rglob("*"):
        kind = path.lstat().st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            raise BadReply(f"the worker left {path.name}, which is neither a file nor a folder")
    path = folder / VERDICT_FILE
    if path.stat().st_size > MAX_RECORD_BYTES:
        raise BadReply(f"the worker left a {VERDICT_FILE} beyond {MAX_RECORD_BYTES} bytes")
    try:
        record = parse_outcome(path.read_bytes())
    except RecordDamaged as error:
        raise BadReply(f"the worker left no {VERDICT_FILE} that can be read: {error}") from error
    said = (record["decision"], record["reason"], record["probability"])
    meant = (outcome.decision, outcome.reason, outcome.probability)
    is_of_claim = (record["job"], record["input"]["sha256"]) == (claim.job, claim.sha256)
    if said != meant or not is_of_claim:
        raise BadReply(f"the worker left a {VERDICT_FILE} that says other than the worker")


def _is_decision(reply: Outcome) -> bool:
    number = reply.probability
    is_share = number is None or (isinstance(number, float) and 0 <= number <= 1)
    return reply.decision in DECIDED and reply.reason is None and is_share


def _is_refusal(reply: Outcome) -> bool:
    is_reason = isinstance(reply.reason, str) and reply.reason in list(Reason)
    return reply.decision == NOT_ANALYSABLE and is_reason and reply.probability is None


def in_words(error: BaseException, limits: WorkersSettings) -> str:
    """Why an attempt failed, for the person who finds the job in quarantine."""
    if isinstance(error, MemoryError):
        return limits_of(limits).too_large()
    if isinstance(error, BrokenProcessPool) and "SIGXCPU" in str(error):
        return f"{error}: more processor time than workers.job_seconds ({limits.job_seconds:g} s)"
    if isinstance(error, BrokenProcessPool | WorkerRaised | BadReply):
        return str(error)
    if isinstance(error, UserError):
        return str(error)
    return f"{type(error).__name__}: {error}"
