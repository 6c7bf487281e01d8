"""Table of metric providers; criteria, request and result of a metric.

Decision: everything is pure; one caller sends all requests. A provider is one file in `providers/` and one row here, under the
name of its field in the API.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from gitops_agent.api.rollout_metrics import Metric
from gitops_agent.httpclient.allowed_hosts import ANYWHERE, AllowedHosts, HostRefused
from gitops_agent.rollout.analysis.expression.evaluator import Condition
from gitops_agent.rollout.analysis.expression.lexer import ConditionInvalid
from gitops_agent.rollout.analysis.http_provider import Ask, HttpProvider
from gitops_agent.rollout.analysis.http_query import Query, QueryInvalid
from gitops_agent.rollout.analysis.metric import Comparison, MetricCriteria, Verdict
from gitops_agent.rollout.analysis.providers.cloudwatch import CloudWatch, endpoint
from gitops_agent.rollout.analysis.providers.datadog import Datadog
from gitops_agent.rollout.analysis.providers.prometheus import Prometheus
from gitops_agent.rollout.analysis.providers.web import Web
from gitops_agent.rollout.analysis.query_template import fill

PROVIDERS: Mapping[str, HttpProvider[Any]] = {
    "prometheus": Prometheus(),
    "datadog": Datadog(),
    "cloud_watch": CloudWatch(),
    "http": Web(),
}
"""By the field of the API's MetricProvider that holds the options."""

FACTS = ("variant", "namespace", "workload", "service", "hash")
"""The placeholders of queries."""

_PERCENT = 100.0


def metric(wanted: Metric) -> MetricCriteria:
    """The criteria a metric's results are judged by.

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


def flaws(wanted: Metric, hosts: AllowedHosts = ANYWHERE) -> Iterator[str]:
    """Faults of a metric that are known before it is measured.

    These are conditions that cannot be read, placeholders without a value, and hosts that are not allowed.
    """
    for name, condition in (("success", wanted.success), ("failure", wanted.failure)):
        if condition is not None:
            try:
                Condition.of(condition)
            except ConditionInvalid as error:
                yield f"metric {wanted.name}, {name}: {error}"
    for name in PROVIDERS:
        options = getattr(wanted.provider, name)
        if options is not None:
            try:
                fill(options.address if name == "http" else options.query, dict.fromkeys(FACTS, "x"))
            except QueryInvalid as error:
                yield f"metric {wanted.name}, provider: {error}"
    if name := host(wanted):
        try:
            hosts.check(name)
        except HostRefused as error:
            yield f"metric {wanted.name}, provider: {error}"


def ask(wanted: Metric, *, facts: Mapping[str, str], secret: Mapping[str, bytes], at: datetime) -> Query:
    """The request of one measurement.

    Args:
        wanted: a metric with an HTTP provider.
        facts: values of the placeholders.
        secret: content of the Secret the provider names; empty when it names none.
        at: aware.

    Raises:
        QueryInvalid: no request can be made of it.
    """
    provider, options = _provider(wanted)
    return provider.ask(options, Ask(facts=facts, secret=secret, at=at))


def answer(wanted: Metric, status: int, body: bytes) -> Any:
    """The result in an answer; None when it holds no data.

    Raises:
        MeasurementFailed: the answer is an error.
    """
    provider, options = _provider(wanted)
    return provider.answer(options, status, body)


def secret_name(wanted: Metric) -> str:
    """The Secret with the provider's credentials; empty when it names none."""
    options = (getattr(wanted.provider, name) for name in PROVIDERS)
    return next((chosen.secret_ref.name for chosen in options if chosen is not None and chosen.secret_ref is not None), "")


def host(wanted: Metric) -> str:
    """The host of a provider; empty for a Job, or behind placeholders."""
    if wanted.provider.job is not None:
        return ""
    _, options = _provider(wanted)
    name = urlsplit(options.address or endpoint(options.region)).hostname or ""
    return "" if "{" in name else name


def _provider(wanted: Metric) -> tuple[HttpProvider[Any], Any]:
    for name, provider in PROVIDERS.items():
        if (options := getattr(wanted.provider, name)) is not None:
            return provider, options
    raise QueryInvalid(f"the metric {wanted.name} has no provider that is asked over HTTP")
