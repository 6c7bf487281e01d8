"""ConfigMaps and Secrets that roll with the pods that read them."""

from __future__ import annotations

import base64
import json

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.rollout.command import CommandKind
from tests.acceptance.objects import config_map, deployment, files, secret, service
from tests.acceptance.rollout import BAD, WEB, Rollout, canary, image, policy
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]

STEP = canary({"weight": 50, "approval": True})


def version(number: int, *configuration: Object, name: str = "settings") -> dict[str, str]:
    workload = deployment(WEB, image=image(1), replicas=2)
    pod = workload["spec"]["template"]["spec"]
    pod["containers"][0]["envFrom"] = [{"secretRef": {"name": "token"}}]
    pod["volumes"] = [{"name": "settings", "projected": {"sources": [{"configMap": {"name": name}}]}}]
    workload["spec"]["template"]["metadata"]["annotations"] = {"version": str(number)} if name != "settings" else {}
    return files(workload, service(WEB), policy(STEP), *configuration)


def begin(team: Tenant, contents: dict[str, str]) -> Rollout:
    rollout = Rollout(team, STEP)
    commit = team.commit(contents)
    team.declare()
    team.settled(commit)
    rollout.until(lambda status: status["state"].get("adoption") == "Done", "the workload is made ready")
    return rollout


def secrets(team: Tenant) -> set[str]:
    items = team.plane.request("GET", f"/api/v1/namespaces/{team.namespace}/secrets")["items"]
    return {str(item["metadata"]["name"]) for item in items}


def value(team: Tenant, name: str) -> str:
    live_secret = team.get("Secret", name) or {}
    return base64.b64decode(live_secret["data"]["password"]).decode()


def test_a_changed_secret_rolls_with_its_pods_and_its_values_are_reported_nowhere(team: Tenant) -> None:
    old, new = "old-value-5d20c1", "new-value-91ab77"
    rollout = begin(team, version(1, secret("token", password=old), config_map("settings", colour="red")))

    commit = team.commit(version(1, secret("token", password=new), config_map("settings", colour="red")))
    hashed = rollout.at("Step", "Hold")["target"]["hash"]
    assert (value(team, "token"), value(team, f"token-{hashed}")) == (old, new)
    second = (rollout.second() or {})["spec"]["template"]["spec"]
    assert second["containers"][0]["envFrom"] == [{"secretRef": {"name": f"token-{hashed}"}}]
    assert second["volumes"][0]["projected"]["sources"] == [{"configMap": {"name": "settings"}}], "it did not change"
    reported = json.dumps([rollout.status(), team.application()])
    rollout.command(CommandKind.APPROVE)
    team.settled(commit)

    assert value(team, "token") == new
    assert secrets(team) == {"token"}
    agent = team.agent
    assert agent is not None
    events = [
        team.plane.request("GET", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events")["items"]
        for namespace in (team.namespace, team.installed.namespace)
    ]
    reported += json.dumps([rollout.status(), team.application(), events]) + agent.log.read_text(errors="replace")
    for word in (old, new):
        assert word not in reported
        assert base64.b64encode(word.encode()).decode() not in reported


def test_what_stable_pods_read_stays_until_they_are_gone(team: Tenant) -> None:
    token = secret("token", password="p")
    rollout = begin(team, version(1, token, config_map("settings", colour="red")))

    commit = team.replace(version(2, token, config_map("palette", colour="blue"), name="palette"))

    rollout.at("Step", "Hold")
    assert team.configs() == {"settings", "palette"}
    rollout.command(CommandKind.APPROVE)
    team.settled(commit)
    assert team.configs() == {"palette"}


def test_what_a_taken_back_version_added_goes_once_git_has_it_no_longer(team: Tenant) -> None:
    before = version(1, secret("token", password="p"), config_map("settings", colour="red"))
    rollout = begin(team, before)
    team.replace(version(2, secret("token", password="q"), config_map("palette", colour="blue"), name="palette"))
    rollout.at("Step", "Hold")
    assert len(secrets(team)) == 2

    rollout.command(CommandKind.ABORT)

    rollout.at("Held")
    team.until(lambda: secrets(team) == {"token"}, "the copy is gone")
    assert (value(team, "token"), team.configs()) == ("p", {"settings", "palette"})
    team.settled(team.replace(before))
    assert team.configs() == {"settings"}


def sharing(web: int, api: int, colour: str, *, broken: bool = False) -> dict[str, str]:
    """Two workloads that read one ConfigMap, each with a policy."""
    objects: list[Object] = [config_map("settings", colour=colour)]
    for name, number, notes in (("web", web, BAD if broken else {}), ("api", api, {})):
        workload = deployment(name, image=image(number), replicas=2, annotations=notes)
        workload["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "settings"}}]
        made = policy(canary({"weight": 50}), targetRef={"name": name}, service=name, progressDeadline="8s" if broken else "2m")
        made["metadata"]["name"] = name
        objects += [workload, service(name), made]
    return files(*objects)


def test_a_version_waits_while_a_rolled_back_one_keeps_the_configuration_they_share(team: Tenant) -> None:
    web, api = Rollout(team, canary()), Rollout(team, canary(), name="api")
    commit = team.commit(sharing(1, 1, "red"))
    team.declare()
    team.settled(commit)
    for rollout in (web, api):
        rollout.until(lambda status: status["state"].get("adoption") == "Done", "the workload is made ready")
    team.commit(sharing(2, 1, "blue", broken=True))
    for rollout in (web, api):
        rollout.at("Held")

    team.commit(sharing(2, 2, "blue", broken=True))

    status = api.until(lambda status: "rollout retry" in status["message"], "it says what it waits for")
    assert (status["phase"], f"ConfigMap:{team.namespace}/settings is needed by" in status["message"]) == ("Pending", True)
    commit = team.commit(sharing(3, 2, "blue"))
    team.settled(commit)
    assert (web.image(), api.image()) == (image(3), image(2))
    assert (team.get("ConfigMap", "settings") or {})["data"] == {"colour": "blue"}
