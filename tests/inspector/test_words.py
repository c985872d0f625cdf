"""Each outcome and each reason has a sentence."""

from typing import get_args, get_type_hints

import pytest

from shopwire.delivery.reasons import SENTENCES, Reason, describe
from shopwire.delivery.task import Outcome
from shopwire_inspector.words import OUTCOMES, explain


def test_every_reason_has_one_sentence_and_every_sentence_a_reason() -> None:
    assert set(SENTENCES) == set(Reason)
    assert all(sentence.endswith(".") for sentence in SENTENCES.values())
    assert len(set(SENTENCES.values())) == len(SENTENCES)


def test_every_code_is_snake_case_of_its_name() -> None:
    assert {reason.name.lower() for reason in Reason} == {reason.value for reason in Reason}


@pytest.mark.parametrize("outcome", get_args(get_type_hints(Outcome)["status"]))
def test_each_outcome_has_a_sentence(outcome: str) -> None:
    assert explain(outcome, None) == [OUTCOMES[outcome]]


def test_reason_adds_its_sentence_and_an_unknown_one_none() -> None:
    assert explain("ignored", "draft") == [OUTCOMES["ignored"], SENTENCES[Reason.DRAFT]]
    assert explain("ignored", "never heard") == [OUTCOMES["ignored"]]


def test_details_are_described_behind_the_code() -> None:
    assert describe("api_failed", {"http_status": 503, "tries": 2}) == "api_failed (http_status 503, tries 2)"
    assert describe("draft", {}) == "draft"
    assert describe(None, {}) == ""
