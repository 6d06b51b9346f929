"""The `osiris` command: VERBS as commands, outcomes as text or JSON, faults as diagnostics and exit codes.

With `--json`, standard output is one JSON object whatever happens; progress and warnings go to standard error.
"""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

import click

from osiris_dagster import __version__
from osiris_dagster.canonical import readable_json
from osiris_dagster.cli.crash import crash_report, refused_by_system, tell_thread
from osiris_dagster.cli.screen import Screen
from osiris_dagster.errors import Diagnostic, OsirisError
from osiris_dagster.redaction import PROCESS
from osiris_dagster.verbs.outcome import FAILED, INTERRUPTED, INVALID, OK, Outcome
from osiris_dagster.verbs.table import VERBS, Option, Verb

_GROUPS = {
    "components": "The catalogue of components.",
    "connections": "The project's connections.",
    "runs": "Runs as Dagster recorded them.",
    "logs": "What runs left behind.",
    "logs aiop": "AI Operation Packages; `osiris logs aiop RUN` shows one.",
}
_USUAL = {"logs aiop": "show"}
"""What a group does when no command of it is named."""
_TYPES: Mapping[str, click.ParamType[Any]] = {"text": click.STRING, "pairs": click.STRING, "integer": click.INT}
_COMMON = (
    click.Option(["--project"], help="Project folder; the nearest parent with osiris.yaml when left out."),
    click.Option(["--connections"], help="Connections file instead of osiris_connections.yaml."),
    click.Option(["--secrets-file"], help="File of NAME=value lines that win over the environment."),
    click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object."),
)


def main(argv: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file name can hold what no encoding has
    threading.excepthook = tell_thread
    arguments = sys.argv[1:] if argv is None else argv
    as_json = "--json" in arguments
    try:
        code = _root().main(args=arguments, prog_name="osiris", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        code = INVALID
    except click.ClickException as error:
        code = _show(_usage_error(error), as_json=as_json)
    except (click.Abort, KeyboardInterrupt):
        code = _show(Outcome({"status": "canceled"}, "interrupted", INTERRUPTED), as_json=as_json)
    sys.exit(code if isinstance(code, int) else 0)


def _root() -> click.Group:
    root = click.Group("osiris", help="Pipelines written as OML, run as Dagster assets.", no_args_is_help=True)
    root.params.append(
        click.Option(
            ["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version."
        )
    )
    groups = {"": root}
    for name, text in _GROUPS.items():  # a group comes after the one that it stands in
        parent, _, own = name.rpartition(" ")
        groups[name] = _group(own, text, _USUAL.get(name, ""))
        groups[parent].add_command(groups[name])
    for verb in VERBS:
        group, _, own = verb.name.rpartition(" ")
        groups[group].add_command(_command(verb, own))
    return root


class _Shortened(click.Group):
    """A group in which one command is meant when none is named."""

    usual = ""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the usual command before arguments that do not begin with one."""
        named = args and (args[0] in self.commands or args[0] == "--help")
        return super().parse_args(ctx, args if named else [self.usual, *args])


def _group(name: str, text: str, usual: str) -> click.Group:
    if not usual:
        return click.Group(name, help=text, no_args_is_help=True)
    group = _Shortened(name, help=text)
    group.usual = usual
    return group


def _version(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"osiris-dagster {__version__}")
        context.exit()


def _command(verb: Verb, name: str) -> click.Command:
    return click.Command(name, callback=_caller(verb), params=[*map(_param, verb.options), *_COMMON], help=verb.help)


def _param(option: Option) -> click.Parameter:
    kind = click.Choice(option.choices) if option.kind == "choice" else _TYPES.get(option.kind, click.STRING)
    if option.argument:
        count = -1 if option.many else 1
        if option.required:
            return click.Argument([option.name], nargs=count, required=True, type=kind)
        default = () if option.many else option.default or ""
        return click.Argument([option.name], nargs=count, required=False, type=kind, default=default)
    flag = f"--{option.name.replace('_', '-')}"
    if option.kind == "flag":
        return click.Option([flag, option.name], is_flag=True, help=option.help)
    return click.Option(
        [flag, option.name],
        type=kind,
        multiple=option.many,
        help=option.help,
        default=() if option.many else option.default,
        show_default=option.default is not None and option.kind != "choice",
    )


def _caller(verb: Verb) -> Callable[..., int]:
    def call(**given: Any) -> int:
        from osiris_dagster.cli.ask import ask  # noqa: PLC0415 - the help needs nothing of the project

        as_json = bool(given.pop("as_json"))
        screen = Screen(quiet=as_json)
        try:
            outcome = ask(verb, given, screen)
        except OsirisError as error:
            outcome = Outcome({}, "", error.exit_code, error.diagnostics)
        except KeyboardInterrupt:
            outcome = Outcome({"status": "canceled"}, "interrupted", INTERRUPTED)
        except OSError as error:
            outcome = refused_by_system(error) or crash_report(error, verb.name)
        except Exception as error:  # noqa: BLE001 - the border: anything unforeseen becomes a report to paste
            outcome = crash_report(error, verb.name)
        finally:
            screen.close()
        return _show(outcome, as_json=as_json)

    return call


def _show(outcome: Outcome, *, as_json: bool) -> int:
    """Print an outcome. Faults may quote anything, so no secret of this process leaves with them."""
    faulty = outcome.exit_code != OK or bool(outcome.diagnostics)
    if as_json:
        # JSON is UTF-8 whatever the terminal speaks; half a surrogate pair becomes an escape that JSON knows.
        data = PROCESS.data(outcome.as_dict()) if faulty else outcome.as_dict()
        click.echo(readable_json(data).encode("utf-8", "backslashreplace"), nl=False)
        return outcome.exit_code
    if outcome.diagnostics and not outcome.text:
        from osiris_dagster.oml.render import render  # noqa: PLC0415 - only when something is wrong

        click.echo(PROCESS.known(render(outcome.diagnostics)), err=True)
    if outcome.text:
        click.echo(PROCESS.known(outcome.text) if faulty else outcome.text, err=outcome.exit_code == FAILED)
    return outcome.exit_code


def _usage_error(error: click.ClickException) -> Outcome:
    context = error.ctx if isinstance(error, click.UsageError) else None
    fix = f"see `{context.command_path if context else 'osiris'} --help`"
    return Outcome({}, "", INVALID, (Diagnostic("CLI001", error.format_message(), fix=fix),))
