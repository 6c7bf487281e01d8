from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.manifest.edits import foreign_fields, is_person, is_tool
from tests.manifest.test_fields import entry, live

OURS = entry({"f:spec": {"f:image": {}}})


def paths(obj: dict[str, Any]) -> set[str]:
    return {edit.path for edit in foreign_fields(obj)}


def by(manager: str, fields: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return entry(fields, manager=manager, operation="Update", time="2026-11-01T00:00:00Z", **rest)


@pytest.mark.parametrize(
    "manager", ["kubectl-edit", "kubectl-patch", "kubectl", "kubectl-client-side-apply", "node-fetch", "k9s", "Mozilla"]
)
def test_an_addition_through_a_tool_used_by_hand_is_reported(manager: str) -> None:
    obj = live({"spec": {"image": "a", "debug": True}}, OURS, by(manager, {"f:spec": {"f:debug": {}}}))
    (edit,) = foreign_fields(obj)
    assert (edit.path, edit.manager, edit.operation, edit.time) == ("/spec/debug", manager, "Update", "2026-11-01T00:00:00Z")


@pytest.mark.parametrize(
    "manager", ["gitops-agent", "gitops-agent-cli", "kube-controller-manager", "istiod", "cert-manager", "cluster-autoscaler"]
)
def test_additions_of_controllers_and_of_our_own_are_not(manager: str) -> None:
    assert foreign_fields(live({"spec": {"debug": True}}, OURS, by(manager, {"f:spec": {"f:debug": {}}}))) == ()


def test_a_field_shared_with_us_is_no_addition() -> None:
    assert foreign_fields(live({"spec": {"image": "a"}}, OURS, by("kubectl-edit", {"f:spec": {"f:image": {}}}))) == ()


def test_a_field_a_controller_owns_too_is_left_to_it() -> None:
    fields: dict[str, Any] = {"f:spec": {"f:debug": {}}}
    assert foreign_fields(live({"spec": {"debug": True}}, by("kubectl-edit", fields), by("istiod", fields))) == ()


def test_the_outermost_part_that_is_theirs_alone_is_named() -> None:
    added: dict[str, Any] = {'k:{"name":"debug"}': {".": {}, "f:name": {}, "f:image": {}}}
    ours: dict[str, Any] = {'k:{"name":"web"}': {".": {}, "f:name": {}}}
    obj = live(
        {"containers": [{"name": "web"}, {"name": "debug", "image": "x"}]},
        entry({"f:containers": ours}),
        by("kubectl-edit", {"f:containers": added}),
    )
    assert paths(obj) == {"/containers/1"}


def test_inside_a_part_that_others_share_only_what_is_theirs_is_named() -> None:
    obj = live(
        {"labels": {"ours": "1", "theirs": "2"}},
        entry({"f:labels": {"f:ours": {}}}),
        by("kubectl-label", {"f:labels": {".": {}, "f:theirs": {}, "f:ours": {}}}),
    )
    assert paths(obj) == {"/labels/theirs"}


def test_what_people_put_into_an_empty_map_of_ours_is_named() -> None:
    obj = live(
        {"emptyDir": {"medium": "Memory"}}, entry({"f:emptyDir": {}}), by("kubectl-edit", {"f:emptyDir": {"f:medium": {}}})
    )
    assert paths(obj) == {"/emptyDir/medium"}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (
            {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}},
            {"f:annotations": {".": {}, "f:kubectl.kubernetes.io/restartedAt": {}}},
        ),
        ({"annotations": {"gitops-agent.dev/approved-plan": "x"}}, {"f:annotations": {"f:gitops-agent.dev/approved-plan": {}}}),
        ({"labels": {"kubernetes.io/metadata.name": "x"}}, {"f:labels": {"f:kubernetes.io/metadata.name": {}}}),
        ({"annotations": {"lifecycle.cattle.io/x": "x"}}, {"f:annotations": {"f:lifecycle.cattle.io/x": {}}}),
        ({"finalizers": ["x"]}, {"f:finalizers": {".": {}, 'v:"x"': {}}}),
        ({"ownerReferences": [{"uid": "1"}]}, {"f:ownerReferences": {'k:{"uid":"1"}': {}}}),
    ],
)
def test_requests_and_fields_of_others_are_left_alone(body: dict[str, Any], fields: dict[str, Any]) -> None:
    assert foreign_fields(live({"metadata": body}, by("kubectl-edit", {"f:metadata": fields}))) == ()


def test_a_restart_stays_while_an_edit_beside_it_is_named() -> None:
    annotations = {"kubectl.kubernetes.io/restartedAt": "now", "debug": "yes"}
    fields: dict[str, Any] = {"f:annotations": {".": {}, "f:kubectl.kubernetes.io/restartedAt": {}, "f:debug": {}}}
    obj = live({"template": {"annotations": annotations}}, by("kubectl-edit", {"f:template": fields}))
    assert paths(obj) == {"/template/annotations/debug"}


def test_scaling_by_hand_where_git_names_no_number_is_meant() -> None:
    obj = live({"spec": {"replicas": 4}}, by("kubectl", {"f:spec": {"f:replicas": {}}}, subresource="scale"))
    assert foreign_fields(obj) == ()


def test_a_status_is_no_edit() -> None:
    assert foreign_fields(live({"status": {"a": 1}}, by("kubectl-edit", {"f:status": {"f:a": {}}}, subresource="status"))) == ()


def test_a_field_that_is_gone_again_is_not_named() -> None:
    assert foreign_fields(live({"spec": {}}, by("kubectl-edit", {"f:spec": {"f:debug": {}}}))) == ()


def test_members_of_sets_and_lists_are_named_by_position() -> None:
    obj = live(
        {"set": ["a", "b"], "list": [1, 2]},
        by("kubectl-edit", {"f:set": {'v:"b"': {}}, "f:list": {"i:1": {}}}),
        entry({"f:set": {'v:"a"': {}}, "f:list": {"i:0": {}}}),
    )
    assert paths(obj) == {"/set/1", "/list/1"}


def test_the_last_of_two_writers_is_named() -> None:
    fields: dict[str, Any] = {"f:spec": {"f:debug": {}}}
    obj = live(
        {"spec": {"debug": True, "image": "a"}},
        OURS,
        entry(fields, manager="kubectl-edit", operation="Update", time="2026-11-02T00:00:00Z"),
        entry(fields, manager="k9s", operation="Update", time="2026-11-01T00:00:00Z"),
    )
    assert [edit.manager for edit in foreign_fields(obj)] == ["kubectl-edit"]


def test_names_match_whole_or_by_their_beginning_as_the_table_says() -> None:
    assert is_person("kubectl-set")
    assert not is_person("curling")
    assert not is_person("rancher-agent")
    assert is_tool("helm")
    assert not is_tool("helmsman")


def test_what_was_written_through_the_status_is_no_edit() -> None:
    fields: dict[str, Any] = {"f:metadata": {"f:annotations": {"f:debug": {}}}}
    body = {"metadata": {"annotations": {"debug": "yes"}}}

    assert foreign_fields(live(body, by("kubectl-edit", fields, subresource="status"))) == ()
