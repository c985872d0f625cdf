"""Find words of the project's old vocabulary in code and documents (run by `make check`).

    .venv/bin/python tools/check_words.py [FILE ...]

Without arguments it reads all tracked text files. For each word it prints `file:line: "word": write "..." instead`, and
then it exits with 1. A rule must not match good English, because a false alarm costs more than a missed word.
"""

import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

SUFFIXES = {".py", ".md", ".yaml", ".yml", ".html", ".js", ".php", ".toml"}
NAMES = {"Makefile"}

EXCEPTIONS = {
    ("tools/check_words.py", "*"): "the rules contain the words",
    ("tests/infrastructure/test_check_words.py", "*"): "the tests contain a sentence for each rule",
}
"""Files that may contain a rule's words ("*" stands for all rules), with the reason."""

# A space in a phrase. It matches a line break too, and the comment sign of the next line.
_SPACE = r"\s+(?:[#*/]+\s*)?"


@dataclass(frozen=True)
class Rule:
    r"""A word that the project does not use.

    Args:
        name: name of the rule in EXCEPTIONS and in the tests.
        pattern: regular expression for the word. A space in it also matches a line break and the comment sign after it,
            so a lookbehind needs `\s` instead. A group `word` marks the part to report. Without it, the whole match is
            reported.
        instead: the words to write.
        code_only: search only in Python code, not in its comments and strings, and not in other files.
        exact_case: distinguish capital and small letters.
    """

    name: str
    pattern: str
    instead: str
    code_only: bool = False
    exact_case: bool = False

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        # A word may be a part of a snake_case name, so only letters count as its neighbours.
        pattern = rf"(?<![A-Za-z])(?:{self.pattern})(?![A-Za-z])".replace(" ", _SPACE)
        return re.compile(pattern, 0 if self.exact_case else re.IGNORECASE)


def _code(name: str, pattern: str, instead: str) -> Rule:
    return Rule(name, pattern, instead, code_only=True, exact_case=True)


