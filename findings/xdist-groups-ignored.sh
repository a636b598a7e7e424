#!/usr/bin/env bash
# pytest-xdist 3.8.0 with pytest 9.2.0: `--dist loadgroup` ignores the mark `xdist_group`.
#
# xdist writes a test's group behind an "@" into the item's private attribute `_nodeid`. pytest 9.2
# no longer reads that attribute: `nodeid` comes from a structured id (`_id`). So the scheduler sees
# no groups, and tests that must share a process are dealt out one by one. Nothing warns: tests pass,
# but whatever the group was to share (a server, a large fixture) is made once a process.
#
# Seen: eight tests of one group run in two processes with pytest 9.2.0, in one with pytest 8.4.2.
# This script fails when either changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/test_group.py" <<'PY'
import time

import pytest


@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(8))
def test_shares_a_process(number):
    time.sleep(0.2)
PY

processes() { # of the eight tests, with this version of pytest
    python3 -m venv "$folder/$1"
    "$folder/$1/bin/pip" install --quiet --disable-pip-version-check "pytest==$1" pytest-xdist==3.8.0
    (cd "$folder" && "$folder/$1/bin/python" -m pytest -n 2 --dist loadgroup -v -p no:cacheprovider) |
        grep -o '^\[gw[01]\].*PASSED' | cut -c1-5 | sort | uniq -c | awk '{print $2 "=" $1}' | xargs
}

older=$(processes 8.4.2)
newer=$(processes 9.2.0)
echo "pytest 8.4.2: $older"
echo "pytest 9.2.0: $newer"
[[ $older == "[gw0]=8" || $older == "[gw1]=8" ]] || { echo "8.4.2 parts a group now"; exit 1; }
[[ $newer == *gw0*gw1* ]] || { echo "9.2.0 keeps a group together now"; exit 1; }
echo "as described"
