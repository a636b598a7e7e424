"""Whether stages fit together, and what running them in order means."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, cast

import pytest

from ddaemon.stages import chain as chains
from ddaemon.stages.base import Context, Stage, Subject
from ddaemon.stages.chain import build_chain, check_chain, installed_stages, run_chain
from ddaemon.stages.settings import BUILT_IN_CHAIN, StageSettings
from ddaemon.storage.errors import ChainError, NotAnalysable, Reason


@dataclass
class Step:
    name: str
    needs: frozenset[str] = frozenset()
    gives: frozenset[str] = frozenset()
    publishes: frozenset[str] = frozenset()
    answer: Any = None
    version: str = "1"
    seen: list[Mapping[str, Any]] = field(default_factory=list)

    def run(self, context: Context) -> Mapping[str, Any]:
        self.seen.append(dict(context.facts))
        context.progress(0.5)
        if isinstance(self.answer, Exception):
            raise self.answer
        return cast(Mapping[str, Any], self.answer or dict.fromkeys(self.gives, self.name))


def closing() -> Step:
    return Step("report", gives=frozenset({"verdict"}))


def run(*steps: Step) -> tuple[dict[str, Any], list[tuple[str, float]]]:
    said: list[tuple[str, float]] = []
    subject = Subject("a.mp4", "0" * 64, 1, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")
    context = Context(
        Path("a.mp4"), Path(), subject, StageSettings(), cast(Any, None), {}, lambda part: None
    )
    stages = cast(list[Stage], list(steps))
    return run_chain(stages, context, lambda name, percent: said.append((name, percent))), said


def test_each_stage_sees_what_the_ones_before_it_gave() -> None:
    first = Step("first", gives=frozenset({"a"}))
    second = Step("second", needs=frozenset({"a"}), gives=frozenset({"b"}))
    last = closing()
    facts, _ = run(first, second, last)
    assert second.seen[0]["a"] == "first"
    assert last.seen[0]["b"] == "second"
    assert [timing.name for timing in facts["timings"]] == ["first", "second", "report"]


def test_progress_is_that_of_the_whole_chain() -> None:
    _, said = run(Step("first"), closing())
    assert said == [("first", 0.0), ("first", 25.0), ("report", 50.0), ("report", 75.0)]


def test_a_video_that_can_not_be_judged_still_gets_a_verdict() -> None:
    refusal = NotAnalysable(Reason.NO_FACE, "nobody is in it")
    skipped, last = Step("second"), closing()
    facts, _ = run(Step("first", answer=refusal), skipped, last)
    assert skipped.seen == []
    assert facts["not_analysable"] is refusal
    assert last.seen[0]["not_analysable"] is refusal


def test_any_other_failure_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        run(Step("first", answer=ZeroDivisionError()), closing())


def test_a_stage_that_gives_less_than_it_says_is_named() -> None:
    with pytest.raises(ChainError, match="stage first did not give b"):
        run(Step("first", gives=frozenset({"a", "b"}), answer={"a": 1}), closing())


def test_only_json_can_be_published() -> None:
    fine = Step("fine", gives=frozenset({"x"}), publishes=frozenset({"x"}), answer={"x": [1]})
    facts, _ = run(fine, closing())
    assert facts["published"] == {"x": [1]}
    odd = Step("odd", gives=frozenset({"x"}), publishes=frozenset({"x"}), answer={"x": {1, 2}})
    with pytest.raises(ChainError, match="odd publishes x, which is not a JSON value"):
        run(odd, closing())


def test_a_need_that_nobody_gives_is_refused_with_both_names() -> None:
    with pytest.raises(ChainError, match="stage classify needs features"):
        build_chain(["frames", "faces", "classify", "report"])


def test_a_chain_without_a_verdict_at_its_end_is_refused() -> None:
    with pytest.raises(ChainError, match="end `stages` with report"):
        check_chain([])
    with pytest.raises(ChainError, match="end `stages` with report"):
        build_chain(["frames"])


def test_a_stage_that_is_not_installed_is_refused_with_those_that_are() -> None:
    with pytest.raises(ChainError, match=r"'nope'.*frames"):
        build_chain(["nope"])


def test_the_built_in_stages_come_through_the_same_door_and_fit() -> None:
    assert [stage.name for stage in build_chain(BUILT_IN_CHAIN)] == list(BUILT_IN_CHAIN)


def test_a_broken_third_party_stage_is_named_and_skipped(monkeypatch, caplog) -> None:
    broken = EntryPoint("broken", "no_such_module:Stage", chains.ENTRY_POINT_GROUP)
    odd = EntryPoint("odd", "builtins:dict", chains.ENTRY_POINT_GROUP)
    real = list(chains.entry_points(group=chains.ENTRY_POINT_GROUP))
    monkeypatch.setattr(chains, "entry_points", lambda group: [broken, odd, *real])
    with caplog.at_level(logging.WARNING):
        found = installed_stages()
    assert found["broken"].stage is None
    assert "no_such_module" in str(found["broken"].fault)
    assert found["odd"].stage is None
    assert "stage broken of" in caplog.text
    assert found["frames"].stage is not None
    with pytest.raises(ChainError, match="stage broken"):
        build_chain(["broken", "report"])
