from __future__ import annotations

import pytest

from gitops_agent.telemetry.export_settings import ExportSettings

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {ENDPOINT: "  "},
        {ENDPOINT: "http://collector:4318", "OTEL_SDK_DISABLED": "true"},
        {ENDPOINT: "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"},
    ],
    ids=["unset", "blank", "disabled", "no exporter"],
)
def test_without_an_endpoint_nothing_is_sent(environment: dict[str, str]) -> None:
    assert ExportSettings.of(environment) is None


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({ENDPOINT: "http://collector:4318"}, "http://collector:4318/v1/traces"),
        ({ENDPOINT: "http://collector:4318/otlp/"}, "http://collector:4318/otlp/v1/traces"),
        ({ENDPOINT: "http://one", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://two/spans"}, "http://two/spans"),
    ],
    ids=["host", "path", "of traces"],
)
def test_the_endpoint_is_read_as_opentelemetry_reads_it(environment: dict[str, str], url: str) -> None:
    settings = ExportSettings.of(environment)

    assert settings is not None
    assert settings.url == url


def test_headers_are_decoded_and_never_printed() -> None:
    text = "api-key=s3cr%C3%A9t,authorization=Bearer%20hunter2, x-tenant = shop ,broken,=,bad=%0d%0aX: y"

    settings = ExportSettings.of({ENDPOINT: "http://collector", "OTEL_EXPORTER_OTLP_HEADERS": text})

    assert settings is not None
    assert settings.headers == {"authorization": "Bearer hunter2", "x-tenant": "shop"}
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("milliseconds", "seconds"), [("2500", 2.5), ("0", 10), ("soon", 10), ("999999999", 60), ("", 10)], ids=str
)
def test_the_timeout_is_bounded(milliseconds: str, seconds: float) -> None:
    settings = ExportSettings.of({ENDPOINT: "http://collector", "OTEL_EXPORTER_OTLP_TIMEOUT": milliseconds})

    assert settings is not None
    assert settings.seconds == seconds
    assert settings.host == "collector"
