"""`shopwire send`: a body, signed as the platform would sign it, posted to a running shopwire."""

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from shopwire import platforms
from shopwire.models import Shop
from shopwire.shops import BadSettings, parse_shop
from shopwire_cli.errors import UserError
from shopwire_cli.web import call
from shopwire_dev.demo_shops import demo_settings, read_settings
from shopwire_testkit.fresh import refresh, sign_visit
from shopwire_testkit.samples import Sample, samples

# A shop of any platform has a storefront; the samples' people are signed with this one's secret.
_STOREFRONT, _STOREFRONT_SHOP = "storefront", "demo-shopify"

Call = tuple[Mapping[str, str], bytes]

# What a platform sends without a signature, to see whether the URL is there.
_PINGS: dict[tuple[str, str], Call] = {
    ("woocommerce", "ping"): ({"content-type": "application/x-www-form-urlencoded"}, b"webhook_id=1"),
}


def run(options: argparse.Namespace) -> int:
    """Send, or list what could be sent."""
    if options.platform and options.platform not in platforms.NAMES:
        raise UserError(f"no platform {options.platform!r}: one of {', '.join(platforms.NAMES)}")
    if options.list:
        return _list(
            [options.platform]
            if options.platform
            else [*(shop["platform"] for shop in demo_settings().values()), _STOREFRONT]
        )
    if not options.topic:
        raise UserError("PLATFORM and TOPIC are needed; --list lists what there is")
    shop = _shop(options)
    way = "storefront" if options.platform == _STOREFRONT else "webhooks"
    url = f"{options.url.rstrip('/')}/{way}/{shop.id}"
    code = 0
    for headers, body in _calls(options, shop):
        answer = call("POST", url, headers, body)
        print(answer.text.strip(), flush=True)
        if not 200 <= answer.status_code < 300:
            print(f"shopwire send: HTTP {answer.status_code} {answer.reason}", file=sys.stderr)
            code = 1
    return code


def _shop(options: argparse.Namespace) -> Shop:
    id = options.shop or (_STOREFRONT_SHOP if options.platform == _STOREFRONT else f"demo-{options.platform}")
    try:
        settings = demo_settings() | (read_settings(options.shops) if options.shops else {})
        if id not in settings:
            raise UserError(
                f"no shop {id!r}: one of {', '.join(settings)}" + ("" if options.shops else ", or --shops FILE")
            )
        shop = parse_shop(id, settings[id])
    except BadSettings as error:
        raise UserError(f"--shops: {error}") from None
    if options.platform not in (shop.platform, _STOREFRONT):
        raise UserError(f"shop {id} is one of {shop.platform}'s")
    return shop


def _calls(options: argparse.Namespace, shop: Shop) -> Iterator[Call]:
    ping = _PINGS.get((options.platform, options.topic))
    if ping and options.file is None:
        yield from [ping] * options.count
        return
    topic, body = _topic_and_body(options)
    if options.platform == _STOREFRONT:
        body = sign_visit(body, shop)
    platform = platforms.get(options.platform)
    for number in range(options.count):
        # One delivery repeated has the same headers, its id among them; only a fresh one is signed anew.
        if options.fresh or not number:
            now = time.time_ns() // 1_000_000
            sent = _refreshed(body, now, number) if options.fresh else body
            headers = {"content-type": "application/json"} | {
                name.lower(): value for name, value in platform.sign(topic, sent, shop, now).items()
            }
        yield headers, sent


def _refreshed(body: bytes, now: int, number: int) -> bytes:
    try:
        return refresh(body, now, number)
    except ValueError:
        raise UserError("--fresh: the body is no JSON object") from None


def _list(names: list[str]) -> int:
    for name in names:
        for sample in samples(name):
            print(f"{name} {sample.name}")
    for name, topic in _PINGS:
        if name in names:
            print(f"{name} {topic}")
    return 0


def _topic_and_body(options: argparse.Namespace) -> tuple[str, bytes]:
    if options.file is None:
        sample = _sample(options.platform, options.topic)
        return sample.topic, sample.body
    try:
        return options.topic, sys.stdin.buffer.read() if options.file == "-" else Path(options.file).read_bytes()
    except OSError as error:
        raise UserError(f"{options.file}: {error.strerror}") from None


def _sample(platform: str, name: str) -> Sample:
    ours = samples(platform)
    found = next((one for one in ours if one.name == name), None) or next(
        (one for one in ours if one.topic == name), None
    )
    if found is None:
        raise UserError(f"no sample of {name!r}: shopwire send {platform} --list lists them; or give a FILE")
    return found
