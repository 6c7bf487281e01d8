"""Notices that resource versions decreased: etcd was restored.

Problem: newer versions win over older ones, so after a restoration everything that is live counts as outdated. Decision: a list
is never older than what the same watch delivered before; one that is older comes from a restored etcd, and what is known is
worth nothing against it.
"""

from __future__ import annotations


class EtcdRestore:
    """Compares lists with the highest version that one watch delivered. Not thread-safe."""

    def __init__(self) -> None:
        self._highest = 0

    def note(self, version: object) -> None:
        """Takes the version of a list or an event."""
        text = str(version)
        if text.isdecimal():
            self._highest = max(self._highest, int(text))

    def rewound(self, version: str) -> bool:
        """Whether a list is older than earlier news; starts anew from it."""
        if not version.isdecimal():
            return False
        rewound = int(version) < self._highest
        self._highest = int(version) if rewound else max(self._highest, int(version))
        return rewound
