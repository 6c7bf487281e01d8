from __future__ import annotations

from gitops_agent.manifest.document import refusal


def test_a_refusal_names_file_document_and_line() -> None:
    error = refusal("is wrong", file="web.yaml", line=7, document=2)
    assert str(error) == "web.yaml, document 3, line 7: is wrong"
    assert error.facts == {"file": "web.yaml", "line": 7, "document": 2}


def test_the_first_document_needs_no_number() -> None:
    assert str(refusal("is wrong", file="", document=0)) == "the text: is wrong"
