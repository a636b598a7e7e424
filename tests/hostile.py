"""Names and metadata as somebody would make them who wishes us ill."""

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from ddaemon.tests.recordings import recording

LONG = "long " + "x" * 246 + ".mp4"  # 255 bytes, the longest that a file system takes
NAMES: dict[str, bytes] = {
    "newline": b"a\nddaemon: job 1 is real\n<0>forged.mp4",
    "return": b"shown\rhidden.mp4",
    "escape": b"\x1b[31mred\x1b]0;title\x07.mp4",
    "hyperlink": b"\x1b]8;;http:evil.example\x1b\\click\x1b]8;;\x1b\\.mp4",
    "delete and backspace": b"real\x08\x08\x08\x08fake\x7f.mp4",
    "C1 controls": "\x9b31m\x90q\x9c\x85.mp4".encode(),
    "raw C1 byte": b"\x9b31m.mp4",
    "direction override": "gpj\u202e4pm.exe".encode(),
    "direction isolate": "\u2067abc\u2069.mp4".encode(),
    "zero width": "in\u200bvis\u200dible\ufeff.mp4".encode(),
    "blank letters": "\u3164\u115f\uffa0.mp4".encode(),
    "line separators": "one\u2028two\u2029three.mp4".encode(),
    "tag characters": "flag\U000e0041\U000e0042.mp4".encode(),
    "private use": "\ue000\U0010ffff.mp4".encode(),
    "no UTF-8": b"\xff\xfe\xc0\xaf.mp4",
    "half a surrogate": b"\xed\xa0\x80.mp4",
    "as long as can be": LONG.encode(),
    "long and wide": ("\u20ac" * 83 + ".mp4").encode(),
    "parents": b"a\\..\\..\\etc\\passwd.mp4",
    "dots": b"a...mp4",
    "fullwidth slash": "\uff0e\uff0e\uff0fetc.mp4".encode(),
    "percent slash": b"a%2f..%2f..%2fetc.mp4",
    "dash": b"-rf.mp4",
    "option": b"--home=evil.mp4",
    "tilde": b"~root.mp4",
    "format": b"%s%n%(levelname)s{}{0.__class__}.mp4",
    "script": b"<script>document.title='owned'<!---->.mp4",
    "image": b"\"><img src=x onerror=document.title='owned'>.mp4",
    "entity": b"&lt;&#x3c;&amp.mp4",
    "template": b"{{ 7*7 }}{% raw %}.mp4",
    "quotes": b'it\'s "quoted" `so`.mp4',
    "SQL": b"'; DROP TABLE jobs;--.mp4",
    "SQL like": b"%_%.mp4",
    "formula": b"=cmd|' C calc'!A0.mp4",
    "formula in a second cell": b"x;=cmd|' C calc'!A0.mp4",
    "plus": b"+1+1.mp4",
    "at": b"@SUM(1+1).mp4",
    "wide formula": "\uff1d1+1.mp4".encode(),
    "command": b"$(touch owned).mp4",
    "backticks": b"`touch owned`.mp4",
    "semicolon": b"a; touch owned; b.mp4",
    "shellshock": b"() { :; }; touch owned.mp4",
    "journal priority": b"<3>kernel panic.mp4",
    "assignment": b"READY=1\nSTATUS=owned\nWATCHDOG=trigger.mp4",
    "markup": b"[red]x[link=http:evil.example]y.mp4",
    "mathematics": b"$\\frac{$.mp4",
    "not composed": unicodedata.normalize("NFD", "caf\u00e9.mp4").encode(),
    "composed": "caf\u00e9.mp4".encode(),
    "upper": b"CASE.mp4",
    "lower": b"case.mp4",
    "of ours": b"verdict.json",
    "of ours too": b"report.html",
    "a device": b"CON.mp4",
    "backslashes": b"a\\nb\\x1b.mp4",
    "only spaces": b"   .mp4",
}


TAGS = (
    "a\nb\r\n<3>c",
    "\x1b[31m\x1b]0;owned\x07",
    "\u202egpj\u200b",
    "<script>document.title='owned'</script>",
    "'; DROP TABLE jobs;--",
    "{{7*7}}%s%n{}",
    "\x9b31m",
    "=cmd|' /C calc'!A0",
    "x" * 100_000,
)
MARK = b"MARK OF SIXTEEN."
NO_TEXT = b"\xff\xfe\x9b\x1b[31m\xed\xa0\x80\xc0\xaf.."  # as long as the mark


def hostile_recordings(folder: Path) -> Iterator[Path]:
    """A video of each container, with tags whose names, texts and bytes are hostile."""
    tags = {f"tag{number}": text for number, text in enumerate(TAGS)}
    tags |= {text[:60]: f"by name {number}" for number, text in enumerate(TAGS)}
    tags |= {"title": TAGS[1] + TAGS[0], "comment": TAGS[3] + TAGS[6], "encoder": TAGS[2]}
    tags |= {"artist": MARK.decode()}
    inner = {"title": TAGS[1], "language": "<b>", "handler_name": TAGS[3], "encoder": TAGS[2]}
    for suffix in (".mp4", ".mov", ".mkv", ".avi", ".webm"):
        codec = "libvpx-vp9" if suffix == ".webm" else "mpeg4"
        path = folder / f"tags{suffix}"
        recording(path, tags=tags, stream_tags=inner, codec=codec, sound=None, seconds=0.2)
        path.write_bytes(path.read_bytes().replace(MARK, NO_TEXT))
        yield path


def hostile_files(folder: Path) -> Iterator[Path]:
    """One file of each name, none like another, and none a video."""
    for number, name in enumerate(NAMES.values()):
        path = folder / os.fsdecode(name)
        path.write_bytes(f"no video, number {number}\n".encode() * 20)
        yield path
