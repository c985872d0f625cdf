"""The webhooks that `shopwire send` posts: our samples, scenarios or a file, signed with the secret of a shop."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from shopwire import platforms
from shopwire.errors import BadSettings
from shopwire.models import Shop
from shopwire.platforms.base import Platform
from shopwire.shops import parse_shop
from shopwire_cli.errors import UserError
from shopwire_cli.files import read_file
from shopwire_cli.suggestions import did_you_mean
from shopwire_dev.demo_shops import demo_settings, read_settings
from shopwire_testkit.fetched import asked_answers
from shopwire_testkit.fresh import NotRefreshable, refresh_with_answers
from shopwire_testkit.samples import Sample, samples, signed_webhook
from shopwire_testkit.scenarios import SCENARIOS, plan, scenarios_of


@dataclass(frozen=True, slots=True)
class Call:
    """A POST, and what the platform's API has to answer for it.

    Args:
        answers: host and path -> the body; None for a thing that does not exist. Empty if the body carries the state.
    """

    headers: Mapping[str, str]
    body: bytes
    answers: Mapping[str, str | None] = field(default_factory=dict)


# A shop of every platform has a storefront. Its samples go to this shop unless the user names another.
_STOREFRONT_SHOP = f"demo-{platforms.OF_SHOPS[0]}"


def list_samples(platform: str | None) -> Iterator[str]:
    """Yield the arguments of `shopwire send` for each sample, of one platform or of all."""
    names = [platform] if platform else platforms.NAMES
    for name in names:
        for sample in samples(name):
            yield f"{name} {sample.name}"
    for name in names:
        if ping := platforms.get(name).ping:
            yield f"{name} {ping.topic}"


def find_shop(platform: str, id: str | None, shops_file: str | None) -> Shop:
    """Return the shop to which the webhooks go.

    Args:
        id: its id; None for the demo shop of the platform.
        shops_file: a TOML file with more shops than the demo shops; None for none.

    Raises:
        UserError: there is no such shop, it is on another platform, or the file is wrong.
    """
    id = id or (f"demo-{platform}" if platform in platforms.OF_SHOPS else _STOREFRONT_SHOP)
    try:
        settings = demo_settings() | (read_settings(shops_file) if shops_file else {})
        if id not in settings:
            hint = "" if shops_file else "; your own shops: --shops FILE"
            raise UserError(
                f"there is no shop {id!r}{did_you_mean(id, settings)}: choose one of {', '.join(settings)}{hint}"
            )
        shop = parse_shop(id, settings[id])
    except BadSettings as error:
        raise UserError(f"--shops: {error}") from None
    if platform in platforms.OF_SHOPS and platform != shop.platform:
        raise UserError(f"shop {id} belongs to {shop.platform}, not to {platform}: choose another with --shop")
    return shop


def path_of(platform: str, shop: Shop) -> str:
    """Return the path of the URL to which the shop's webhooks go."""
    return f"/{platforms.get(platform).endpoint}/{shop.id}"


def signed_calls(
    platform_name: str, topic: str, shop: Shop, *, file: str | None, count: int, fresh: bool | None
) -> Iterator[Call]:
    """Yield the calls to post.

    Args:
        topic: a topic; for our samples also the name of one, such as orders/updated--refunded.
        file: path of the body, "-" for stdin, None for our sample.
        count: number of calls.
        fresh: make each call a new event with the current time. Otherwise one delivery is repeated, with the same
            headers. None: repeat our sample as one new event, or the file as it is.

    Raises:
        UserError: there is no such sample, or the file cannot be used.
    """
    platform = platforms.get(platform_name)
    ping = platform.ping
    if ping and ping.topic == topic and file is None:
        yield from [Call(ping.headers, ping.body)] * count
        return
    answers: Mapping[str, bytes | None] = {}
    if file is None:
        sample = _find_sample(platform_name, topic)
        topic, body, answers = sample.topic, sample.body, sample.answers
    else:
        body = read_file(file)
    if not fresh:
        now = _now()
        if fresh is None and file is None:
            with suppress(NotRefreshable):  # a sample that names no entity is always a new event
                body, answers = refresh_with_answers(body, answers, platform.sample_fields, now)
        yield from [_sign(platform, topic, body, answers, shop, now)] * count
        return
    for number in range(count):
        now = _now()
        try:
            fresh_body, fresh_answers = refresh_with_answers(body, answers, platform.sample_fields, now, number)
        except NotRefreshable as error:
            raise UserError(f"--fresh: {error}") from None
        yield _sign(platform, topic, fresh_body, fresh_answers, shop, now)


def scenario_calls(platform: str, name: str, shop: Shop) -> Iterator[tuple[str, Call, int]]:
    """Yield the path and the call of each webhook of a scenario, and how often it is posted at the same moment.

    Raises:
        UserError: the platform has no such scenario.
    """
    _check_scenario(name, [scenario.name for scenario in scenarios_of(platform)])
    for webhook in plan(platform, name, now := _now()):
        adapter = platforms.get(webhook.platform)
        call = _sign(adapter, webhook.topic, webhook.body, webhook.answers, shop, now)
        _pause(webhook.pause_seconds)
        yield path_of(webhook.platform, shop), call, webhook.copies


def platforms_with(scenario: str) -> list[str]:
    """Return the platforms that have a scenario.

    Raises:
        UserError: there is no such scenario.
    """
    _check_scenario(scenario, [known.name for known in SCENARIOS])
    return [name for name in platforms.OF_SHOPS if scenario in {known.name for known in scenarios_of(name)}]


def _check_scenario(name: str, known: Sequence[str]) -> None:
    """Raise UserError if `name` is none of the known scenarios."""
    if not known:
        raise UserError(f"no scenario is of this platform: choose one of {', '.join(platforms.OF_SHOPS)}")
    if name not in known:
        raise UserError(f"there is no scenario {name!r}{did_you_mean(name, known)}: choose one of {', '.join(known)}")


def _find_sample(platform: str, name: str) -> Sample:
    available = samples(platform)
    for sample in available:
        if sample.name == name:
            return sample
    for sample in available:
        if sample.topic == name:
            return sample
    guess = did_you_mean(name, [*(sample.name for sample in available), *platforms.get(platform).topic_names()])
    raise UserError(f"no sample {name!r}{guess}: `shopwire send {platform} --list` lists the samples; or pass a FILE")


def _sign(
    platform: Platform, topic: str, body: bytes, answers: Mapping[str, bytes | None], shop: Shop, now: int
) -> Call:
    webhook = signed_webhook(platform, topic, body, shop, now)
    asked = asked_answers(platform, webhook, shop, answers)
    return Call({"content-type": "application/json", **webhook.headers}, webhook.body, asked)


def _pause(seconds: float) -> None:
    time.sleep(seconds)


def _now() -> int:
    """UTC milliseconds."""
    return time.time_ns() // 1_000_000
