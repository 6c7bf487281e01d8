from __future__ import annotations

from gitops_agent.sync.health import Status, assess
from tests.sync.health.live import condition, conditions, live, verdict


def test_an_object_with_an_annotation_is_not_judged() -> None:
    obj = live("apps/v1", "Deployment", annotations={"gitops-agent.dev/ignore-health": "true"})

    assert verdict(obj) == ("Healthy", "HealthIgnored")


def test_the_annotation_of_argo_cd_is_honoured() -> None:
    obj = live("batch/v1", "Job", annotations={"argocd.argoproj.io/ignore-healthcheck": "true"})

    assert assess(obj).status is Status.HEALTHY


def test_an_annotation_with_another_value_means_nothing() -> None:
    obj = live("batch/v1", "Job", annotations={"gitops-agent.dev/ignore-health": "false"})

    assert assess(obj).status is Status.PROGRESSING


def test_a_deletion_names_the_finalizers_that_hold_it() -> None:
    obj = live(
        "v1", "ConfigMap", deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["example.org/hold", "foregroundDeletion"]
    )

    health = assess(obj)

    assert (health.status, health.reason) == (Status.PROGRESSING, "Terminating")
    assert "example.org/hold" in health.message
    assert "foregroundDeletion" not in health.message


def test_a_foreground_deletion_waits_for_dependants() -> None:
    obj = live("v1", "ConfigMap", deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["foregroundDeletion"])

    assert "dependants" in assess(obj).message


def test_a_namespace_that_hangs_says_what_is_left() -> None:
    left = condition("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain", "pvc-protection in 2 objects")
    obj = live("v1", "Namespace", status=conditions(left), deletionTimestamp="2026-01-01T00:00:00Z")

    assert "pvc-protection in 2 objects" in assess(obj).message


def test_a_spec_that_was_not_seen_yet_is_progressing() -> None:
    obj = live("example.org/v1", "Thing", generation=3, status={"observedGeneration": 2})

    assert verdict(obj) == ("Progressing", "NotObserved")


def test_stalled_is_degraded_even_while_reconciling() -> None:
    status = conditions(condition("Reconciling", "True"), condition("Stalled", "True", "BadSpec", "no such field"))

    assert verdict(live("example.org/v1", "Thing", status=status)) == ("Degraded", "BadSpec")


def test_reconciling_says_why_it_is_not_ready() -> None:
    status = conditions(condition("Reconciling", "True", "Retry"), condition("Ready", "False", "X", "cannot pull"))

    assert assess(live("example.org/v1", "Thing", status=status)).message == "cannot pull"


def test_a_kind_without_rule_and_conditions_is_healthy() -> None:
    assert verdict(live("example.org/v1", "Thing")) == ("Healthy", "")


def test_an_unknown_kind_that_is_not_ready_is_progressing() -> None:
    assert verdict(live("example.org/v1", "Thing", status=conditions(condition("Ready", "False", "Wait")))) == (
        "Progressing",
        "Wait",
    )
    assert verdict(live("example.org/v1", "Thing", status=conditions(condition("Ready", "Unknown")))) == (
        "Progressing",
        "NotReady",
    )


def test_a_pair_of_synced_and_ready_is_read_as_crossplane_means_it() -> None:
    refused = conditions(condition("Synced", "False", "ReconcileError", "denied"), condition("Ready", "False", "Creating"))
    creating = conditions(condition("Synced", "True"), condition("Ready", "False", "Creating"))

    assert verdict(live("s3.aws.upbound.io/v1", "Bucket", status=refused)) == ("Degraded", "ReconcileError")
    assert verdict(live("s3.aws.upbound.io/v1", "Bucket", status=creating)) == ("Progressing", "Creating")


def test_a_condition_failed_is_degraded() -> None:
    assert verdict(live("example.org/v1", "Thing", status=conditions(condition("Failed", "True", "Boom")))) == (
        "Degraded",
        "Boom",
    )
