"""A backup of a home at work, restored on another machine, as it were."""

import shutil
from contextlib import closing
from pathlib import Path

from ddaemon.tests.chaos.accounting import balance
from ddaemon.tests.chaos.scene import Scene, sha256_of

JUDGING = "open for writing in record/file.py:"
FINISHED = 3


def test_after_a_restore_every_content_has_exactly_one_verdict(tmp_path: Path) -> None:
    file, inbox, outbox = (tmp_path / name for name in ("b.tar", "inbox", "outbox"))
    with closing(Scene(tmp_path / "lost")) as lost:
        lost.drop(FINISHED)
        lost.drain()
        shutil.copytree(lost.outbox, outbox)
        lost.start_with(role="worker", label=JUDGING, deed="wait")
        lost.drop(1)
        lost.wait_struck()
        lost.call("backup", str(file))
        assert lost.status()["counts"]["running"] == 1, "it was made in mid-job"
        shutil.copytree(lost.inbox, inbox)
    shutil.rmtree(tmp_path / "lost")
    with closing(Scene(tmp_path / "found")) as found:
        for folder, kept in ((found.inbox, inbox), (found.outbox, outbox)):
            folder.rmdir()
            kept.rename(folder)
        found.call("restore", str(file), "--force")
        assert found.status()["counts"]["pending"] == 1
        found.drain()
        accounts = balance(found.home, [sha256_of(path) for path in found.inbox.iterdir()])
        assert (accounts.jobs, accounts.lost, accounts.doubled, accounts.faults) == (
            FINISHED + 1,
            0,
            0,
            [],
        )
        assert "entries 1 to" in found.call("audit", "verify")
