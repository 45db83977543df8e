"""Where webhooks may go (A3)."""

from __future__ import annotations

import pytest

from bridge.operations.webhooks.addresses import may_connect, why_not

PRIVATE = (
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "::ffff:0:7f00:1",
    "5f00::1",
    "3fff::1",
    "ff0e::1",
    "168.63.129.16",
    "::ffff:168.63.129.16",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "no address",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_A3_no_webhook_goes_to_this_machine_or_a_private_network(address: str) -> None:
    assert not may_connect(address, ())


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"])
def test_A3_a_public_address_may_be_told(address: str) -> None:
    assert may_connect(address, ())
    assert not may_connect(address, (), only_allowed=True)


def test_A3_a_private_network_may_be_told_where_the_firm_allows_it_and_no_other() -> None:
    assert may_connect("10.0.3.7", ("10.0.3.0/24",), only_allowed=True)
    assert may_connect("::ffff:10.0.3.7", ("10.0.3.0/24",))
    assert not may_connect("10.0.4.7", ("10.0.3.0/24",))
    assert may_connect("fd00::7", ("10.0.3.0/24", "fd00::/8"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com/",
        "file:///etc/passwd",
        "http://example.com/",
        "https://",
        "https:///path",
        "https://ruth:secret@example.com/",
        "https://example.com/#part",
        "https://example.com/a b",
        "https://example.com\\@127.0.0.1/",
        "https://exämple.com/",
        "https://example.com:99999/",
        "https://[::1/",
        "https://127.0.0.1/",
        "https://[::1]:8008/_synapse/admin",
        "https://[::ffff:169.254.169.254]/",
        f"https://example.com/{'a' * 2000}",
        "https://example.com/\r\nHost: other",
        "https://2130706433/",
        "https://127.1/",
        "https://0177.0.0.1/",
        "https://0x7F.1/",
        "https://127.0.0.1./",
        "https://256.1.1.1/",
    ],
)
def test_A3_an_address_that_cannot_be_a_webhooks_is_refused_in_a_sentence(url: str) -> None:
    assert why_not(url, ()).endswith((".", ")."))


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook?key=1",
        "https://93.184.216.34:8443/",
        "https://localhost/",
        "https://4.example/",
        "https://example.c0m/",
    ],
)
def test_A3_what_a_name_stands_for_is_not_asked_before_it_is_connected_to(url: str) -> None:
    assert why_not(url, ()) == ""


def test_A3_without_tls_only_into_an_allowed_network() -> None:
    allowed = ("10.0.3.0/24",)
    assert why_not("http://10.0.3.7/", allowed) == ""
    assert why_not("http://10.0.4.7/", allowed) != ""
    assert why_not("http://93.184.216.34/", allowed) != ""
