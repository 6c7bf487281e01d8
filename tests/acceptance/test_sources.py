"""Repositories that are away, empty, or hold what no repository should."""

from __future__ import annotations

import pytest

from tests.acceptance.objects import config_map, files
from tests.acceptance.tenant import Tenant
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.faults]

BOMB = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: bomb}
data:
  a: &a ["x", "x", "x", "x", "x", "x", "x", "x", "x"]
  b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]
  c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]
  d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]
  e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]
  f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e]
  g: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f]
  h: &h [*g, *g, *g, *g, *g, *g, *g, *g, *g]
"""


def _installed(team: Tenant) -> str:
    """One application with one object, ready."""
    commit = team.commit(files(config_map("good")))
    team.declare()
    team.settled(commit)
    return commit


def test_a_repository_that_goes_away_takes_nothing_along_and_comes_back(team: Tenant) -> None:
    commit = team.commit(files(config_map("good"), config_map("other")))
    team.declare(sync={"interval": "1s"})
    team.settled(commit)
    uid = (team.config("good") or {})["metadata"]["uid"]

    team.repository.vanish()
    away = team.until(
        lambda: team.application()["status"]["source"].get("unavailableSince"), "the source is told to be unavailable"
    )
    assert team.configs() == {"good", "other"}
    team.edit("ConfigMap", "good", {"data": {"key": "changed manually"}})
    team.until(lambda: (team.config("good") or {})["data"] == {"key": "value"}, "drift is repaired meanwhile")
    assert team.application()["status"]["source"]["unavailableSince"] == away

    team.repository.come_back()
    newer = team.repository.commit(files(config_map("good", key="newer")))
    team.ask()
    application = team.settled(newer)
    assert "unavailableSince" not in application["status"]["source"]
    assert (team.config("good") or {})["metadata"]["uid"] == uid


def test_a_repository_that_never_answered_is_reported_and_deploys_nothing(team: Tenant) -> None:
    team.declare(source={"repoURL": f"file://{team.folder}/nowhere.git"})

    message = team.until(lambda: team.condition().get("message"), "the application tells something")
    team.until(lambda: team.application()["status"]["source"].get("unavailableSince"), "since when it is away")
    assert message
    assert team.configs() == set()


def test_an_empty_repository_is_reported_and_deploys_once_it_has_a_commit(team: Tenant) -> None:
    team.declare()
    message = team.until(lambda: _failed(team), "the empty repository is told")
    assert message

    commit = team.commit(files(config_map("good")))

    team.settled(commit)
    assert team.configs() == {"good"}


def test_a_path_that_is_not_there_is_reported_and_deletes_nothing(team: Tenant) -> None:
    commit = team.commit({f"apps/shop/{name}": text for name, text in files(config_map("good")).items()})
    team.declare(source={"path": "apps/shop"})
    team.settled(commit)

    team.replace({f"apps/renamed/{name}": text for name, text in files(config_map("good")).items()})

    team.says("PathNotFound", "apps/shop")
    assert team.configs() == {"good"}


def test_a_broken_symlink_is_reported_and_deletes_nothing(team: Tenant) -> None:
    _installed(team)
    (team.repository.work / "broken.yaml").symlink_to("nowhere.yaml")

    team.push()

    team.until(lambda: "broken.yaml" in _failed(team), "the link is named")
    assert team.configs() == {"good"}


def test_a_symlink_that_leaves_the_repository_is_refused(team: Tenant) -> None:
    _installed(team)
    (team.repository.work / "escaping.yaml").symlink_to("../../../../../../etc/passwd")

    team.push()

    team.says("PathEscapes", "escaping.yaml")
    assert team.configs() == {"good"}


def test_a_file_of_fifty_megabytes_is_refused_by_name_and_size(team: Tenant) -> None:
    _installed(team)

    team.commit({"huge.yaml": b"# " + b"x" * 50_000_000 + b"\n"})

    team.says("FileTooLarge", "huge.yaml")
    assert team.configs() == {"good"}


def test_an_alias_bomb_is_refused_and_the_next_commit_is_applied(team: Tenant) -> None:
    _installed(team)

    team.commit({"bomb.yaml": BOMB})
    team.says("InvalidManifest", "bomb.yaml")
    assert team.configs() == {"good"}

    fixed = team.commit({"bomb.yaml": None, **files(config_map("more"))})
    team.settled(fixed)
    assert team.configs() == {"good", "more"}


def test_a_rewritten_history_is_followed_and_reported(team: Tenant) -> None:
    first = _installed(team)
    team.commit(files(config_map("second")))
    lost = team.repository.commit(files(config_map("third")))
    team.ask()
    team.settled(lost)

    team.repository._git(team.repository.work, "reset", "--quiet", "--hard", first)
    rewritten = team.repository.commit(files(config_map("good", key="rewritten")))
    team.ask()

    team.settled(rewritten)
    assert (team.config("good") or {})["data"] == {"key": "rewritten"}
    agent = team.agent
    assert agent is not None
    lines = eventually(lambda: [line for line in agent.said("history rewritten") if line.get("new") == rewritten])
    assert lines[0]["old"] == lost
    assert lines[0]["lost"] == 2


def _failed(team: Tenant) -> str:
    """The message of the Ready condition once it reports a failure."""
    ready = team.condition()
    return str(ready.get("message") or "") if ready.get("status") == "False" else ""
