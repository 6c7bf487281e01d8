from __future__ import annotations

from gitops_agent.api.render_options import Variables
from gitops_agent.render.variables.sources import LONGEST, merged


def options(**values: object) -> Variables:
    sources = [{"kind": "ConfigMap", "name": "base"}, {"kind": "Secret", "name": "more"}]
    return Variables.model_validate({"from": sources, "values": values})


def test_later_sources_win_and_the_spec_wins_over_all() -> None:
    variables = merged(options(c=True), [{"a": b"1", "b": b"1", "c": b"1"}, {"b": b"2", "c": b"2"}])

    assert [(variable.name, variable.value, variable.source, variable.secret, variable.literal) for variable in variables] == [
        ("a", "1", "ConfigMap base", False, False),
        ("b", "2", "Secret more", True, False),
        ("c", True, "spec.render.variables.values", False, True),
    ]


def test_entries_that_cannot_be_variables_are_left_out() -> None:
    content = {"tls.crt": b"x", "1a": b"x", "raw": b"\xff", "large": b"x" * (LONGEST + 1), "ok": "ü".encode()}

    assert [(variable.name, variable.value) for variable in merged(options(), [content, {}])] == [("ok", "ü")]
