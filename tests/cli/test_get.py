from __future__ import annotations

import json
import re

import pytest

from gitops_agent.cluster.transport import Transport
from tests.cli.cluster_env import COMMIT, OLDER, ClusterEnv, condition, healthy, troubled
from tests.cli.conftest import Run
from tests.cli.policies import holding, stored

pytestmark = pytest.mark.cluster


def notifier(stage: ClusterEnv, name: str) -> None:
    body = {
        "apiVersion": "gitops-agent.dev/v1alpha1",
        "kind": "Notifier",
        "metadata": {"name": name},
        "spec": {"provider": "webhook", "address": "https://hooks.example.com/x"},
    }
    stage.plane.request("POST", stage.path("notifiers"), body)
    status = {"conditions": [condition("Ready", "True", "Ready", "the receiver takes messages")]}
    merge = "application/merge-patch+json"
    stage.plane.request("PATCH", stage.path("notifiers", name) + "/status", {"status": status}, content_type=merge)


@pytest.mark.parametrize("kind", ["applications", "application", "apps", "app", "gapp", "Application"])
def test_a_kind_may_be_spelled_in_any_usual_way(stage: ClusterEnv, run: Run, kind: str) -> None:
    stage.application("shop", healthy())

    assert run("get", kind).stdout == (
        "APPLICATION  READY  SYNC    HEALTH   REVISION      MESSAGE\n"
        "shop         True   Synced  Healthy  c0ffee0000c0  c0ffee0000c0 is applied: 3 objects\n"
    )


def test_notifiers_tell_whether_they_deliver(stage: ClusterEnv, run: Run) -> None:
    notifier(stage, "chat")

    assert run("get", "ntf").stdout == (
        "NOTIFIER  PROVIDER  READY  DELIVERED  LAST  PENDING  DROPPED  MESSAGE\n"
        "chat      webhook   True   0          -     0        0        the receiver takes messages\n"
    )
    assert run("get", "notifiers", "-o", "name").stdout == "notifier.gitops-agent.dev/chat\n"


def test_what_was_delivered_dropped_and_failed_last_is_shown(stage: ClusterEnv, run: Run) -> None:
    notifier(stage, "chat")
    failure = {"at": "2026-01-01T00:00:00Z", "reason": "DeliveryFailed", "message": "no answer in time"}
    status = {"delivered": 7, "dropped": 2, "lastDelivery": "2026-01-01T00:00:00Z", "lastFailure": failure}
    path, merge = stage.path("notifiers", "chat") + "/status", "application/merge-patch+json"
    stage.plane.request("PATCH", path, {"status": status}, content_type=merge)

    assert re.search(r"^chat +webhook +True +7 +\d+d\d+h ago +0 +2 +the receiver", run("get", "ntf").stdout, re.MULTILINE)
    assert re.search(r"\d+d\d+h ago: no answer in time", run("get", "ntf", "-o", "wide").stdout)


def test_one_document_is_the_object_and_many_are_a_list(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy())

    assert json.loads(run("get", "app", "shop", "-o", "json").stdout)["kind"] == "Application"
    assert [x["metadata"]["name"] for x in json.loads(run("get", "app", "-o", "json").stdout)] == ["shop"]


@pytest.mark.parametrize("kind", ["rolloutpolicies", "rolloutpolicy", "rop"])
def test_policies_live_beside_their_workloads_and_say_where_their_rollouts_stand(
    stage: ClusterEnv, run: Run, kind: str
) -> None:
    stored(stage, holding(1))
    where = stage.namespace

    assert (
        run("get", kind, "-n", where).lines[1].startswith(f"{where}/web  canary    Step   2/3   50 %    11111111  22222222  ")
    )
    assert f"{where}/web" in run("get", kind).stdout
    assert run("get", kind, f"{where}/web", "-o", "name").stdout == "rolloutpolicy.gitops-agent.dev/web\n"
    assert json.loads(run("get", kind, f"{where}/web", "-o", "json").stdout)["kind"] == "RolloutPolicy"


def labelled(stage: ClusterEnv, name: str, **labels: str) -> None:
    stage.application(name, healthy())
    merge = "application/merge-patch+json"
    stage.plane.request("PATCH", stage.path("applications", name), {"metadata": {"labels": labels}}, content_type=merge)


