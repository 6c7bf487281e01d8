from __future__ import annotations

from gitops_agent.api.sync_options import PROTECTED_KINDS, DeletionGuard, IgnoreFields, SyncSpec


def test_kinds_that_take_data_along_are_protected() -> None:
    assert SyncSpec().deletion_guard == DeletionGuard(max_objects=5, max_percent=10, protected_kinds=PROTECTED_KINDS)


def test_ignored_fields_are_those_of_all_names_unless_one_is_given() -> None:
    assert IgnoreFields(kind="apps/Deployment", paths=("/spec/replicas",)).name == "*"
