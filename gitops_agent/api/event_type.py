"""The types of events, which the field `events` of a Notifier names."""

from __future__ import annotations

from enum import StrEnum


class EventType(StrEnum):
    """The edges. A Notifier's `events` names these."""

    REVISION_SEEN = "RevisionSeen"
    SYNCED = "Synced"
    SYNC_FAILED = "SyncFailed"
    PROGRESSING = "Progressing"
    DEGRADED = "Degraded"
    RECOVERED = "Recovered"
    ROLLED_BACK = "RolledBack"
    DRIFT_DETECTED = "DriftDetected"
    DRIFT_REPAIRED = "DriftRepaired"
    FIGHTING = "Fighting"
    HELD = "HeldForApproval"
    APPROVED = "Approved"
    SOURCE_UNAVAILABLE = "SourceUnavailable"
    SOURCE_RECOVERED = "SourceRecovered"
    HISTORY_REWRITTEN = "HistoryRewritten"
    UNVERIFIED = "Unverified"
    SIGNER_REMOVED = "SignerRemoved"
    SUSPENDED = "Suspended"
    RESUMED = "Resumed"
    WINDOW_CLOSED = "WindowClosed"
    STALLED = "Stalled"
    DELETED = "Deleted"
    ROLLOUT_STARTED = "RolloutStarted"
    ROLLOUT_PAUSED = "RolloutPaused"
    ROLLOUT_STEP = "RolloutStep"
    ROLLOUT_ABORTED = "RolloutAborted"
    PROMOTED = "Promoted"
    TEST = "Test"
