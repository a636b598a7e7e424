"""A notice goes to public addresses only, however the other ones are written."""

import pytest

from ddaemon.daemon.notices.addresses import AddressRefused, checked_addresses, is_public

HIDDEN = [
    "127.1", "127.0.0.1", "0x7f000001", "2130706433", "017700000001", "localhost", "0", "0.0.0.0",
    "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
    "239.1.2.3", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1",
    "::1", "::", "::ffff:10.0.0.1", "::ffff:7f00:1", "fe80::1%lo", "fc00::1", "fec0::1", "ff02::1",
    "2002:7f00:1::", "64:ff9b::10.0.0.1", "2001:db8::1",
]  # fmt: skip


@pytest.mark.parametrize("host", HIDDEN)
def test_an_address_that_is_not_public_is_refused(host: str) -> None:
    with pytest.raises(AddressRefused, match=r"is not public .*; notify\.allow_private"):
        checked_addresses(host, 80, allow_private=False)
    assert checked_addresses(host, 80, allow_private=True)


@pytest.mark.parametrize(
    "text", ["93.184.216.34", "2606:4700::1111", "::ffff:93.184.216.34", "64:ff9b::8.8.8.8"]
)
def test_a_public_address_is_allowed(text: str) -> None:
    assert is_public(text)


def test_a_name_is_refused_when_one_of_its_addresses_is_private() -> None:
    def resolver(_host: str, _port: int) -> list[str]:
        return ["93.184.216.34", "10.0.0.1"]

    with pytest.raises(
        AddressRefused, match=r"desk\.example is not public \(its address is 10\.0\.0\.1"
    ):
        checked_addresses("desk.example", 443, allow_private=False, resolver=resolver)


def test_a_name_without_an_address_is_said_to_have_none() -> None:
    def resolver(_host: str, _port: int) -> list[str]:
        raise OSError("Name or service not known")

    with pytest.raises(AddressRefused, match=r"desk\.example can't be resolved"):
        checked_addresses("desk.example", 443, allow_private=True, resolver=resolver)
