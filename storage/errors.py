"""Every error that ddaemon raises on purpose.

    DdaemonError
    ├── UserError              a person can fix it: one line that says how, exit 1
    │   ├── ConfigError        ddaemon.toml has faults; all of them are listed
    │   ├── HomeError          the home folder is missing, unwritable or already in use
    │   │   └── DatabaseLost   the database can't be used at present; the service tries again
    │   ├── JobError           no such job, or it is not in a state that allows this
    │   ├── DetectorError      a detector is missing, altered or not understood
    │   ├── WeightsMissing     a backbone has no weights and no way to fetch them
    │   ├── ChainError         the configured stages do not fit together
    │   └── WorkerError        no worker process can be started
    │       └── NetworkLost    the process that runs the network for all workers is gone
    ├── NotAnalysable          the video cannot be judged: a verdict, never retried
    └── LeaseLost              another holder has the job now: this one must write nothing more

The class decides what happens: `NotAnalysable` ends in a verdict, `LeaseLost` ends in silence,
and everything else that a stage raises costs one attempt of one job.
"""

from enum import StrEnum


class DdaemonError(Exception):
    """The root: catch this to catch everything that ddaemon raises on purpose."""


class UserError(DdaemonError):
    """Something that the person at the keyboard can fix; the message says how."""


class ConfigError(UserError):
    """The configuration has faults."""


class HomeError(UserError):
    """The home folder is missing, unwritable or in use by another service."""


class DatabaseLost(HomeError):
    """The database can't be used at present: its server can't be reached, its disk is full, or
    somebody locks it for too long. The transaction did not happen, or was never confirmed."""


class JobError(UserError):
    """There is no such job, or its state does not allow what was asked."""


class DetectorError(UserError):
    """A detector is missing, was altered, or has a record that is not understood."""


class WeightsMissing(UserError):
    """A backbone has no weights, and none may be made up."""


class ChainError(UserError):
    """The configured stages do not fit together."""


class WorkerError(UserError):
    """No worker process can be started."""


class NetworkLost(WorkerError):
    """The process that runs the network for all workers is gone, or does not answer."""


class Reason(StrEnum):
    """Why a video could not be judged."""

    NO_FACE = "no_face"  # decoded, looked at, and no face was found
    TOO_SHORT = "too_short"  # fewer frames with a face than a judgement needs
    UNDECODABLE = "undecodable"  # claims to be a video, but its frames cannot be decoded
    UNSUPPORTED = "unsupported"  # not a video, or one beyond the configured limits


class NotAnalysable(DdaemonError):
    """The video cannot be judged.

    Args:
        reason: which of the four cases it is.
        detail: one sentence for the person who dropped the file.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason.value}: {self.detail}"


class LeaseLost(DdaemonError):
    """The job's lease ran out and somebody else may hold it."""
