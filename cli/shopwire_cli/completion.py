"""What may follow the words of a command line, read from the parsers, so that no list of them can be out of date."""

import argparse
from collections.abc import Iterable, Iterator, Sequence

from shopwire_cli.parser import Parser

SCRIPTS = {
    "bash": """\
# Add to ~/.bashrc: eval "$(.venv/bin/shopwire completion bash)"
_shopwire() {
    local IFS=$'\\n'
    COMPREPLY=($("${COMP_WORDS[0]}" completion --words "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _shopwire shopwire
""",
    "zsh": """\
# Add to ~/.zshrc, after compinit: eval "$(.venv/bin/shopwire completion zsh)"
_shopwire() {
    local -a found
    found=("${(@f)$("${words[1]}" completion --words "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "${found[1]}" ]]; then compadd -a found; else _files; fi
}
compdef _shopwire shopwire
""",
    "fish": """\
# Add to ~/.config/fish/config.fish: .venv/bin/shopwire completion fish | source
function __shopwire_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct | string collect --allow-empty)
    set -l found ($words[1] completion --words $words[2..-1] $last 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c shopwire -f -a '(__shopwire_complete)'
""",
}
"""Shell -> the script that its user evaluates. It asks `shopwire completion --words` and falls back to file names."""


def complete(parser: Parser, words: Sequence[str]) -> list[str]:
    """Return what the last word may become. Empty if it is something that shopwire does not know, such as a file.

    Args:
        parser: the parser of the whole command line.
        words: those behind `shopwire`. The last one is unfinished, and may be "".
    """
    *before, prefix = words or [""]
    path: list[str] = []
    while (subparsers := _subparsers(parser)) and (name := next((w for w in before if w in subparsers.choices), None)):
        path.append(name)
        parser = subparsers.choices[name]
        before = before[before.index(name) + 1 :]
    return sorted({found for found in _candidates(parser, path, before, prefix) if found.startswith(prefix)})


def _candidates(parser: Parser, path: list[str], before: list[str], prefix: str) -> Iterable[str]:
    options = parser._option_string_actions
    option = options.get(before[-1]) if before else None
    if option is not None and option.nargs != 0:
        return _values(option, path, [])
    if prefix.startswith("-"):
        return (name for name in options if name.startswith("--"))
    positionals = [action for action in parser._actions if not action.option_strings]
    given = list(_positional_words(options, before))
    place = min(len(given), len(positionals) - 1)
    is_over = len(given) >= len(positionals) and not (positionals and positionals[-1].nargs in ("*", "+"))
    return () if place < 0 or is_over else _values(positionals[place], path, given)


def _positional_words(options: dict[str, argparse.Action], before: Iterable[str]) -> Iterator[str]:
    """Yield the words that are neither options nor their values."""
    is_value = False
    for word in before:
        if not is_value and not word.startswith("-"):
            yield word
        option = options.get(word)
        is_value = option is not None and option.nargs != 0


def _values(action: argparse.Action, path: list[str], given: list[str]) -> Iterable[str]:
    if action.choices:
        return (str(choice) for choice in action.choices)
    match action.metavar:
        case "PLATFORM":
            from shopwire.platforms import NAMES

            return NAMES
        case "TOPIC" | "TOPIC[--VARIANT]" if given:
            return _topics(given[0], with_samples=path == ["send"])
    return ()


def _topics(platform: str, *, with_samples: bool) -> Iterable[str]:
    from shopwire import platforms

    if platform not in platforms.NAMES:
        return ()
    if with_samples:
        from shopwire_testkit.samples import samples

        return (sample.name for sample in samples(platform))
    return platforms.get(platform).topic_names()


def _subparsers(parser: Parser) -> "argparse._SubParsersAction[Parser] | None":
    return next((action for action in parser._actions if isinstance(action, argparse._SubParsersAction)), None)
