"""What people say of an incident, and what changes by it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from tocsin.incidents.contracts import Incident, IncidentDraft, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentEdit:
    """What a person changes; None leaves a thing as it is."""

    title: str | None = None
    severity: Severity | None = None
    tags: Sequence[str] | None = None
    #: Who works on it; ``is_unassigned`` says that nobody does.
    assignee: UUID | None = None
    is_unassigned: bool = False

    def of(self, before: Incident) -> Incident:
        """The incident with these changes; signals leave alone what a person has decided."""
        decided = {
            "title": self.title is not None and self.title != before.title,
            "severity": self.severity is not None and self.severity != before.severity,
        }
        return replace(
            before,
            title=before.title if self.title is None else self.title,
            severity=self.severity or before.severity,
            tags=before.tags if self.tags is None else tuple(dict.fromkeys(self.tags)),
            assignee=None if self.is_unassigned else self.assignee or before.assignee,
            edited=tuple(sorted({*before.edited, *(name for name, is_decided in decided.items() if is_decided)})),
        )


def decided(draft: IncidentDraft) -> tuple[str, ...]:
    """The fields in which a person's word counts, whatever signals say."""
    said = {"title", "severity"}
    said |= {"service"} if draft.service is not None else set()
    said |= {"started_at"} if draft.started_at is not None else set()
    return tuple(sorted(said))


def difference(before: Incident, after: Incident) -> str:
    """What changed, for people."""
    parts: list[str] = []
    if after.title != before.title:
        parts.append(f"title: {after.title}")
    if after.severity != before.severity:
        parts.append(f"severity: {before.severity.value} → {after.severity.value}")
    if after.tags != before.tags:
        parts.append(f"tags: {', '.join(after.tags) or 'none'}")
    if after.assignee != before.assignee:
        parts.append("assignee: nobody" if after.assignee is None else "assignee changed")
    return "; ".join(parts)