@pytest.mark.parametrize("command", [("get", "app"), ("status",)])
def test_labels_select_and_names_carry_the_group(stage: ClusterEnv, run: Run, command: tuple[str, ...]) -> None:
    labelled(stage, "shop", team="a")
    labelled(stage, "notes", team="b")

    assert run(*command, "-l", "team=a", "-o", "name").lines == ["application.gitops-agent.dev/shop"]
    assert run(*command, "--selector", "team!=a", "-o", "name").lines == ["application.gitops-agent.dev/notes"]
    nothing = run(*command, "-l", "team=c")
    assert (nothing.code, nothing.stdout) == (0, "")
    assert nothing.stderr == f"there are no Applications in namespace {stage.namespace} with the labels team=c\n"


@pytest.mark.parametrize("command", [("get", "app"), ("status",)])
def test_all_namespaces_are_listed_with_their_names(stage: ClusterEnv, run: Run, command: tuple[str, ...]) -> None:
    labelled(stage, "shop", run=stage.namespace)

    lines = run(*command, "-A", "-l", f"run={stage.namespace}").lines

    assert lines[0].split()[:2] == ["NAMESPACE", "APPLICATION"]
    assert [line.split()[:2] for line in lines[1:]] == [[stage.namespace, "shop"]]


@pytest.mark.parametrize("command", [("get", "app"), ("status",)])
def test_a_wide_table_shows_the_source(stage: ClusterEnv, run: Run, command: tuple[str, ...]) -> None:
    stage.application("shop", healthy())

    (row,) = run(*command, "-o", "wide").lines[1:]

    assert f"  https://git.example.com/config.git  branch=main  apps/shop  {stage.namespace}  " in row


@pytest.mark.parametrize("option", [("-A",), ("-l", "a=b")])
def test_a_name_and_a_selection_of_several_exclude_each_other(stage: ClusterEnv, run: Run, option: tuple[str, ...]) -> None:
    result = run("get", "app", "shop", *option)

    assert (result.code, result.stdout) == (2, "")
    assert "exclude each other" in result.stderr


def test_no_policies_are_said_on_standard_error(stage: ClusterEnv, run: Run) -> None:
    result = run("get", "rop", "-n", stage.namespace)

    assert (result.code, result.stdout, result.stderr) == (
        0,
        "",
        f"there are no RolloutPolicies in namespace {stage.namespace}\n",
    )


def test_an_unknown_kind_is_one_line_and_exit_code_two(stage: ClusterEnv, run: Run) -> None:
    result = run("get", "deployments")

    assert (result.code, result.stdout) == (2, "")
    assert result.stderr == (
        "error: there is no kind deployments to get: say applications (app), notifiers (ntf) or rolloutpolicies (rop)\n"
    )


def test_an_unknown_notifier_is_named(stage: ClusterEnv, run: Run) -> None:
    result = run("get", "ntf", "nope")

    assert (result.code, result.stderr) == (2, f"error: there is no Notifier nope in namespace {stage.namespace}\n")


def test_none_is_said_on_standard_error(stage: ClusterEnv, run: Run) -> None:
    result = run("get", "notifiers")

    assert (result.code, result.stdout, result.stderr) == (0, "", f"there are no Notifiers in namespace {stage.namespace}\n")


def test_kubectl_prints_what_is_wrong_and_a_short_commit_in_120_columns(stage: ClusterEnv) -> None:
    stage.application("shop", healthy())
    stage.application("guestbook-of-the-platform-team", troubled("False", "HeldForApproval", "8 objects would go"))

    transport = Transport.from_kubeconfig(stage.plane.kubeconfig)
    table = transport.request("GET", stage.path("applications"), accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    transport.close()

    shown = [index for index, column in enumerate(table["columnDefinitions"]) if not column["priority"]]
    rows = [[str(row["cells"][index] or "") for index in shown] for row in table["rows"]]
    names = [table["columnDefinitions"][index]["name"] for index in shown]
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    assert names == ["Name", "Ready", "Sync", "Health", "Reason", "Revision", "Age"]
    assert rows[0][1:6] == ["False", "OutOfSync", "Healthy", "HeldForApproval", OLDER[:12]]
    assert rows[1][1:6] == ["True", "Synced", "Healthy", "Synced", COMMIT[:12]]
    assert sum(widths) + 3 * (len(widths) - 1) <= 120
