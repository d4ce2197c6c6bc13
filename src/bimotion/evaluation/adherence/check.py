"""Accuracy of the judges on recordings: acceptance of those whose captions assert the action, and of all others."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bimotion.data.store import Event
from bimotion.evaluation.adherence.course import Course, Phase
from bimotion.evaluation.adherence.judges import LIMITS, find
from bimotion.evaluation.adherence.phrases import asserts, claims, may_hold
from bimotion.evaluation.adherence.recordings import Window
from bimotion.evaluation.adherence.thresholds import Thresholds

SLACK = 0.6
"""Seconds by which a judge's finding may miss the time of a phrase."""


@dataclass
class Rates:
    """Counts of one judge."""

    accepted: int = 0
    """Timed phrases that assert the action and where the judge finds it."""
    asserted: int = 0
    """Timed phrases that assert the action."""
    human_accepted: int = 0
    """Windows whose captions by people assert it and that the judge accepts."""
    human_asserted: int = 0
    """Windows whose captions by people assert it."""
    others_accepted: int = 0
    """Windows whose captions do not hint at it and that the judge accepts."""
    others: int = 0
    """Windows whose captions do not hint at it."""
    missed: list[str] = field(default_factory=list)
    """Phrases that were not found in the motion."""
    extra: list[str] = field(default_factory=list)
    """Windows in which it was found without a hint."""

    @property
    def accepts(self) -> float | None:
        """Share of asserting phrases that are accepted."""
        return self.accepted / self.asserted if self.asserted else None

    @property
    def rejects(self) -> float | None:
        """Share of other windows that are rejected."""
        return 1 - self.others_accepted / self.others if self.others else None


def check(
    windows: Iterable[Window], names: Sequence[str] | None = None, limits: Thresholds = LIMITS
) -> dict[str, Rates]:
    """Count over all windows for the judges of these names; for all that have words where None."""
    names = list(claims()) if names is None else names
    rates: dict[str, Rates] = defaultdict(Rates)
    for window in windows:
        course = Course(window.joints)
        phrases = [event.text for event in window.events]
        for name in names:
            count = rates[name]
            found = find(name, course, limits)
            if window.reference:
                if sum(asserts(name, text) for text in window.captions) * 2 > len(window.captions):
                    count.human_asserted += 1
                    count.human_accepted += bool(found)
                continue
            for event in window.events:
                if asserts(name, event.text):
                    _count_event(count, event, found, window.id)
            if not may_hold(name, (*window.captions, *phrases)):
                count.others += 1
                count.others_accepted += bool(found)
                if found:
                    count.extra.append(
                        f"{window.id} {found[0].start:.1f}-{found[0].end:.1f}: {window.captions[0]}"
                    )
    return {name: rates[name] for name in names}


def _count_event(count: Rates, event: Event, found: list[Phase], window: str) -> None:
    hit = any(phase.start < event.end + SLACK and phase.end > event.start - SLACK for phase in found)
    count.asserted += 1
    count.accepted += hit
    if not hit:
        count.missed.append(f"{window} {event.start:.1f}-{event.end:.1f}: {event.text}")


def table(rates: Mapping[str, Rates]) -> str:
    """The counts as Markdown."""
    lines = [
        "| judge | accepts | phrases | accepts, human | windows | rejects others | others |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, count in rates.items():
        human = f"{count.human_accepted / count.human_asserted:.2f}" if count.human_asserted else ""
        lines.append(
            f"| {name} | {_share(count.accepts)} | {count.asserted} | {human} | {count.human_asserted} | "
            f"{_share(count.rejects)} | {count.others} |"
        )
    return "\n".join(lines)


def rates_to_json(rates: Mapping[str, Rates]) -> dict[str, Any]:
    """The counts of every judge, with what it missed and what it found without a caption that asserts it."""
    return {
        name: {**asdict(count), "accepts": count.accepts, "rejects": count.rejects}
        for name, count in rates.items()
    }


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
