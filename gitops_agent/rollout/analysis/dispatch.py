"""What one metric of a policy asks of its provider, and what the answer means: pure, so that one door sends them all.

The policy's words are mapped here once: placeholders filled, credentials put where each provider wants them, conditions read.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from gitops_agent.api.rollout_metrics import Metric as Wanted
from gitops_agent.rollout.analysis.expression.evaluator import Condition
from gitops_agent.rollout.analysis.http_query import Query, QueryInvalid
from gitops_agent.rollout.analysis.metric import Comparison, MetricCriteria, Verdict
from gitops_agent.rollout.analysis.providers import cloudwatch, datadog, prometheus, web
from gitops_agent.rollout.analysis.providers.aws_sigv4 import AwsKeys
from gitops_agent.rollout.analysis.query_template import fill

WINDOW = timedelta(minutes=5)
"""How far back the latest value of a provider without instant queries may lie."""

_PERCENT = 100.0


def metric(wanted: Wanted) -> MetricCriteria:
    """How a metric's results are judged.

    Raises:
        QueryInvalid: a condition cannot be read.
    """
    comparison = None
    if wanted.compare is not None and wanted.max_increase is not None:
        comparison = Comparison(threshold=float(wanted.max_increase.removesuffix("%")) / _PERCENT)
    return MetricCriteria(
        name=wanted.name,
        no_data=Verdict(wanted.no_data),
        success=None if wanted.success is None else Condition.of(wanted.success),
        failure=None if wanted.failure is None else Condition.of(wanted.failure),
        compare=comparison,
    )


def ask(wanted: Wanted, *, facts: Mapping[str, str], secret: Mapping[str, bytes], at: datetime) -> Query:
    """The request of one measurement.

    Args:
        wanted: a metric with an HTTP provider.
        facts: what placeholders stand for.
        secret: the content of the Secret the provider names; empty when it names none.
        at: aware.

    Raises:
        QueryInvalid: no request can be made of it.
    """
    provider = wanted.provider
    if (one := provider.prometheus) is not None:
        return prometheus.instant(one.address, fill(one.query, facts), at=at, headers=_authorization(secret))
    if (site := provider.datadog) is not None:
        return datadog.points(
            fill(site.query, facts),
            start=at - WINDOW,
            end=at,
            api_key=_text(secret, "api-key"),
            app_key=_text(secret, "app-key"),
            address=site.address,
        )
    if (cloud := provider.cloud_watch) is not None:
        query = {"Id": "result", "Expression": fill(cloud.query, facts), "Period": 60}
        keys = AwsKeys(
            key_id=_text(secret, "access-key-id"),
            secret=_text(secret, "secret-access-key"),
            token=secret.get("session-token", b"").decode("utf-8", "replace"),
        )
        return cloudwatch.metric_data(
            [query], start=at - WINDOW, end=at, region=cloud.region, keys=keys, at=at, address=cloud.address or ""
        )
    if (page := provider.http) is not None:
        return web.ask(fill(page.address, facts), headers=_authorization(secret))
    raise QueryInvalid(f"the metric {wanted.name} has no provider that is asked over HTTP")


def answer(wanted: Wanted, status: int, body: bytes) -> Any:
    """The result in an answer.

    Raises:
        MeasurementFailed: it holds none.
    """
    provider = wanted.provider
    if provider.prometheus is not None:
        return prometheus.result(status, body)
    if provider.datadog is not None:
        return datadog.result(status, body)
    if provider.cloud_watch is not None:
        return cloudwatch.result(status, body)
    return web.result(status, body, path=provider.http.value if provider.http is not None else "")


def secret_name(wanted: Wanted) -> str:
    """The Secret with the provider's credentials; empty when it names none."""
    provider = wanted.provider
    for one in (provider.prometheus, provider.datadog, provider.cloud_watch, provider.http):
        if one is not None and one.secret_ref is not None:
            return one.secret_ref.name
    return ""


def _authorization(secret: Mapping[str, bytes]) -> dict[str, str]:
    if "token" in secret:
        return {"Authorization": f"Bearer {_text(secret, 'token')}"}
    if "username" in secret:
        pair = secret["username"] + b":" + secret.get("password", b"")
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {}


def _text(secret: Mapping[str, bytes], name: str) -> str:
    """A credential as text that may stand in a header.

    Raises:
        QueryInvalid: the Secret has none of that name, or one that no header can hold.
    """
    try:
        value = secret[name].decode("ascii").strip()
    except KeyError:
        raise QueryInvalid(f"the Secret has no key {name}") from None
    except UnicodeDecodeError:
        raise QueryInvalid(f"the key {name} of the Secret is no ASCII text") from None
    if not value.isprintable():
        raise QueryInvalid(f"the key {name} of the Secret holds control characters")
    return value
