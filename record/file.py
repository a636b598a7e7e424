"""`verdict.json` as a file: written whole, and closed when all files beside it are there.

Nothing heavy is imported here: the service closes the records that its workers wrote.
"""

import json
import os
from pathlib import Path

from ..storage.content import hash_file
from .parsing import RecordDamaged, check_publishable
from .schema import CustodyPart, Verdict

VERDICT_FILE = "verdict.json"  # in the work folder, when the chain has ended


def write_record(record: Verdict, folder: Path) -> Path:
    """Write `verdict.json` so that it is there whole or not at all, whatever happens next."""
    # Not in the folder: a video may have any name, and a crash may leave a half.
    beside = folder.with_name(f".{folder.name}.{VERDICT_FILE}")
    with beside.open("w", encoding="utf-8") as stream:
        stream.write(json.dumps(record, indent=2, allow_nan=False) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    return beside.replace(folder / VERDICT_FILE)


def read_record(folder: Path) -> Verdict:
    """Read a `verdict.json` of our own. Only what `PublishableRecord` names is checked. Raises
    OSError when the file is missing or damaged."""
    path = folder / VERDICT_FILE
    raw = path.read_bytes()
    try:
        record: Verdict = json.loads(raw)
        check_publishable(record)
    except (ValueError, RecursionError, RecordDamaged) as error:
        raise OSError(f"{path} is damaged: {error}") from error
    return record


def close_record(folder: Path, *more_custody: CustodyPart) -> Verdict:
    """List every file of the folder in its record, with the SHA-256 of each; return the record.

    From here on a file that is added, altered or removed contradicts the record. It may be
    called again for the same folder after a crash. Raises OSError.
    """
    record = read_record(folder)
    new = {entry["what"] for entry in more_custody}
    so_far = record.get("custody", [])  # one of format 1, judged before an upgrade, has none
    record["custody"] = [entry for entry in so_far if entry["what"] not in new] + [*more_custody]
    record["files"] = {
        name: hash_file(path) for name, path in files_of(folder).items() if name != VERDICT_FILE
    }
    try:
        write_record(record, folder)
    except (ValueError, RecursionError) as error:  # it came with a NaN, or too deep to be written
        raise OSError(f"{folder / VERDICT_FILE} is damaged: {error}") from error
    return record


def files_of(folder: Path) -> dict[str, Path]:
    """All that lies in the folder and is not itself a folder, by its path relative to it.

    A link counts as a file of its own, and its target is not walked into. In names, bytes that
    are no UTF-8 are written `\\xNN`, and so is the backslash, so that two files never share one.
    """
    found = {}
    for root, folders, names in os.walk(folder, onerror=_raise):
        here = Path(root)
        links = [name for name in folders if (here / name).is_symlink()]
        for path in (here / name for name in (*names, *links)):
            found[_listed(path.relative_to(folder))] = path
    return dict(sorted(found.items()))


def _listed(path: Path) -> str:
    return os.fsencode(path).replace(b"\\", rb"\x5c").decode("utf-8", "backslashreplace")


def _raise(error: OSError) -> None:
    raise error
