"""The states of a job, defined once.

A job begins PENDING. A claim makes it RUNNING under a lease and a token. From there it either
becomes PUBLISHING (a verdict is complete and is being moved to the outbox) and then DONE, or goes
back to PENDING (the attempt failed, or the service was asked to stop), or, when its attempts are
used up, to QUARANTINED. A person can cancel a job that has not been published, and put an ended
one back with `retry`. A DONE job can be judged again (`rerun`): it keeps its verdict meanwhile, and
is DONE with that verdict again when the rerun is cancelled or its attempts are used up.

    PENDING -> RUNNING -> PUBLISHING -> DONE
       ^  ^------'  '-----> QUARANTINED
       |  (backoff)              |
       '------- retry -----------+---- CANCELLED <- PENDING, RUNNING
    DONE -- rerun --> PENDING, and back to DONE however it ends
"""

from enum import StrEnum


class State(StrEnum):
    PENDING = "pending"  # waits for a worker, not before `not_before`
    RUNNING = "running"  # a worker holds it, under a lease and a fencing token
    PUBLISHING = "publishing"  # its verdict is complete and on its way to the outbox
    DONE = "done"  # its folder is in the outbox
    QUARANTINED = "quarantined"  # every attempt failed; the reason is in the quarantine
    CANCELLED = "cancelled"  # by a person


ENDED = (State.DONE, State.QUARANTINED, State.CANCELLED)
