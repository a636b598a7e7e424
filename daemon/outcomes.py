"""What came of an attempt in a worker: a checked result, or why there is none, in words."""

from concurrent.futures.process import BrokenProcessPool

from ..stages.answers import WorkerRaised
from ..storage.errors import DdaemonError, Reason
from ..storage.queue import Outcome
from .config import WorkersSettings

DECIDED = ("fake", "real", "inconclusive")
NOT_ANALYSABLE = "not_analysable"


class BadAnswer(DdaemonError):
    """A worker answered what no chain finds."""


def require_outcome(said: object) -> Outcome:
    """What a worker said, as a result. It may have been taken over: raises `BadAnswer`."""
    if isinstance(said, Outcome) and (_is_decision(said) or _is_refusal(said)):
        return said
    raise BadAnswer("the worker's answer is not a result of the chain")


def _is_decision(said: Outcome) -> bool:
    number = said.probability
    is_share = number is None or (isinstance(number, float) and 0 <= number <= 1)
    return said.decision in DECIDED and said.reason is None and is_share


def _is_refusal(said: Outcome) -> bool:
    is_reason = isinstance(said.reason, str) and said.reason in list(Reason)
    return said.decision == NOT_ANALYSABLE and is_reason and said.probability is None


def in_words(error: BaseException, limits: WorkersSettings) -> str:
    """Why an attempt failed, for whoever finds the job in quarantine."""
    if isinstance(error, MemoryError):
        return f"it took more memory than workers.memory_mb ({limits.memory_mb} MB)"
    if isinstance(error, BrokenProcessPool) and "SIGXCPU" in str(error):
        return f"{error}: more processor time than workers.job_seconds ({limits.job_seconds:g} s)"
    if isinstance(error, BrokenProcessPool | WorkerRaised | BadAnswer):
        return str(error)
    return f"{type(error).__name__}: {error}"
