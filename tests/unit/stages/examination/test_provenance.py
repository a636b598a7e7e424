"""What a signed statement in a file is worth: the five states, and no network."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import c2pa
import pytest

from ddaemon.stages.examination.provenance import read_provenance
from ddaemon.stages.examination.trust import trust_anchors
from ddaemon.stages.media import credentials
from ddaemon.stages.media.container import AVI, MATROSKA, MP4
from ddaemon.storage.errors import ConfigError
from ddaemon.tests.clips import numbered_clip
from ddaemon.tests.credentials import Authority, sign

DEMO = Path(__file__).parents[4] / "stages" / "data" / "demo-real.mp4"
AUTHORITY = Authority()


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("signed") / "signed.mp4"
    return sign(DEMO, target, AUTHORITY.signer("Test Signer"))


class Listener:
    """Counts who calls at a port of this machine."""

    def __init__(self) -> None:
        self.calls: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/manifest.c2pa"
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        while True:
            try:
                call, _ = self._socket.accept()
            except OSError:
                return
            with call:
                self.calls.append(call.recv(1000))
                call.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.close()


def test_a_sound_signature_under_a_trusted_authority_is_valid(signed: Path) -> None:
    found = read_provenance(signed, MP4, AUTHORITY.anchor)
    assert found["state"] == "valid"
    assert found["claim_generator"] == "Test Desk 1.0"
    assert found["signed_by"] == "Test Signer (Test Newsroom)"
    assert found["signed_at"] is None, "nobody stamped the time"


@pytest.mark.parametrize("anchors", [None, Authority("Another Root").anchor])
def test_the_same_signature_is_untrusted_when_nobody_vouches_for_it(
    signed: Path, anchors: str | None
) -> None:
    found = read_provenance(signed, MP4, anchors)
    assert found["state"] == "untrusted"
    assert "anybody could have signed it" in found["detail"]


@pytest.mark.parametrize("anchors", [None, AUTHORITY.anchor])
def test_one_changed_bit_of_the_pictures_makes_it_invalid(
    signed: Path, tmp_path: Path, anchors: str | None
) -> None:
    data = bytearray(signed.read_bytes())
    data[data.rindex(b"mdat") + 5000] ^= 1
    changed = tmp_path / "changed.mp4"
    changed.write_bytes(data)
    found = read_provenance(changed, MP4, anchors)
    assert found["state"] == "invalid"
    assert "changed after it was signed" in found["detail"]


def test_a_manifest_that_is_no_longer_one_is_invalid(signed: Path, tmp_path: Path) -> None:
    data = signed.read_bytes().replace(b"c2pa.signature", b"c2pa.signaturf")
    (tmp_path / "torn.mp4").write_bytes(data)
    found = read_provenance(tmp_path / "torn.mp4", MP4, AUTHORITY.anchor)
    assert found["state"] == "invalid"
    assert "does not hold" in found["detail"]


def test_a_video_without_a_manifest_is_absent_and_that_says_nothing() -> None:
    found = read_provenance(DEMO, MP4, AUTHORITY.anchor)
    assert found["state"] == "absent"
    assert "absence says nothing" in found["detail"]
    assert found["signed_by"] is None


def test_a_container_that_can_carry_none_is_not_supported(tmp_path: Path) -> None:
    clip = numbered_clip(tmp_path / "clip.mkv", 5)
    found = read_provenance(clip, MATROSKA, AUTHORITY.anchor)
    assert found["state"] == "not_supported"
    assert MATROSKA in found["detail"]


@pytest.mark.parametrize(
    ("name", "codec", "container"), [("a.mov", "libx264", MP4), ("a.avi", "mpeg4", AVI)]
)
def test_quicktime_and_avi_can_be_signed_too(
    tmp_path: Path, name: str, codec: str, container: str
) -> None:
    clip = numbered_clip(tmp_path / name, 5, codec=codec)
    assert read_provenance(clip, container, None)["state"] == "absent"
    made = sign(clip, tmp_path / f"signed-{name}", AUTHORITY.signer("Test Signer"))
    assert read_provenance(made, container, AUTHORITY.anchor)["state"] == "valid"


def test_a_damaged_container_is_not_called_an_invalid_manifest(tmp_path: Path) -> None:
    data = bytearray(DEMO.read_bytes())
    data[0:4] = (2**31).to_bytes(4, "big")
    (tmp_path / "damaged.mp4").write_bytes(data)
    found = read_provenance(tmp_path / "damaged.mp4", MP4, None)
    assert (found["state"], "damaged" in found["detail"]) == ("not_supported", True)


def test_hostile_names_in_a_manifest_are_cut_and_shown_escaped(tmp_path: Path) -> None:
    hostile = "\x1b[2J\u202e\n<b>" + "x" * 5000
    made = sign(DEMO, tmp_path / "a.mp4", AUTHORITY.signer("Eve\n\x1b"), generator=hostile)
    found = read_provenance(made, MP4, AUTHORITY.anchor)
    assert found["claim_generator"].startswith("\\x1b[2J\\u202e\\n<b>xxx")
    assert len(found["claim_generator"]) < 400
    assert found["signed_by"] == "Eve\\n\\x1b (Test Newsroom)"


def test_a_manifest_kept_elsewhere_is_not_fetched(tmp_path: Path, listener: Listener) -> None:
    signer = AUTHORITY.signer("Test Signer")
    made = sign(DEMO, tmp_path / "remote.mp4", signer, remote=listener.url)
    found = read_provenance(made, MP4, AUTHORITY.anchor)
    assert found["state"] == "not_supported"
    assert "nothing is fetched" in found["detail"]
    assert listener.calls == []
    # The trap works: left to itself, the library calls there.
    with made.open("rb") as file, pytest.raises(c2pa.C2paError, match="Remote"):
        c2pa.Reader("video/mp4", file)
    assert len(listener.calls) == 1


def test_nobody_is_asked_whether_a_certificate_was_revoked(
    tmp_path: Path, listener: Listener
) -> None:
    signer = AUTHORITY.signer("Test Signer", revocations=listener.url)
    made = sign(DEMO, tmp_path / "a.mp4", signer)
    assert read_provenance(made, MP4, AUTHORITY.anchor)["state"] == "valid"
    assert listener.calls == []
    asking: dict[str, Any] = {
        "verify": {"ocsp_fetch": True}, "trust": {"trust_anchors": AUTHORITY.anchor},
    }  # fmt: skip
    with made.open("rb") as file:
        c2pa.Reader("video/mp4", file, context=c2pa.Context.from_dict(asking))
    assert listener.calls


def test_an_empty_list_of_hosts_alone_keeps_the_library_at_home(
    tmp_path: Path, listener: Listener
) -> None:
    made = sign(DEMO, tmp_path / "a.mp4", AUTHORITY.signer("Test Signer"), remote=listener.url)
    hosts = {"core": credentials.OFFLINE["core"], "verify": {"remote_manifest_fetch": True}}
    with made.open("rb") as file, pytest.raises(c2pa.C2paError, match="not permitted"):
        c2pa.Reader("video/mp4", file, context=c2pa.Context.from_dict(hosts))
    assert listener.calls == []


def test_the_anchors_are_read_from_the_file_that_is_set(tmp_path: Path) -> None:
    path = tmp_path / "anchors.pem"
    path.write_text(AUTHORITY.anchor + Authority("Second Root").anchor)
    assert trust_anchors(str(path)) == path.read_text()
    assert trust_anchors("") is None


@pytest.mark.parametrize(
    "content",
    [b"", b"garbage", b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"],
)
def test_a_file_without_certificates_is_refused_by_the_name_of_the_setting(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "anchors.pem"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"examine\.trust: .*anchors.pem"):
        trust_anchors(str(path))


def test_a_missing_file_is_refused_likewise() -> None:
    with pytest.raises(ConfigError, match=r"examine\.trust: /nowhere.pem .*No such file"):
        trust_anchors("/nowhere.pem")
