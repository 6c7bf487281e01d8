from __future__ import annotations

import pytest

from gitops_agent.manifest.key import ObjectKey
from gitops_agent.sync.hooks.delete_policy import DeletePolicy, delete_policies
from tests.sync.samples import thing


def policies(kind: str, **annotations: str) -> set[str]:
    names = {
        "own": "gitops-agent.dev/hook-delete-policy",
        "argo": "argocd.argoproj.io/hook-delete-policy",
        "helm": "helm.sh/hook-delete-policy",
    }
    obj = thing(kind, "one", annotations={names[name]: value for name, value in annotations.items()})
    return {policy.value for policy in delete_policies(obj, ObjectKey.of(obj).group_kind)}


@pytest.mark.parametrize(
    ("spelling", "value"),
    [
        ("own", "hook-succeeded, hook-failed"),
        ("argo", "HookSucceeded,HookFailed"),
        ("helm", "hook-succeeded,hook-failed"),
    ],
)
def test_every_spelling_is_read(spelling: str, value: str) -> None:
    assert policies("Job", **{spelling: value}) == {"hook-succeeded", "hook-failed"}


def test_our_spelling_counts_before_the_others() -> None:
    assert policies("Job", own="hook-failed", helm="hook-succeeded") == {"hook-failed"}


def test_without_a_policy_only_what_runs_to_an_end_is_deleted_before_its_next_run() -> None:
    assert policies("Job") == policies("Pod") == {DeletePolicy.BEFORE_HOOK_CREATION.value}
    assert policies("ConfigMap") == policies("ServiceAccount") == set()


@pytest.mark.parametrize("kind", ["PersistentVolumeClaim", "Namespace", "CustomResourceDefinition", "PersistentVolume"])
def test_no_policy_deletes_what_holds_data_or_other_objects(kind: str) -> None:
    assert policies(kind, helm="before-hook-creation,hook-succeeded") == set()


def test_an_unknown_policy_is_a_problem_that_names_the_annotation() -> None:
    with pytest.raises(ValueError, match=r"annotation argocd\.argoproj\.io/hook-delete-policy: 'hook-succeeded' is none of"):
        policies("Job", argo="hook-succeeded")
