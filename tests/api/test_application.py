from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from gitops_agent.api.application import Application, ApplicationSpec, Suspend
from gitops_agent.api.parse import parse
from gitops_agent.api.source_options import RefSpec, SourceSpec
from tests.api.specs import spec

NOW = datetime(2026, 11, 22, 21, tzinfo=UTC)


def application(**fields: object) -> Application:
    return parse({"metadata": {"name": "shop", "namespace": "gitops-system"}, "spec": spec(**fields)})


def test_objects_without_a_namespace_go_to_the_destination() -> None:
    assert application(destination={"namespace": "shop"}).namespace == "shop"


def test_without_a_destination_they_go_beside_the_application() -> None:
    assert application().namespace == "gitops-system"


@pytest.mark.parametrize(
    ("suspend", "expected"),
    [
        (None, False),
        ({}, True),
        ({"until": "2026-11-22T22:00:00Z"}, True),
        ({"until": "2026-11-22T21:00:00Z"}, False),
        ({"until": "2026-11-22T21:30:00+01:00"}, False),
    ],
)
def test_a_pause_ends_by_itself(suspend: object, expected: bool) -> None:  # noqa: FBT001 - what is expected
    assert application(suspend=suspend).suspended(NOW) is expected


def test_a_moment_is_utc_in_python() -> None:
    until = datetime(2026, 12, 1, 9, tzinfo=timezone(timedelta(hours=1)))

    assert Suspend(until=until).until == datetime(2026, 12, 1, 8, tzinfo=UTC)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="is not a moment"):
        Suspend(until=datetime(2026, 12, 1, 8))  # noqa: DTZ001 - this is what is refused


def test_a_spec_can_be_made_in_python_and_is_immutable() -> None:
    application_spec = ApplicationSpec(source=SourceSpec(repo_url="https://git.example.com/x", ref=RefSpec(branch="main")))

    with pytest.raises(ValidationError, match="frozen"):
        application_spec.service_account_name = "x"  # type: ignore[misc]


def test_a_spec_is_written_as_it_is_read() -> None:
    wanted = application(sync={"interval": "1m30s"}, suspend={"until": "2026-12-01T08:00:00Z"}).spec
    text = wanted.model_dump(mode="json", by_alias=True, exclude_none=True)

    assert text["sync"]["interval"] == "1m30s"
    assert parse({"metadata": {}, "spec": text}).spec == wanted
