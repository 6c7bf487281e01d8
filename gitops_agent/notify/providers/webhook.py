"""The generic webhook: a signed JSON document.

The key `hmac` of the Secret signs, and `token` is sent as a bearer token.
"""

from __future__ import annotations

from gitops_agent.notify.provider import everything, judge_status
from gitops_agent.notify.signed_post import signed_post

speaks_of = everything
judge = judge_status
request = signed_post
