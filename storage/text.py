"""Text from outside, made fit to be shown to a person."""


def printable(text: str) -> str:
    """The text with control characters, escapes and line ends shown as `\\xNN`.

    So are marks that turn the direction of writing; what is no character at all becomes `?`.
    """
    if text.isprintable():  # the usual case, and a quick one
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii")
        for c in text.encode("utf-8", "replace").decode("utf-8")
    )


def clipped(text: str, limit: int) -> str:
    """The same of the first `limit` characters, and how many there were when that is not all."""
    if len(text) <= limit:
        return printable(text)
    return f"{printable(text[:limit])}... ({len(text)} characters)"
