"""The annotation by which a person approves.

An annotation that the agent itself applied from Git is the repository's word, and approves nothing by itself.
"""

from __future__ import annotations

from typing import Any

from gitops_agent.api.application import Application
from gitops_agent.manifest.marks import APPROVED, FIELD_MANAGER


def approved_by_person(application: Application) -> str:
    """The hash a person approved on the Application; empty without one."""
    plan = application.annotations.get(APPROVED, "").strip()
    return "" if applied_from_git(application.raw.get("metadata") or {}) else plan


def applied_from_git(metadata: dict[str, Any]) -> bool:
    """Whether the agent applied the annotation, as declared in Git."""
    for entry in metadata.get("managedFields") or ():
        if entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply":
            annotations = ((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:annotations") or {}
            return f"f:{APPROVED}" in annotations
    return False
