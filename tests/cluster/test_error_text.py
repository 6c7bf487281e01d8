from __future__ import annotations

import pytest

from gitops_agent.cluster.error_text import simplify

SAID = {
    "a type error": (
        "failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema",
        ".spec.replica: field not declared in schema",
    ),
    "a conversion of an unstructured object": (
        "unable to convert unstructured object to apps/v1, Kind=Deployment: quantities must match the regular expression '^x$'",
        "quantities must match the regular expression '^x$'",
    ),
    "all values of a ConfigMap": (
        'ConfigMap "a" is invalid: []: Too long: may not be more than 1048576 bytes',
        "data: too long: all values together may not be more than 1048576 bytes; split the object",
    ),
    "several type errors": (
        (
            "failed to create typed patch object (shop/numeric; /v1, Kind=ConfigMap): errors: .data.port: expected string, got "
            "&value.valueUnstructured{Value:8080} .data.debug: expected string, got &value.valueUnstructured{Value:true}"
        ),
        ".data.port: expected string, got 8080; .data.debug: expected string, got true",
    ),
    "a conversion error": (
        "failed to convert new object (shop/web; apps/v1, Kind=Deployment) to smd typed: .spec.replicas: expected numeric",
        ".spec.replicas: expected numeric",
    ),
    "an invalid field": (
        'CronJob.batch "nightly" is invalid: spec.schedule: Invalid value: "every day": expected exactly 5 fields',
        'spec.schedule: Invalid value: "every day": expected exactly 5 fields',
    ),
    "the pattern of a name": (
        (
            'ConfigMap "Upper" is invalid: metadata.name: Invalid value: "Upper": a lowercase RFC 1123 subdomain must '
            "consist of lower case characters (e.g. 'example.com', regex used for validation is "
            "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
        ),
        (
            'metadata.name: Invalid value: "Upper": a lowercase RFC 1123 subdomain must consist of lower case characters '
            "(e.g. 'example.com')"
        ),
    ),
    "several invalid fields": (
        'Service "web" is invalid: [spec.ports[0].port: Invalid value: 70000: too large, spec.type: Required value]',
        "spec.ports[0].port: Invalid value: 70000: too large, spec.type: Required value",
    ),
    "a long value": (
        f'ConfigMap "{"a" * 254}" is invalid: metadata.name: Invalid value: "{"a" * 254}": must be no more than 253 bytes',
        f'metadata.name: Invalid value: "{"a" * 40}…": must be no more than 253 bytes',
    ),
    "words between two values": (
        (
            'Service "web" is invalid: spec.clusterIPs: Invalid value: [""]: failed to allocate IP: Internal error occurred: '
            'failed calling webhook "all.example.com"'
        ),
        (
            'spec.clusterIPs: Invalid value: [""]: failed to allocate IP: Internal error occurred: '
            'failed calling webhook "all.example.com"'
        ),
    ),
    "an event": (
        '(combined from similar events): Error creating: pods "web-1" is forbidden: exceeded quota: none',
        'pods "web-1" is forbidden: exceeded quota: none',
    ),
}


@pytest.mark.parametrize(("message", "shown"), SAID.values(), ids=SAID)
def test_what_only_repeats_the_object_is_left_out(message: str, shown: str) -> None:
    assert simplify(message) == shown


@pytest.mark.parametrize("message", ["", "the API server does not answer", 'ConfigMap "web" is invalid: '])
def test_a_text_that_says_nothing_else_stays(message: str) -> None:
    assert simplify(message) == message
