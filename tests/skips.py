"""Reasons for which CI may skip a test; others fail it.

Problem: a skipped test proves nothing, and a run that skips more tests than yesterday still ends with code 0. Decision: with
`CI=true` every skip needs a row here. A missing program is no reason: `make programs` brings what the tests run.
"""

from __future__ import annotations

import os
import re

ALLOWED = {
    r"no Git bundle .* \(GITOPS_AGENT_CORPUS names .*": "public repositories are not part of the project",
    r"no right to mount a small file system here: .*": "only an administrator may mount",
    r".*this machine gives no network namespace: .*": "some platforms refuse network namespaces",
    r"no Chromium here: .*": "the distribution has no package of it, or it cannot be fetched",
    r"Landlock is not enabled in this kernel": "an older kernel, or one built without it",
    r".*the network namespace cannot be set up: .*": "some platforms refuse addresses and routes in a network namespace",
    r"gpg and gpgv are not installed here: .*": "gpg starts an agent from fixed folders: it does not run unpacked",
    r"ssh-keygen is not installed here: .*": "keys of SSH are made and judged by the machine's own program",
}
"""Patterns of the reasons that tests give, and why each is not a fault of the run."""


def in_ci() -> bool:
    """Whether skips are checked: CI systems set `CI`."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


def unlisted(reasons: list[str]) -> list[str]:
    """The reasons that match no pattern of the table."""
    return [reason for reason in reasons if not any(re.fullmatch(pattern, reason, re.DOTALL) for pattern in ALLOWED)]
