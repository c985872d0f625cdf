"""Tests of tools/check_words.py: each rule finds its word and accepts good English."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.check_words import EXCEPTIONS, RULES, find_words, main, tracked_files

ROOT = Path(__file__).parents[2]

# For each rule, a text with the word and a similar text that is good English or good code.
EXAMPLES = {
    "mend": ("The key is mended.", "We recommend to amend the commit."),
    "told": ("The API was told the new status.", "The paths are told apart by their prefix."),
    "taken by the API": ("The API took the order.", "The API takes 150 ms to respond."),
    "answers": ('"""Answers whether we hold the lease."""', '"""Answer a preflight request."""'),
    "; answers": ("Write the files; answers the digest.", "The server answers the request."),
    "on record": ("The state on record is newer.", "A trigger runs on record creation."),
    "forgotten": ("The customer is forgotten.", "Do not forget the secret."),
    "introduce": ("The order introduces the contact.", "This introduces a delay."),
    "doubt": ("Its state is doubted.", "This is without doubt a test."),
    "blame": ("The shop is blamed for it.", "Run git blame on the file."),
    "line up": ("It lines up behind the earlier change.", "The columns of the table line up."),
    "put away": ("The handler puts away the webhook.", "Put the message into the queue."),
    "at work on": ("An invocation is at work on it.", "This is the workflow at the customer's work."),
    "yardstick": ("The figure and its yardstick.", "The figure and its baseline."),
    "room": ("Each file says what room this is.", "Leave some room for the last step."),
    "dear": ("The calls are dear.", "The dealer sends e-mails."),
    "anew": ("The shop signs the body anew.", "The shop sends a new body."),
    "so many": ("So many seconds after the start.", "There are so many groups that SQS ignores some."),
    "but for": ("Copy all files, but for the logs.", "Not for all tests, but for the pipeline."),
    "one's own machine": ("It runs on one's own machine.", "It runs on your own machine."),
    "tale": ("The checker reads the tale.", "The entry is stale."),
    "blow": ("Each blow hits a call.", "The limits are below."),
    "storm": ("The storm lasts an hour.", "Jitter avoids a retry storm."),
    "scene": ("Run the scene again.", "What botocore does behind the scenes."),
    "judge": ("The judge reads the log.", "Readers may judge the result themselves."),
    "judge (name)": ("verdict = Judge(log)", "# An engineer should judge this."),
    "truth": ("Compare the state with the truth.", "The table is the single source of truth."),
    "truth (name)": ("assert state == truth", "if truthy(value): ..."),
    "whoever": ("Whoever sends it gets 401.", "The caller who sends it gets 401."),
    "somebody": ("Somebody else holds the lease.", "Another invocation holds the lease."),
    "nobody": ("The cart belongs to nobody.", 'ADDRESS = "nobody@example.com"'),
    "he": ("The customer gets his order.", 'LANGUAGES = ["he", "uk"]  # The change is in this.history.'),
    "test_who": ("def test_who_waits_is_sent(): ...", "def test_whole_body_is_read(): ..."),
    "stands": ("The address stands in the body.", "SMS stands for short message service."),
    "rehearsal": ("A rehearsal sends nothing.", "A dry run sends nothing."),
    "said": ('said = response["body"]', "# As said in the documentation."),
    "one": ("names = [one.name for one in shops]", "for number in (one, two): ..."),
    "Glimpse": ("A glimpse at the entry.", "A peek at the entry."),
    "glance": ("item = table.glance(key)", "The page shows the state at a glance."),
    "NotNow": ('raise NotNow("throttled")', "Do it later, not now."),
    "NeverThis": ('raise NeverThis("too large")', "The API never accepts this."),
    "Notes": ("notes = Notes(contact)", "# Notes: see the documentation."),
    "Carrier": ("Carrier(send, store).carry(task)", 'PARAMS = ["Carrier", "trackingUrl"]'),
    "foresee": ("outcome = foresee(task)", "# We cannot foresee the limit."),
    "unlearn": ("contacts.unlearn(shop)", "contacts.learn(shop)"),
    "strangers": ("fields = strangers(order)", "# Any of the strangers can send this."),
    "born": ("age = now - born", "# A newborn contact."),
    "_ABOUT_HIM": ("for name in _ABOUT_HIM: ...", "for name in ABOUT: ..."),
    "lay_to_rest": ("ledger.lay_to_rest(shop)", "the rest of the body"),
    "_come_of": ("return self._come_of(task)", "return self.come(task)"),
    "_LONG": ("if pause > _LONG: ...", "if pause > _LONG_PAUSE_MS: ..."),
    "Strike": ("strikes = [Strike(7)]", "# Strike it out."),
    "Striker": ("recorder = Surveyor()", 'TEXT = "Surveyor"'),
    "old module": ("See delivery/carrying.py.", "Delivery: waiting for the courier."),
}


def names(text: str, *, python: bool = False) -> set[str]:
    return {finding.rule.name for finding in find_words(text, python=python)}


def is_code(name: str) -> bool:
    return next(rule.code_only for rule in RULES if rule.name == name)


def test_every_rule_has_an_example_and_a_unique_name() -> None:
    assert [rule.name for rule in RULES] == list(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_rule_finds_its_word(name: str) -> None:
    bad, _ = EXAMPLES[name]
    assert name in names(bad, python=is_code(name))


@pytest.mark.parametrize("name", EXAMPLES)
def test_good_text_has_no_findings(name: str) -> None:
    _, good = EXAMPLES[name]
    assert names(good, python=is_code(name)) == set()


def test_finding_has_the_line_and_the_word_as_written() -> None:
    (finding,) = find_words("First line.\nThe key is\n  Mended now.")
    assert (finding.line, finding.word, finding.rule.instead) == (3, "Mended", "fix")


def test_words_in_snake_case_names_are_found() -> None:
    assert names("entry.dispel_doubt(key)") == {"doubt"}
    assert names("ledger.put_away(key)") == {"put away"}


def test_phrase_across_two_comment_lines_is_found() -> None:
    (finding,) = find_words("x = 1\n# The state that is on\n# record is newer.\n", python=True)
    assert (finding.line, finding.word) == (2, "on record")


@pytest.mark.parametrize("text", ['# said\nx = "said"\n', 'x = """\nsaid\n"""\n', 'x = f"said {name}"\n'])
def test_rules_for_names_ignore_comments_and_strings(text: str) -> None:
    assert names(text, python=True) == set()


def test_rules_for_names_ignore_other_files() -> None:
    assert names("said = 1", python=False) == set()
    assert names("said = 1", python=True) == {"said"}


def test_line_of_a_name_after_a_long_string_is_right() -> None:
    (finding,) = find_words('x = """\na\nb\n"""\nsaid = x\n', python=True)
    assert finding.line == 5


def test_main_prints_the_findings_in_order_and_exits_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = tmp_path / "a.md"
    document.write_text("It is dear.\nIt was mended.\n", encoding="utf-8")
    assert main([str(document)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f'{document}:1: "dear": write "expensive, slow" instead',
        f'{document}:2: "mended": write "fix" instead',
    ]
    document.write_text("It is expensive.\n", encoding="utf-8")
    assert main([str(document)]) == 0
    assert capsys.readouterr().out == ""


def test_exceptions_name_existing_files_and_known_rules() -> None:
    known = {rule.name for rule in RULES} | {"*"}
    for (file, rule), reason in EXCEPTIONS.items():
        assert (ROOT / file).is_file()
        assert rule in known
        assert reason


def test_excepted_file_has_no_findings_in_main(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([__file__, str(ROOT / "tools" / "check_words.py")]) == 0
    assert capsys.readouterr().out == ""


def test_code_documents_and_makefile_are_checked() -> None:
    files = {path.relative_to(ROOT).as_posix() for path in tracked_files()}
    assert {"Makefile", "README.md", "template.yaml", "pyproject.toml", "tools/check_words.py"} <= files
    assert not any(file.startswith(".venv") or file.endswith((".json", ".txt")) for file in files)


def test_script_runs_with_the_standard_library_only() -> None:
    command = [sys.executable, "-I", "-S", str(ROOT / "tools" / "check_words.py"), str(ROOT / "Makefile")]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stderr == ""
