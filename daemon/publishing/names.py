"""File names from outside, made fit for a folder's name."""

import unicodedata
from pathlib import PurePosixPath

from ...storage.text import BLANK

MAX_STEM_BYTES = 80


def folder_name(name: str, job: str) -> str:
    """`<stem>-<job>`: letters of every script stay; separators and control characters don't.

    Never hidden, never an option of a command, never longer than a file system allows, and unique
    through the job's id, even where the file system ignores case or Unicode composition.
    """
    stem = PurePosixPath(name.replace("/", "_")).stem
    kept = "".join(c if _is_plain(c) else "_" for c in unicodedata.normalize("NFC", stem))
    kept = kept.rstrip(". _").lstrip(". _-") or "video"
    return f"{_cut(kept, MAX_STEM_BYTES)}-{job}"


def _is_plain(character: str) -> bool:
    # Marks (M) belong to the letters of many scripts: without them names fall apart.
    is_letter = unicodedata.category(character)[0] in "LNM" and character not in BLANK
    return is_letter or character in " -_.,+()"


def _cut(text: str, limit: int) -> str:
    return text.encode("utf-8")[:limit].decode("utf-8", "ignore").rstrip()
