"""The generic webhook: a JSON document, signed with the key `hmac` of the Secret, with `token` as a bearer token."""

from __future__ import annotations

from gitops_agent.notify.provider import everything, judge_status
from gitops_agent.notify.signed_post import signed_post

speaks_of = everything
judge = judge_status
request = signed_post
