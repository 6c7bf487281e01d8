from __future__ import annotations

from dataclasses import replace

import pytest

from gitops_agent.errors import Invalid
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.marks import REVISION
from gitops_agent.sync.action import Action, ActionKind
from gitops_agent.sync.apply.writer import Writer, body_of
from tests.sync.apply.test_executor import config
from tests.sync.apply.test_plan_walker import made
from tests.sync.cluster_env import ClusterEnv
from tests.sync.samples import APP, OTHER, creations, deletions, key, live, thing
from tests.sync.samples import REVISION as COMMIT

CONFIG = thing("ConfigMap", "web", data={"a": "1"})


def update(**changes: object) -> Action:
    (create,) = creations([CONFIG])
    return replace(create, kind=ActionKind.UPDATE, live=live(CONFIG, **changes))


def revision_sent(action: Action) -> str:
    return str(body_of(action, made([action], {}))["metadata"]["annotations"][REVISION])


def test_new_content_bears_the_revision_it_comes_from() -> None:
    assert revision_sent(creations([CONFIG])[0]) == COMMIT.commit
    assert revision_sent(update(digest="old", revision="b" * 40)) == COMMIT.commit


def test_the_same_content_keeps_the_revision_it_came_from() -> None:
    assert revision_sent(update(revision="b" * 40)) == "b" * 40


def test_an_object_taken_over_from_another_application_bears_our_revision() -> None:
    assert revision_sent(update(owner=OTHER, revision="b" * 40)) == COMMIT.commit


def test_nothing_can_be_sent_for_an_action_without_a_manifest() -> None:
    (delete,) = deletions(key("ConfigMap", "web"))
    with pytest.raises(Invalid, match="nothing to apply"):
        body_of(delete, made([delete], {}))


def test_what_is_sent_is_the_manifest_and_the_marks() -> None:
    (create,) = creations([CONFIG])
    body = body_of(create, made([create], {}))
    assert body["data"] == CONFIG["data"]
    assert body["metadata"]["annotations"]["gitops-agent.dev/id"] == f"{key('ConfigMap', 'web')}@{APP}"


@pytest.mark.cluster
def test_an_answer_is_known_before_any_watch_reports_it(stage: ClusterEnv) -> None:
    plan = stage.plan(config())
    done = Writer(stage.objects, stage.live).apply(plan.writes[0], plan, as_user=None)
    object_key = ObjectKey("", "ConfigMap", stage.namespace, "web")
    obj = stage.live.get(object_key)
    assert obj is not None
    assert (done.changed, obj.owner) == (True, stage.application)
    assert stage.live.snapshot(stage.application).baselines[object_key] == (obj.digest, obj.projection)


@pytest.mark.cluster
def test_a_deletion_of_something_never_seen_is_nothing_to_do(stage: ClusterEnv) -> None:
    (delete,) = deletions(stage.key("ConfigMap", "web"))
    done = Writer(stage.objects, stage.live).delete(replace(delete, live=None), as_user=None)
    assert not done.changed
