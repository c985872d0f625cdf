"""HTTP to shopwire itself, on this machine or deployed. Not the API's client: that is shopwire.esputnik."""

from collections.abc import Mapping

import requests

from shopwire_cli.errors import CommandError, UserError

_SECONDS = 30


def call(method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> requests.Response:
    """The answer, whatever it says.

    Raises:
        UserError: the address is none.
        CommandError: nobody answers there.
    """
    try:
        return requests.request(method, url, headers=dict(headers or {}), data=body, timeout=_SECONDS)
    except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema):
        raise UserError(f"--url: {url} is no address") from None
    except requests.exceptions.InvalidHeader:
        raise UserError("TOPIC: not a word that a header can carry") from None
    except requests.Timeout:
        raise CommandError(f"{url} did not answer within {_SECONDS} s") from None
    except requests.RequestException:
        raise CommandError(f"nobody answers at {url}: is `shopwire dev` running there?") from None
