"""Videos that mean harm cost one attempt of one job, in the real service."""

import json
import os
import shutil
import signal
from pathlib import Path

import psutil
import pytest

from ddaemon.tests.acceptance.conftest import SETTINGS, Ddaemon
from ddaemon.tests.acceptance.test_service import SHIPPED, VERDICT, by_name, unlike
from ddaemon.tests.oversized_headers import all_oversized_headers
from ddaemon.tests.third_party import with_deeds

SHORT_LEASE = SETTINGS.replace("backoff = 0.2", "backoff = 0.2\nlease = 5\nheartbeat = 0.5")


def with_trouble(do: str, name: str, more: str = "") -> str:
    return with_deeds({name: do}, SETTINGS + more)


def history_of(ddaemon: Ddaemon, name: str) -> list[dict[str, str]]:
    jobs = [json.loads(line) for line in ddaemon.call_here("jobs", "list", "--json").splitlines()]
    (job,) = (job["job"] for job in jobs if job["name"] == name)
    found: list[dict[str, str]] = ddaemon.status(job)["history"]
    return found


@pytest.mark.parametrize(
    ("deed", "limit", "why"),
    [
        ("abort", "", "SIGABRT"),
        ("crash", "", "SIGSEGV"),
        ("sleep", "[workers]\njob_seconds = 12\n", "workers.job_seconds"),
        ("hold", "", "no sign of life for queue.lease"),
        ("burn", "[workers]\njob_seconds = 8\n", "workers.job_seconds"),
        ("eat", "[workers]\nmemory_mb = 900\n", "workers.memory_mb"),
        ("hoard", "[workers]\nmemory_mb = 1500\n", "workers.memory_mb"),
        ("connect", "", "PermissionError"),
        ("blame", "", "the detector is missing"),
    ],
)
def test_poison_ends_in_quarantine_after_the_next_job_had_its_turn(
    ddaemon: Ddaemon, third_party: dict[str, str], deed: str, limit: str, why: str
) -> None:
    settings = with_trouble(deed, "poison.mp4", limit).replace(
        "backoff = 0.2", "backoff = 6\nmax_attempts = 2\nlease = 5\nheartbeat = 0.5"
    )
    ddaemon.configure(settings)
    unlike(SHIPPED[0], ddaemon.inbox / "poison.mp4", 9)
    shutil.copy(SHIPPED[1], ddaemon.inbox / "good.mp4")
    ddaemon.start("--drain", **third_party)
    assert ddaemon.wait() == 0, ddaemon.log.read_text()
    assert [verdict["input"]["name"] for verdict in ddaemon.verdicts()] == ["good.mp4"]
    (folder,) = ddaemon.quarantine.iterdir()
    reason = json.loads((folder / "reason.json").read_text())
    assert why in reason["last_error"]
    assert reason["attempts"] == 2
    assert f"ddaemon jobs retry {reason['job']}" in reason["what_to_do"]
    history = history_of(ddaemon, "poison.mp4")
    kinds = [event["kind"] for event in history]
    assert kinds.count("claimed") - kinds.count("released") == 2
    assert why in next(event["detail"] for event in history if event["kind"] == "failed")
    judged = next(e for e in history_of(ddaemon, "good.mp4") if e["kind"] == "judged")
    assert judged["at"] < history[-1]["at"], "one attempt of the poison went before it, not both"


def test_headers_that_claim_too_much_are_not_believed(ddaemon: Ddaemon) -> None:
    all_oversized_headers(ddaemon.inbox)
    ddaemon.configure(SETTINGS + "[workers]\nmemory_mb = 1500\n")
    ddaemon.start("--drain")
    assert ddaemon.wait() == 0, ddaemon.log.read_text()
    verdicts = by_name(ddaemon.verdicts())
    for verdict in verdicts.values():
        VERDICT.validate(verdict)
        assert verdict["attempts"] == 1
    reasons = {Path(name).stem: verdict["reason"] for name, verdict in verdicts.items()}
    assert reasons == {
        "huge_avi": "undecodable",
        "huge_jpegs": "undecodable",  # its decoder is held to frames.max_pixels
        "endless_avi": "unsupported",
        "endless_mp4": "undecodable",
        "huge_mp4": None,  # the pictures say how large they are, and are judged
        "huge_mkv": None,
    }


def test_a_worker_that_falls_silent_loses_its_job_to_the_next_attempt(
    ddaemon: Ddaemon, third_party: dict[str, str]
) -> None:
    ddaemon.configure(with_trouble("nap", "demo-real.mp4").replace(SETTINGS, SHORT_LEASE))
    shutil.copy(SHIPPED[0], ddaemon.inbox)
    ddaemon.start(**third_party)
    said = ddaemon.until(
        lambda: list((ddaemon.home / "work").glob("*.progress")), "a job in a worker"
    )
    stopped = json.loads(said[0].read_text())["pid"]
    os.kill(stopped, signal.SIGSTOP)
    (verdict,) = ddaemon.ended(1)
    assert verdict["attempts"] == 2
    history = ddaemon.status(verdict["job"])["history"]
    kinds = [event["kind"] for event in history]
    assert kinds == ["accepted", "claimed", "failed", "claimed", "judged", "published"]
    assert "no sign of life" in history[2]["detail"]
    assert not psutil.pid_exists(stopped), "there is nobody left to be continued"
    assert ddaemon.stop() == 0
    assert len(ddaemon.verdicts()) == 1
    assert list((ddaemon.home / "work").iterdir()) == []


def test_a_file_that_holds_up_the_examiner_is_left_to_the_queue(ddaemon: Ddaemon) -> None:
    ddaemon.configure(SETTINGS + "[workers]\njob_seconds = 10\n")
    ddaemon.start()
    shutil.copy(SHIPPED[0], ddaemon.inbox / "first.mp4")
    ddaemon.ended(1)
    assert ddaemon.service is not None
    started = psutil.Process(ddaemon.service.pid).children()
    # The last one that was started: it opened the first file when the workers were warm.
    examiner = max(
        (child for child in started if "spawn_main" in " ".join(child.cmdline())),
        key=lambda child: child.create_time(),
    )
    examiner.suspend()
    shutil.copy(SHIPPED[1], ddaemon.inbox / "second.mp4")
    assert {v["input"]["name"] for v in ddaemon.ended(2)} == {"first.mp4", "second.mp4"}
    assert "second.mp4 ended the process that opened it" in ddaemon.log.read_text()
    assert not examiner.is_running()