RULES = (
    # --- words of the style guide
    Rule("mend", r"mend(?:s|ed|ing)?", "fix"),
    Rule("told", r"told(?! apart)", "sent, reported, passed"),
    Rule(
        "taken by the API",
        r"taken by the API|the API (?:took|takes|has taken) (?:it|them|this|that|all|everything|something|events"
        r"|the (?:event|order|contact|request|change)s?)",
        "accepted",
    ),
    Rule("answers", r'(?<=""")Answers', "Return ..."),
    Rule(
        "; answers",
        r"(?<=;\s)(?P<word>answers) (?:the|a|an|its|what|whether|which|how|why|if|None|True|False)",
        "return",
    ),
    Rule("on record", r"on record(?! (?:creation|type|level))", "recorded"),
    Rule("forgotten", r"forgotten", "erased, erasure request"),
    Rule(
        "introduce",
        r"introduc(?:e|es|ed|ing) (?:him|her|them|people|contacts?|customers?"
        r"|(?:a|the|each|this) (?:contact|customer|buyer|person))",
        "create the contact",
    ),
    Rule("doubt", r"(?<!no\s)(?<!without\s)(?<!when\sin\s)(?<!if\sin\s)doubt(?:s|ed)?", "needs resync"),
    Rule("blame", r"(?<!git[\s-])blam(?:e|es|ed|ing)", "record the failure, cause"),
    Rule(
        "line up",
        r"(?:lines?|lining|lined)_up|lined up(?! with)|(?:lines?|lining) up (?:behind|there|meanwhile|again|for|at)",
        "queue behind",
    ),
    Rule("put away", r"put(?:s|ting)?(?: |_)away", "defer"),
    Rule("at work on", r"at work (?:on|at)", "holds the lease, processes"),
    Rule("yardstick", r"yardsticks?", "baseline"),
    Rule("room", r"(?:what|which|this|another|other|upper|lower) rooms?", "module"),
    Rule("dear", r"dear(?:er|est|ly)?", "expensive, slow", exact_case=True),
    Rule("anew", r"anew", "again"),
    Rule("so many", r"so many(?:eth)?(?![^.;:]{0,120} that)", "n, the number of"),
    Rule(
        "but for",
        # Only as "except". "The same as above, but for protocols" is good English.
        r"\(but for|(?<!for\s)(?:all|each|every\w*|nothing|none|alike)\b(?:(?!\b(?:not|only)\b)[^.;:,]){0,80}?,? "
        r"(?P<word>but for)(?! (?:now|this|that))",
        "except",
    ),
    Rule("one's own machine", r"one's own machine", "locally, this machine"),
    Rule("tale", r"tales?", "trace"),
    Rule("blow", r"blows?(?! (?:up|away))", "fault"),
    Rule("storm", r"(?<!retry\s)storms?", "burst run"),
    Rule("scene", r"(?<!behind\sthe\s)scenes?", "scenario"),
    Rule("judge", r"(?:a|the|each|every|which|this|another) judge|judges", "checker"),
    _code("judge (name)", r"[Jj]udge", "Checker"),
    Rule(
        "truth",
        r"(?:the|their|its|whole|'s) truth(?! (?:value|table)s?)",
        "the reference model, what the platform holds",
    ),
    _code("truth (name)", r"truth", "reference, expected"),
    # --- actors have a name, and people are "they"
    Rule("whoever", r"whoever", "the actor: the caller, the customer, the invocation"),
    Rule("somebody", r"somebody", "the actor: the caller, the customer, a person"),
    Rule("nobody", r"[Nn]obody(?![\w.-]*@)", "the actor: no caller, no customer, no invocation", exact_case=True),
    Rule("he", r"(?<![\w\"'`.])(?:[Hh]e|[Hh]im|[Hh]is|[Hh]imself)(?![\w\"`@])", "they, or the actor", exact_case=True),
    _code("test_who", r"test_who(?:ever)?_\w+", "a statement in present tense that names the actor"),
    # --- other words of the old dialect
    Rule("stands", r"stands? (?:in(?! (?:for|the way))|under|beside|behind|there|here|nowhere)", "is, is stored"),
    Rule("rehearsal", r"rehears(?:e|es|ed|als?)", "dry run"),
    # --- names
    _code("said", r"said", "what the value is: response, text, output, message"),
    _code("one", r"(?<=for\s)(?:\w+, )*(?P<word>one)(?= in |,)", "what the item is"),
    Rule("Glimpse", r"glimpses?", "peek, Peek"),
    Rule("glance", r"(?<!at\sa\s)(?<!first\s)(?<!quick\s)glances?", "get_eventual"),
    Rule("NotNow", r"NotNow", "RetryLater", exact_case=True),
    Rule("NeverThis", r"NeverThis", "PermanentFailure", exact_case=True),
    _code("Notes", r"Notes", "EntryUpdate"),
    _code("Carrier", r"Carrier", "ChangeHandler"),
    _code("foresee", r"foresee|_TakesMore|_NoSender", "decide"),
    _code("unlearn", r"unlearn", "mark_unknown"),
    _code("strangers", r"strangers", "fields_of_other_people"),
    _code("born", r"born", "created_at"),
    _code("_ABOUT_HIM", r"_ABOUT_HIM", "_PERSONAL_ATTRIBUTES"),
    Rule("lay_to_rest", r"lay_to_rest", "clear_erasure_list"),
    _code("_come_of", r"_come_of|_nowhere", "_deliver_or_defer, _raise_unavailable"),
    _code(
        "_LONG", r"(?<!\w)_(?:PATIENT|PATIENTLY|LONG|FEW|KEPT)(?!\w)", "the limit's meaning and its unit: RETENTION_MS"
    ),
    _code("Strike", r"Strike", "Injection"),
    _code("Striker", r"Striker|Surveyor", "Injector, PointRecorder"),
    Rule(
        "old module",
        r"delivery[./](?:direct|carrying|waiting|people|redacting|sending|work)(?![\w-])",
        "its new module: receive, handle, retry, send, erase, task",
    ),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A word in a file.

    Args:
        line: line number, from 1.
        word: the word as it is written there.
        rule: the rule that found it.
    """

    line: int
    word: str
    rule: Rule


def find_words(text: str, *, python: bool = False) -> Iterator[Finding]:
    """Yield the findings in a text, rule by rule.

    Args:
        text: contents of the file.
        python: the file is a Python file, so rules for names apply too.
    """
    code = _without_comments_and_strings(text) if python else ""
    for rule in RULES:
        for match in rule.compiled.finditer(code if rule.code_only else text):
            group = "word" if match.re.groups and match["word"] else 0
            word = re.sub(_SPACE, " ", match[group])
            yield Finding(text.count("\n", 0, match.start(group)) + 1, word, rule)


def _without_comments_and_strings(text: str) -> str:
    """Replace the comments and strings of Python code by spaces, so that all other characters keep their place."""
    lines = [list(line) for line in text.splitlines(keepends=True)]
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            # From Python 3.12, the text of an f-string is an FSTRING_MIDDLE token.
            if tokenize.tok_name[token.type] in ("COMMENT", "STRING", "FSTRING_MIDDLE"):
                (first, start), (last, end) = token.start, token.end
                for number in range(first - 1, last):
                    line = lines[number]
                    stop = end if number == last - 1 else len(line)
                    for column in range(start if number == first - 1 else 0, stop):
                        line[column] = "\n" if line[column] == "\n" else " "
    except (tokenize.TokenError, SyntaxError):
        return ""  # Ruff reports the syntax error.
    return "".join("".join(line) for line in lines)


def tracked_files() -> list[Path]:
    """Return the text files that git tracks."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in names.split("\0") if name]
    return [path for path in paths if (path.suffix in SUFFIXES or path.name in NAMES) and path.is_file()]


def main(arguments: list[str]) -> int:
    """Print the findings. Return 0 if there is none, otherwise 1."""
    found = False
    for path in [Path(argument).resolve() for argument in arguments] or tracked_files():
        name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
        findings = find_words(path.read_text(encoding="utf-8"), python=path.suffix == ".py")
        for finding in sorted(findings, key=lambda finding: finding.line):
            if EXCEPTIONS.keys().isdisjoint({(name, "*"), (name, finding.rule.name)}):
                print(f'{name}:{finding.line}: "{finding.word}": write "{finding.rule.instead}" instead')
                found = True
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
