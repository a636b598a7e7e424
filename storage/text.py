"""Text from outside, made fit to be shown to a person.

Whatever is shown, logged or written for reading passes through here. What is stored or handed to
programs (JSON) stays as it came.
"""

import json
import re

# Letters by their category, but blank on every screen: a name made of them would not be seen.
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
FOREIGN_BYTES = range(0xDC80, 0xDD00)  # how Python decodes bytes that are not UTF-8 (PEP 383)

# What a spreadsheet takes for a formula, with the full-width forms of East Asian ones. Where a
# semicolon separates cells, one may begin after each; quotes and blanks in front do not prevent it.
FORMULA = re.compile(r"""(^|;)(?=[\s'"]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])""")


def printable(text: str) -> str:
    """The text with control characters, escapes and line ends shown as `\\xNN`.

    So are marks that turn the direction of writing, what does not show at all, and bytes that are
    no text.
    """
    if text.isprintable() and BLANK.isdisjoint(text):  # the usual case, and a quick one
        return text
    return "".join(c if _shows(c) else _spelt(c) for c in text)


def printable_lines(text: str) -> str:
    """The same, but line ends stay: for ddaemon's own text of several lines."""
    return "\n".join(printable(line) for line in text.split("\n"))


def clipped(text: str, limit: int) -> str:
    """The first `limit` characters, printable; if there are more, also how many there were."""
    if len(text) <= limit:
        return printable(text)
    return f"{printable(text[:limit])}... ({len(text)} characters)"


def readable_json(value: object) -> str:
    """JSON for people too: letters of every script stay, what does not show is `\\uNNNN`."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return "".join(c if c == "\n" or _shows(c) else json.dumps(c)[1:-1] for c in text)


def cell(value: object) -> object:
    """A cell of a table for spreadsheets: text is printable, and never a formula."""
    return printable(FORMULA.sub(r"\1'", value)) if isinstance(value, str) else value


def _shows(character: str) -> bool:
    return character.isprintable() and character not in BLANK


def _spelt(character: str) -> str:
    if ord(character) in FOREIGN_BYTES:
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
