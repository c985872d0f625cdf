"""The hosts that personal data may be sent to."""

from collections.abc import Mapping

import pytest

from shopwire.esputnik import Esputnik, Verdict
from shopwire.mapper import contact_request
from shopwire.models import Contact

VENDORS_HOSTS = ["esputnik.com", "yespo.io", "api.yespo.io"]
REQUEST = contact_request(Contact(email="a@example.com"))


class Recorder:
    """A transport that records the URLs."""

    def __init__(self) -> None:
        self.urls: list[str] = []

    def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        self.urls.append(url)
        return 200, {}, b""


@pytest.mark.parametrize("host", VENDORS_HOSTS)
def test_vendors_hosts_serve_the_same_paths(host: str) -> None:
    transport = Recorder()
    answer = Esputnik(f"https://{host}/api/", transport).send(REQUEST, "key", 1)
    assert answer.verdict is Verdict.ACCEPTED
    assert transport.urls == [f"https://{host}/api/v1/contact"]


@pytest.mark.parametrize("host", VENDORS_HOSTS)
def test_vendors_hosts_are_reached_only_with_tls(host: str) -> None:
    with pytest.raises(ValueError, match="must begin with https://"):
        Esputnik(f"http://{host}/api/", Recorder())


@pytest.mark.parametrize(
    "url",
    ["https://example.com/api/", "https://x.api.yespo.io/api/", "https://yespo.io@example.com/api/", "file:///api/"],
)
def test_no_other_host_is_sent_to(url: str) -> None:
    with pytest.raises(ValueError, match="is not one of"):
        Esputnik(url, Recorder())


def test_this_machine_is_reached_without_tls() -> None:
    transport = Recorder()
    Esputnik("http://127.0.0.1:8787/esputnik/api", transport).send(REQUEST, "key", 1)
    assert transport.urls == ["http://127.0.0.1:8787/esputnik/api/v1/contact"]
