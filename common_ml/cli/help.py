"""Help and usage errors of the verbs: two columns, types as words, one style of errors.

Typer draws boxes of three columns, which leave little room at 80; and it has its own click since
0.20. What both clicks have in common is used here, by its name.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import textwrap
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_WIDTH = 100
_MAX_LEFT = 28
"""Width of the column of names; a longer name has its text below."""
_TYPES = {
    "str": "TEXT",
    "text": "TEXT",
    "int": "NUMBER",
    "integer": "NUMBER",
    "float": "NUMBER",
    "path": "PATH",
    "file": "FILE",
    "directory": "FOLDER",
    "bool": "",
    "boolean": "",
}
_EXPECTED = {"valid integer": "a whole number", "valid number": "a number"}
"""Type names of pydantic in typer's errors -> ours."""
_MARKUP = re.compile(r"\[/?(?:bold|dim|italic|[a-z]+)?\](?!\()")
"""Markup of rich, as in [bold]common-ml[/]."""

USAGE_ERROR: Any = next(
    parent for parent in typer.BadParameter.__mro__ if parent.__name__ == "ClickException"
)
"""Usage errors of both clicks."""


_USAGE_ERROR: Any = next(
    parent for parent in typer.BadParameter.__mro__ if parent.__name__ == "UsageError"
)


def missing(name: str, *, hint: str) -> Exception:
    """Return the error about an argument that is missing; the exit status is 2.

    Args:
        name: The argument's name in the help.
        hint: The hint of the message.
    """
    error: Exception = _USAGE_ERROR(f"missing {name}; hint: {hint}")
    return error


def use_plain_help(command: Any) -> None:
    """Make a command and its subcommands print their help in two columns."""
    command.format_help = lambda context, formatter: formatter.write(help_of(command, context))
    for below in getattr(command, "commands", {}).values():
        use_plain_help(below)


def help_of(command: Any, context: Any) -> str:
    """Return the help of a command."""
    width = min(shutil.get_terminal_size().columns, MAX_WIDTH)
    parts = [_wrapped(f"Usage: {usage_of(command, context)}", width, indent="  ")]
    parts += [_wrapped(text, width) for text in _paragraphs(command.help or "")]
    for title, rows in _sections(command, context):
        parts.append(f"{_bold(title)}\n{two_columns(rows, width)}")
    if command.epilog:
        parts.append(_wrapped(_plain(command.epilog), width, indent="  "))
    return "\n\n".join(parts)


def usage_of(command: Any, context: Any) -> str:
    """Return the usage of a command, without `Usage:`."""
    words = [context.command_path, "[OPTIONS]"]
    arguments = filter(_is_argument, command.get_params(context))
    words += [
        _name_of(param) if param.required else f"[{_name_of(param)}]"
        for param in arguments
        if not getattr(param, "hidden", False)
    ]
    if hasattr(command, "commands"):
        words.append("COMMAND ...")
    return " ".join(words)


def usage_sentence(error: Any, given: Sequence[str]) -> str:
    """Format a usage error as one sentence that ends in a hint.

    Args:
        error: The exception of click.
        given: The command line arguments.
    """
    context = getattr(error, "ctx", None)
    message: str = error.format_message()
    option = getattr(error, "option_name", "")
    if type(error).__name__ == "NoSuchOption":
        message = f"no such option: {option}"
        hint = _option_hint(option, context, given)
    elif type(error).__name__ == "MissingParameter" and context is not None:
        param = getattr(error, "param", None)
        if param is not None and _is_argument(param):
            message = f"missing {_name_of(param)}"
        hint = _example(context.command) or f"{context.command_path} --help"
    else:
        did_you_mean = re.search(r" Did you mean (.*?)\?", message)
        message = message[: did_you_mean.start()] if did_you_mean else message
        path = "common-ml" if context is None else context.command_path
        hint = f"did you mean {did_you_mean[1]}?" if did_you_mean else f"{path} --help"
    for kind, words in _EXPECTED.items():
        message = re.sub(rf"Input should be a {kind}\b.*", f"expected {words}", message)
    # one form for errors of click, pydantic and the verbs
    message = re.sub(
        r"^Invalid value for ('.+?'):",
        lambda found: f"Invalid value for {found[1].replace(chr(39), '')}:",
        message,
    )
    message = message.replace(": Value error, ", ": ", 1).strip().rstrip(".")
    message = f"{message[:1].lower()}{message[1:]}"
    return message if "; hint: " in message else f"{message}; hint: {hint}"


def _option_hint(option: str, context: Any, given: Sequence[str]) -> str:
    """Return the hint for an option that does not exist."""
    from common_ml.tagging.params.sdk_options import PUBLISHED_KEYS, SDK_KEYS

    if context is None:
        return "common-ml --help"
    options = {
        name: param
        for param in context.command.get_params(context)
        if not _is_argument(param)
        for name in (*param.opts, *param.secondary_opts)
    }
    key = option.lstrip("-").replace("-", "_")
    value = _value_after(option, given) or "VALUE"
    if "-p" in options:  # a verb that starts a tagger
        if key.lower() in PUBLISHED_KEYS:
            return f"-p {key.lower()}={value}"
        if key.lower() in SDK_KEYS and "-O" in options:
            return f"-O {key.lower()}={value}"
    close = difflib.get_close_matches(option, options, n=1, cutoff=0.7)
    if close:
        return f"did you mean {close[0]}?"
    if "-p" in options:
        return f"params of the tagger go as -p {key}={value}"
    return f"{context.command_path} --help"


