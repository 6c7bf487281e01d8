"""Metrics of a rollout: their providers, conditions, and limits of failures."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from gitops_agent.api.durations import Duration
from gitops_agent.api.model import Model, Rule
from gitops_agent.api.source_options import SecretRef
from gitops_agent.api.texts import Line, Name, Shape

_LIMIT = 1000

Address = Annotated[
    str, Shape(pattern=r"https?://[^\s\x00-\x1f\x7f]+", message="is not an http or https address", longest=2048)
]
Query = Annotated[str, Field(min_length=1, max_length=8192)]
Expression = Annotated[str, Field(min_length=1, max_length=1024)]
Percent = Annotated[
    str, Shape(pattern=r"[0-9]{1,4}(\.[0-9]{1,3})?%", message="is not a percentage such as 10%", longest=9, shortest=2)
]


class Prometheus(Model):
    """An instant query."""

    address: Address
    """Of the server, without `/api/v1`."""

    query: Query
    """PromQL; `{{variant}}`, `{{namespace}}` and `{{workload}}` stand for what is judged."""

    secret_ref: SecretRef | None = None
    """Credentials: `token`, or `username` and `password`."""


class Datadog(Model):
    """A query of metrics."""

    address: Address = "https://api.datadoghq.com"
    """Of the API."""

    query: Query
    """As in a dashboard; `{{variant}}`, `{{namespace}}` and `{{workload}}` stand for what is judged."""

    secret_ref: SecretRef
    """Credentials: `api-key` and `app-key`."""


class CloudWatch(Model):
    """A query of GetMetricData."""

    region: Annotated[str, Shape(pattern=r"[a-z]{2}(-[a-z]+)+-[0-9]", message="is not an AWS region", longest=32)]
    """Such as eu-central-1."""

    address: Address | None = None
    """Of the API, where it is not the region's public one, such as a VPC endpoint."""

    query: Query
    """A Metrics Insights query or a metric math expression."""

    secret_ref: SecretRef
    """Credentials: `access-key-id` and `secret-access-key`, and `session-token` where they are temporary."""


class Web(Model):
    """Any HTTP endpoint that answers with JSON."""

    address: Address
    """What is asked; `{{variant}}`, `{{namespace}}` and `{{workload}}` stand for what is judged."""

    value: Annotated[
        str, Shape(pattern=r"(/([^~/\x00-\x1f\x7f]|~[01])*)*", message="is not a JSON pointer", longest=512, shortest=0)
    ] = ""
    """Where in the answer the value stands, as a JSON pointer; the whole answer when empty."""

    secret_ref: SecretRef | None = None
    """Credentials: `token`, or `username` and `password`."""


class JobRef(Model):
    """A Job whose success is the answer."""

    name: Name
    """Of a suspended Job that serves as the template. It lies in the policy's own namespace: who may write policies in one
    namespace must not start anything in another."""


class MetricProvider(Model):
    """Where a value comes from; exactly one."""

    prometheus: Prometheus | None = None
    """Prometheus, or what speaks its API."""

    datadog: Datadog | None = None
    """Datadog."""

    cloud_watch: CloudWatch | None = None
    """Amazon CloudWatch."""

    http: Web | None = None
    """Any endpoint that answers with JSON."""

    job: JobRef | None = None
    """A Job: success or failure."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="[has(self.prometheus), has(self.datadog), has(self.cloudWatch), has(self.http), has(self.job)]"
            ".filter(set, set).size() == 1",
            holds=lambda provider: (
                sum(
                    choice is not None
                    for choice in (provider.prometheus, provider.datadog, provider.cloud_watch, provider.http, provider.job)
                )
                == 1
            ),
            message="needs exactly one of prometheus, datadog, cloudWatch, http and job",
        ),
    )


class NoData(StrEnum):
    """What an empty answer means."""

    SUCCESS = "success"
    FAILURE = "failure"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


class Compare(StrEnum):
    """What the canary is held against."""

    STABLE = "stable"


class Metric(Model):
    """One thing that is measured while a rollout holds."""

    name: Annotated[str, Shape(pattern=r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", message="is not the name of a metric", longest=63)]
    """Within the policy."""

    provider: MetricProvider
    """Where its value comes from."""

    success: Expression | None = None
    """What must hold, e.g. `result < 0.01`."""

    failure: Expression | None = None
    """What must not hold; with both, neither means inconclusive."""

    compare: Compare | None = None
    """`stable`: the canary is compared with stable pods over the whole Hold, once."""

    max_increase: Percent | None = None
    """With `compare`: by how much the canary may be worse."""

    interval: Duration = timedelta(seconds=60)
    """Between two measurements."""

    timeout: Duration | None = None
    """For one measurement; one that takes longer is an error. A request gets 10s and at most 1m, a Job 10m or its own
    `activeDeadlineSeconds`."""

    initial_delay: Duration | None = None
    """Before the first measurement of a Hold."""

    samples: Annotated[int, Field(ge=1, le=_LIMIT)] = 1
    """Measurements a Hold needs at least before it may pass; with `compare`, values of each side its one verdict is made of."""

    failure_limit: Annotated[int, Field(ge=0, le=_LIMIT)] = 0
    """Failures that are allowed in a run."""

    inconclusive_limit: Annotated[int, Field(ge=0, le=_LIMIT)] = 3
    """Inconclusive measurements that are allowed before the run pauses."""

    consecutive_error_limit: Annotated[int, Field(ge=0, le=_LIMIT)] = 4
    """Errors in a row that are allowed before the run pauses."""

    no_data: NoData = NoData.INCONCLUSIVE
    """What an empty answer means."""

    dry_run: bool = False
    """Measured and shown, but not judged by."""

    description: Line = ""
    """For people."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.success) || has(self.failure) || has(self.compare) || has(self.provider.job)",
            holds=lambda metric: any(
                criterion is not None for criterion in (metric.success, metric.failure, metric.compare, metric.provider.job)
            ),
            message="needs success, failure or compare",
        ),
        Rule(
            cel="has(self.maxIncrease) == has(self.compare)",
            holds=lambda metric: (metric.max_increase is None) == (metric.compare is None),
            message="compare and maxIncrease need each other",
        ),
    )


class Analysis(Model):
    """What a rollout is judged by."""

    metrics: Annotated[tuple[Metric, ...], Field(max_length=16)] = ()
    """Measured in every Hold; one that breaks its limit ends the run."""

    baseline: bool = False
    """Give `compare: stable` a fair opponent: a third Deployment with the stable version, as young and as large as the canary,
    while the surge leaves room for both. Only for a canary with routes."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!has(self.metrics) || self.metrics.all(one, self.metrics.exists_one(other, other.name == one.name))",
            holds=lambda analysis: len({metric.name for metric in analysis.metrics}) == len(analysis.metrics),
            message="two metrics have the same name",
        ),
    )
