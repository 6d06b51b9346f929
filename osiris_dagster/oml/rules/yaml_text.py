"""Rules about the text as YAML. The composer finds the faults; here is what they mean."""

from __future__ import annotations

from collections.abc import Iterator

from osiris_dagster.errors import Diagnostic
from osiris_dagster.oml.rules.context import Context
from osiris_dagster.oml.rules.rule import rule


@rule("OML001", "The text is not YAML", example='description: "a: b"')
def syntax(context: Context) -> Iterator[Diagnostic]:
    """The parser cannot read on from this place.

    The most frequent reasons: a colon or `@` in a value without quotes, a quote or bracket that is never closed, and
    a line that does not line up with its neighbours. Nothing after the place was looked at.

    Wrong:
        description: ratio: 1 to 2

    Right:
        description: "ratio: 1 to 2"
    """
    yield from context.yaml_faults("OML001")


@rule("OML002", "A byte or character that does not belong into text", example='description: "a\\u0007b"')
def encoding(context: Context) -> Iterator[Diagnostic]:
    r"""OML files are UTF-8 text, with or without a byte order mark, with LF or CRLF.

    Control characters are refused because nobody sees them in an editor, and U+0085, U+2028 and U+2029 because some
    readers take them for line breaks and others do not. In double quotes each can be written as an escape.

    Wrong:
        description: "a<U+0007>b"

    Right:
        description: "a\u0007b"
    """
    yield from context.yaml_faults("OML002")


@rule("OML003", "The document is too large")
def limits(context: Context) -> Iterator[Diagnostic]:
    """A document has at most 2 MiB, 64 levels, 200,000 values and 100 aliases.

    Aliases are counted with what they repeat. The limits keep a hostile or generated file from filling the memory
    of an editor, a server or a chat; no pipeline that a person reads comes near them.

    Wrong:
        metadata:
          [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
          ]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]

    Right:
        metadata: {intent: Orders of one day}
    """
    yield from context.yaml_faults("OML003")


@rule("OML004", "A key stands twice", example="name: orders")
def duplicate_key(context: Context) -> Iterator[Diagnostic]:
    """A key stands once in a mapping.

    Most YAML readers silently keep the last one, so half of what was written is lost. The message names both places.

    Wrong:
        name: orders
        name: customers

    Right:
        name: orders
    """
    yield from context.yaml_faults("OML004")


@rule("OML005", "A key is not text", example='"2025": plan')
def key_not_text(context: Context) -> Iterator[Diagnostic]:
    """Keys are text; a number, `true`, `null`, a list or a mapping is not.

    The document is data that has to be the same as JSON, where keys are always text.

    Wrong:
        metadata: {2025: plan}

    Right:
        metadata: {"2025": plan}
    """
    yield from context.yaml_faults("OML005")


@rule("OML006", "A tag is not allowed", example='when: "2025-01-01"')
def tag(context: Context) -> Iterator[Diagnostic]:
    """Tags choose a type by name; only the types of JSON exist here, and only where the value fits.

    Readers disagree about other tags, and some tags make programs run code. `!!str 12` is the same as `"12"`.

    Wrong:
        metadata: {when: !!timestamp 2025-01-01}

    Right:
        metadata: {when: "2025-01-01"}
    """
    yield from context.yaml_faults("OML006")


@rule("OML007", "An alias cannot be followed", example="{first: &rows {limit: 5}, second: *rows}")
def alias(context: Context) -> Iterator[Diagnostic]:
    """`*name` repeats the value that `&name` marks further up.

    The mark has to be complete before it is used, so a value cannot contain itself. Merge keys (`<<`) left YAML with
    version 1.2. Text that begins with `*` belongs in quotes.

    Wrong:
        metadata:
          <<: {intent: Orders of one day}

    Right:
        metadata: {intent: Orders of one day}
    """
    yield from context.yaml_faults("OML007")


@rule("OML008", "More than one document in a file")
def several_documents(context: Context) -> Iterator[Diagnostic]:
    """A file holds one pipeline, so a second `---` has no meaning.

    Wrong:
        oml_version: "0.1.0"
        ---
        name: orders

    Right:
        name: orders
    """
    yield from context.yaml_faults("OML008")


@rule("OML009", "A tab is used for indentation")
def tab(context: Context) -> Iterator[Diagnostic]:
    """YAML indents with spaces.

    A tab has no fixed width, so YAML refuses it at the beginning of a line. Inside a text it is allowed.

    Wrong:
        metadata:
        <TAB>intent: Orders of one day

    Right:
        metadata:
          intent: Orders of one day
    """
    yield from context.yaml_faults("OML009")


@rule("OML010", "A number that JSON cannot hold", example='limit: "inf"')
def number(context: Context) -> Iterator[Diagnostic]:
    """Infinity, not-a-number and numbers beyond 64 bits are refused.

    They cannot be written to the manifest and read back the same. In quotes they are text.

    Wrong:
        params: {limit: .inf}

    Right:
        params: {limit: 9223372036854775807}
    """
    yield from context.yaml_faults("OML010")