def _value_after(option: str, given: Sequence[str]) -> str:
    for place, word in enumerate(given):
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
        if word == option and place + 1 < len(given) and not given[place + 1].startswith("-"):
            return given[place + 1]
    return ""


def _example(command: Any) -> str:
    return _plain(command.epilog or "").removeprefix("Example: ")


def _sections(command: Any, context: Any) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield title and rows: arguments, options by their panels, commands."""
    arguments: list[tuple[str, str]] = []
    options: dict[str, list[tuple[str, str]]] = {"Options": []}
    for param in command.get_params(context):
        if getattr(param, "hidden", False):
            continue
        text = _plain(getattr(param, "help", "") or "")
        facts = "; ".join(_facts(param))
        row = f"{text} ({facts})" if facts and text else text or facts
        if _is_argument(param):
            arguments.append((_name_of(param), row))
        else:
            panel = getattr(param, "rich_help_panel", None) or "Options"
            options.setdefault(panel, []).append((_option_names(param, context), row))
    if arguments:
        yield "Arguments:", arguments
    yield from ((f"{panel}:", rows) for panel, rows in options.items() if rows)
    below = getattr(command, "commands", {})
    shown = [(name, each) for name, each in below.items() if not each.hidden]
    if shown:
        yield "Commands:", [(name, _first_sentence(each.help or "")) for name, each in shown]


def _facts(param: Any) -> Iterator[str]:
    """Yield the range and the default of a parameter."""
    kind = getattr(param, "type", None)
    low, high = (getattr(param, name, getattr(kind, name, None)) for name in ("min", "max"))
    if low is not None and high is not None:
        yield f"{low:g} to {high:g}"
    elif low is not None and not (low == 0 and param.default):
        yield f"at least {low:g}" if low else "0 or more"
    elif high is not None:
        yield f"at most {high:g}"
    if not _is_argument(param) and param.required:
        yield "required"
    default = param.default
    if isinstance(default, (str, int, float, os.PathLike)) and not isinstance(default, bool):
        if str(default) and getattr(param, "show_default", True) is not False:
            yield f"default {default}"
    elif default is True and param.secondary_opts:
        yield f"default {param.opts[0]}"


def _option_names(param: Any, context: Any) -> str:
    names = sorted(param.opts, key=lambda name: name.startswith("--"))
    text = ", ".join(names)
    if param.secondary_opts:
        text += f" / {', '.join(param.secondary_opts)}"
    value = _value_of(param, context)
    return f"{text} {value}" if value else text


def _value_of(param: Any, context: Any) -> str:
    """Return the metavar of an option; "" for a flag."""
    if getattr(param, "is_flag", False) or getattr(param, "count", False):
        return ""
    if param.metavar:
        return str(param.metavar)
    if hasattr(param, "display_type"):  # typer's own click
        kind = param.display_type(context).strip("<>")
    else:
        choices = getattr(param.type, "choices", None)
        kind = "|".join(choices) if choices else param.type.name
    kind = re.sub(r"^list\[(.*)\]$", r"\1", kind).removesuffix(" range")
    return _TYPES.get(kind, kind)


def _name_of(param: Any) -> str:
    name = param.metavar or param.name.upper()
    return f"{name}..." if param.nargs != 1 and not name.endswith("...") else name


def _is_argument(param: Any) -> bool:
    return bool(param.param_type_name == "argument")


def two_columns(rows: Sequence[tuple[str, str]], width: int) -> str:
    """Return names and their texts in two columns; a long name has its text below.

    Args:
        rows: Name and text of each.
        width: Columns of the terminal.
    """
    fitting = [len(left) for left, _ in rows if len(left) <= _MAX_LEFT]
    column = max(fitting, default=_MAX_LEFT) + 4
    lines = []
    for left, text in rows:
        wrapped = textwrap.wrap(text, max(width - column, 20)) or [""]
        if len(left) + 4 > column:
            lines.append(f"  {_bold(left)}")
        else:
            padding = " " * (column - 2 - len(left))
            lines.append(f"  {_bold(left)}{padding}{wrapped.pop(0)}".rstrip())
        lines += [" " * column + line for line in wrapped]
    return "\n".join(lines)


def _paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in _plain(text).split("\n\n") if part.strip()]


def _first_sentence(text: str) -> str:
    first = next(iter(_paragraphs(text)), "")
    return re.split(r"(?<=\.)\s", first)[0]


def _plain(text: str) -> str:
    return _MARKUP.sub("", text)


def _wrapped(text: str, width: int, *, indent: str = "") -> str:
    return textwrap.fill(text, width, subsequent_indent=indent, break_on_hyphens=False)


def _bold(text: str) -> str:
    """Return the text in bold; click strips the style where there is no terminal."""
    return text if "NO_COLOR" in os.environ else typer.style(text, bold=True)
