from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.api.parse import SpecInvalid, parse
from gitops_agent.api.sync_options import ErrorPolicy, SyncMode
from gitops_agent.manifest.key import AppKey, Object
from tests.api.specs import ACCEPTED, COMPLETE, REFUSED, SOURCE, spec

METADATA: Object = {
    "name": "shop",
    "namespace": "gitops-system",
    "uid": "u-1",
    "generation": 3,
    "resourceVersion": "17",
    "annotations": {"a": "b"},
    "finalizers": ["gitops-agent.dev/prune"],
}


def stored(fields: Any) -> Object:
    return {"apiVersion": "gitops-agent.dev/v1alpha1", "kind": "Application", "metadata": METADATA, "spec": fields}


def problems(fields: Any) -> dict[str, str]:
    with pytest.raises(SpecInvalid) as caught:
        parse(stored(fields))
    return {problem.path: problem.message for problem in caught.value.problems}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_the_api_server_takes_is_understood(name: str) -> None:
    parse(stored(ACCEPTED[name]))


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_api_server_refuses_is_refused_here_too(name: str) -> None:
    with pytest.raises(SpecInvalid) as caught:
        parse(stored(REFUSED[name]))

    assert caught.value.reason == "InvalidSpec"
    assert not caught.value.transient


def test_the_defaults_are_those_of_the_api() -> None:
    wanted = parse(stored(spec())).spec

    assert (wanted.source.path, wanted.sync.interval, wanted.sync.timeout) == ("", timedelta(seconds=30), timedelta(minutes=5))
    assert (wanted.sync.mode, wanted.sync.error_policy) == (SyncMode.AUTO, ErrorPolicy.ATOMIC)
    assert (wanted.sync.prune, wanted.sync.self_heal, wanted.depends_on, wanted.suspend) == (True, True, (), None)


def test_every_field_is_read() -> None:
    wanted = parse(stored(COMPLETE)).spec

    assert wanted.source.ref is not None
    assert wanted.source.ref.kind == "semver"
    assert wanted.source.ref.value == ">=1.0 <2"
    assert wanted.source.secret_ref is not None
    assert wanted.render is not None
    assert wanted.render.helm is not None
    assert wanted.render.helm.values == {"replicas": 3, "nested": {"list": [1, "two", None]}}
    assert wanted.sync.interval == timedelta(seconds=90)
    assert wanted.sync.ignore_fields[0].paths == ("/spec/replicas",)
    assert [dependency.name for dependency in wanted.depends_on] == ["database", "cache"]
    assert wanted.suspend is not None
    assert wanted.suspend.until == datetime(2026, 12, 1, 8, tzinfo=UTC)


def test_the_metadata_is_read() -> None:
    obj = stored(spec()) | {"status": {"observedGeneration": 2}}
    application = parse(obj)

    assert application.key == AppKey("gitops-system", "shop")
    assert (application.uid, application.generation, application.resource_version) == ("u-1", 3, "17")
    assert (application.deleting, application.annotations, application.finalizers) == (
        False,
        {"a": "b"},
        ("gitops-agent.dev/prune",),
    )
    assert application.status == {"observedGeneration": 2}
    assert application.raw is obj


def test_an_object_with_a_deletion_timestamp_is_deleting() -> None:
    obj = stored(spec())
    obj["metadata"] = METADATA | {"deletionTimestamp": "2026-11-22T21:00:00Z"}

    assert parse(obj).deleting


def test_all_problems_are_reported_at_once_with_their_paths() -> None:
    fields = {
        "source": {**SOURCE, "path": "/x"},
        "sync": {"interval": "1d", "mode": "auto-ish", "deletionGuard": {"maxPercent": 101}},
        "dependsOn": [{"name": "ok"}, {"nme": "x"}],
        "destinatoin": {},
    }

    assert problems(fields) == {
        "spec.source.path": "starts with a slash, but it is relative to the root of the repository",
        "spec.sync.interval": "is not a duration such as 30s, 5m or 1h30m",
        "spec.sync.mode": "is none of 'auto', 'manual' or 'observe'",
        "spec.sync.deletionGuard.maxPercent": "is more than 100",
        "spec.dependsOn[1].name": "is missing",
        "spec.dependsOn[1].nme": "is unknown; did you mean name?",
        "spec.destinatoin": "is unknown; did you mean destination?",
    }


@pytest.mark.parametrize(
    ("fields", "path", "message"),
    [
        ({"schedule": "0 24 * * *"}, "schedule", "the hour is not between 0 and 23"),
        ({"schedule": "0 0 30 2 *"}, "schedule", "names a day that none of its months has"),
        ({"timezone": "Europe/Atlantis"}, "timezone", "is not a time zone such as Europe/Berlin"),
        ({"timezone": "Europe"}, "timezone", "is not a time zone such as Europe/Berlin"),
        ({"timeZone": "UTC"}, "timeZone", "is unknown; did you mean timezone?"),
        ({"duration": "30s"}, "duration", "is not between 1m and 8784h"),
        ({"action": "freeze"}, "action", "is none of 'allow' or 'deny'"),
    ],
)
def test_a_wrong_window_is_a_problem_of_its_field(fields: Object, path: str, message: str) -> None:
    window = {"schedule": "0 22 * * *", "duration": "8h"} | fields

    assert problems(spec(sync={"windows": [window]})) == {f"spec.sync.windows[0].{path}": message}


@pytest.mark.parametrize("text", ["1d", "-5s", "1e9h", "", 5])
def test_a_bad_duration_is_a_problem_of_its_field(text: Any) -> None:
    assert list(problems(spec(sync={"interval": text}))) == ["spec.sync.interval"]


def test_the_names_of_python_are_not_the_names_of_yaml() -> None:
    assert problems(spec(service_account_name="x")) == {
        "spec.service_account_name": "is unknown; did you mean serviceAccountName?",
    }


def test_no_value_is_ever_repeated() -> None:
    fields = {
        "source": {"repoURL": "https://robot:hunter2@git.example.com/x", "ref": {"branch": "hunter2 x"}, "path": "/hunter2"},
        "sync": {"interval": "hunter2", "mode": "hunter2", "prune": "hunter2"},
    }

    assert "hunter2" not in str(problems(fields))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["source", "ref", "repoURL", "branch", "sync", "interval", "render", "helm", "values", "suspend", "until", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_reading_is_total(fields: Any) -> None:
    with contextlib.suppress(SpecInvalid):
        parse(stored(fields))


@given(JSON)
def test_reading_is_total_inside_a_good_spec(fields: Any) -> None:
    for name in ("source", "render", "destination", "sync", "dependsOn", "suspend"):
        with contextlib.suppress(SpecInvalid):
            parse(stored(COMPLETE | {name: fields}))


@pytest.mark.parametrize("metadata", [None, {}, {"generation": "x", "finalizers": "y", "annotations": 3}])
def test_odd_metadata_is_no_reason_to_fail(metadata: Any) -> None:
    application = parse({"metadata": metadata, "spec": spec(), "status": None})

    assert (application.generation, application.finalizers, application.annotations, application.status) == (0, (), {}, {})


def test_values_nested_beyond_reason_are_a_problem() -> None:
    value: Any = "end"
    for _ in range(900):
        value = {"a": value}

    assert problems(spec(render={"helm": {"values": value}})) == {"spec": "is not a JSON value, or nested too deeply"}
