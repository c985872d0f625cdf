"""HTTP requests to shopwire itself, local or deployed. The client of the API is shopwire.esputnik."""

from collections.abc import Mapping

import requests
from urllib3.exceptions import LocationParseError

from shopwire_cli.errors import CommandError, UserError

_TIMEOUT_SECONDS = 30


def send_request(
    method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> requests.Response:
    """Send a request and return the response, whatever its status.

    Raises:
        UserError: the URL is not an address, or a header contains characters that HTTP does not allow.
        CommandError: no server answers there.
    """
    try:
        return requests.request(method, url, headers=dict(headers or {}), data=body, timeout=_TIMEOUT_SECONDS)
    except (
        requests.exceptions.InvalidURL,
        requests.exceptions.MissingSchema,
        requests.exceptions.InvalidSchema,
        LocationParseError,  # requests lets it pass for some host names
    ):
        raise UserError(f"--url: {url} is not an address: write it like http://127.0.0.1:8787") from None
    except (requests.exceptions.InvalidHeader, UnicodeEncodeError):
        raise UserError("TOPIC: it contains characters that an HTTP header cannot carry") from None
    except requests.Timeout:
        raise CommandError(f"{url} did not answer within {_TIMEOUT_SECONDS} s: try again") from None
    except requests.RequestException:
        raise CommandError(f"no answer from {url}: start `shopwire dev`, or set --url to where it listens") from None
