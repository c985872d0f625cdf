"""What the inspector does when a form is posted. Only `shopwire dev` has these actions."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from shopwire import platforms
from shopwire.environment import now
from shopwire.models import Shop
from shopwire.platforms.base import Platform
from shopwire.stores.parked import received_at_of
from shopwire_inspector.data_source import Actions, DataSource, Posted
from shopwire_inspector.faults import PARTS
from shopwire_inspector.journal import Journal
from shopwire_inspector.list_page import ListPage, parse_filter
from shopwire_inspector.recorded import RecordedWebhook
from shopwire_inspector.resend import destruction, preview_view, resendable, topic_of
from shopwire_inspector.responses import HEADERS, HttpError, parse_number, redirect
from shopwire_inspector.views import last_exchanges
from shopwire_testkit.fresh import NotRefreshable, refresh
from shopwire_wsgi import StartResponse, respond_json

Form = Mapping[str, str]

_MAX_FAULT_SECONDS = 1_000_000
_MAX_BULK = 1_000
"""The number of webhooks that are resent or replayed at once, at most."""


class Posts:
    """The actions.

    Args:
        render: renders a template as a page.
    """

    def __init__(
        self, journal: Journal, source: DataSource, list_page: ListPage, render: Callable[..., Iterable[bytes]]
    ) -> None:
        self._journal = journal
        self._source = source
        self._list = list_page
        self._render = render

    def act(self, parts: Sequence[str], form: Form, start_response: StartResponse) -> Iterable[bytes]:
        """Do what the form at this path asks for. With the field `json`, respond with JSON instead of a redirect.

        Raises:
            HttpError, TableUnavailable, QueueUnavailable, SettingsUnavailable, MessageTooLarge.
        """
        actions = self._source.actions
        if actions is None:
            raise HttpError(
                403, "The inspector of a deployed stack is read-only. Use `shopwire parked replay --stack` to replay."
            )
        match parts:
            case ["send"]:
                return self._send(actions, form, start_response)
            case ["scenario"]:
                return self._play(actions, form, start_response)
            case ["replay"]:
                return self._replay_matching(actions, form, start_response)
            case ["resend"]:
                return self._resend_matching(actions, form, start_response)
            case ["webhooks", id, action] if webhook := self._journal.get(parse_number(id) or 0):
                return self._act_on_webhook(actions, webhook, action, form, start_response)
            case ["faults"]:
                return self._set_fault(actions, form, start_response)
            case ["faults", "clear"]:
                for part in actions.modes:
                    actions.set_fault(part, "ok", None)
                return redirect(start_response, "/inspect/faults")
            case ["parked", id, "replay"] if actions.replay(id):
                webhook = self._journal.find_by_time(id.partition(".")[0], received_at_of(id))
                target = f"/inspect/webhooks/{webhook.id}" if webhook else "/inspect/parked?queued="
                return redirect(start_response, target)
        raise HttpError(404, "There is no such action, or the webhook is not parked any more.")

    def _send(self, actions: Actions, form: Form, start_response: StartResponse) -> Iterable[bytes]:
        name = form.get("sample", "")
        platform, _, topic = name.partition(" ")
        topic = topic.partition("--")[0]
        if platform in platforms.NAMES and (question := destruction(platform, topic)) and "confirmed" not in form:
            return self._ask(question, "/inspect/send", form, start_response)
        try:
            posted = actions.send(name, fresh="fresh" in form)
        except KeyError:
            raise HttpError(400, "There is no such sample.") from None
        except NotRefreshable as error:
            raise HttpError(400, f"Send the sample as it is: {error}.") from None
        return self._answer([posted], form, start_response)

    def _play(self, actions: Actions, form: Form, start_response: StartResponse) -> Iterable[bytes]:
        try:
            posted = actions.play(form.get("platform", ""), form.get("scenario", ""))
        except KeyError:
            raise HttpError(400, "There is no such scenario.") from None
        return self._answer(posted, form, start_response)

    def _act_on_webhook(
        self, actions: Actions, webhook: RecordedWebhook, action: str, form: Form, start_response: StartResponse
    ) -> Iterable[bytes]:
        if action == "try":
            actions.try_now(webhook.shop)
            return redirect(start_response, f"/inspect/webhooks/{webhook.id}")
        found = resendable(self._source, webhook)
        request = webhook.request
        if found is None or request is None or request.body is None:
            raise HttpError(404, "This webhook cannot be sent again: its body or the settings of its shop are missing.")
        shop, platform = found
        if action == "repeat":
            return self._answer([actions.repeat(request.target, request.headers, request.body)], form, start_response)
        topic, body = self._edited(webhook, platform, form)
        match action:
            case "preview":
                view = preview_view(self._source, shop, platform, topic, body, last_exchanges(webhook))
                return respond_json(start_response, 200, view, HEADERS)
            case "resend":
                if (question := destruction(platform.name, topic)) and "confirmed" not in form:
                    return self._ask(question, f"/inspect/webhooks/{webhook.id}/resend", form, start_response)
                return self._answer([actions.post(shop, platform.name, topic, body)], form, start_response)
        raise HttpError(404, "There is no such action.")

    def _edited(self, webhook: RecordedWebhook, platform: Platform, form: Form) -> tuple[str, bytes]:
        """Return the topic and the body to send: those of the form, otherwise the webhook's own."""
        assert webhook.request is not None
        topic = form.get("topic") or topic_of(platform, webhook)
        body = webhook.request.body or b""
        if "body" in form:
            # A browser ends the lines of a form with CR LF. What was not edited keeps its bytes.
            body = form["body"].replace("\r\n", "\n").encode("utf-8", "surrogatepass")
        if "fresh" in form:
            try:
                body = refresh(body, platform.sample_fields, now())
            except NotRefreshable as error:
                raise HttpError(400, f"It cannot get new ids and dates: {error}.") from None
        return topic, body

    def _replay_matching(self, actions: Actions, form: Form, start_response: StartResponse) -> Iterable[bytes]:
        ids = self._list.parked_ids(parse_filter(form))[:_MAX_BULK]
        if "confirmed" not in form:
            question = f"Replay {_count(len(ids), 'parked webhook')} that the filter shows?"
            return self._ask(question, "/inspect/replay", form, start_response, count=len(ids))
        replayed = sum(actions.replay(id) for id in ids)
        return _done(f"{_count(replayed, 'webhook')} replayed", form, start_response)

    def _resend_matching(self, actions: Actions, form: Form, start_response: StartResponse) -> Iterable[bytes]:
        webhooks = [
            (webhook, *found)
            for webhook in reversed(self._list.matching(parse_filter(form), _MAX_BULK))
            if (found := resendable(self._source, webhook))
        ]
        if "confirmed" not in form:
            question = f"Send {_count(len(webhooks), 'webhook')} that the filter shows again, oldest first?"
            if any(self._destroys(*each) for each in webhooks):
                question += " Some of them delete or erase something."
            return self._ask(question, "/inspect/resend", form, start_response, count=len(webhooks))
        for webhook, shop, platform in webhooks:
            body = webhook.request.body if webhook.request else None
            if body is not None:
                actions.post(shop, platform.name, topic_of(platform, webhook), body)
        return _done(f"{_count(len(webhooks), 'webhook')} sent again", form, start_response)

    def _destroys(self, webhook: RecordedWebhook, shop: Shop, platform: Platform) -> bool:
        return destruction(platform.name, topic_of(platform, webhook)) is not None

    def _answer(self, posted: Sequence[Posted], form: Form, start_response: StartResponse) -> Iterable[bytes]:
        """Respond with what became of the posted webhooks, or open the page of the only one."""
        if "json" in form:
            return respond_json(start_response, 200, {"sent": [self._sent(each) for each in posted]}, HEADERS)
        opens_page = len(posted) == 1 and posted[0].webhook and "sample" not in form
        return redirect(start_response, f"/inspect/webhooks/{posted[0].webhook}" if opens_page else "/")

    def _sent(self, posted: Posted) -> dict[str, Any]:
        webhook = self._journal.get(posted.webhook or 0)
        about = {"shop": webhook.shop, "entity": webhook.entity} if webhook else {}
        return {"status": posted.status, "body": posted.body, "webhook": posted.webhook, **about}

    def _set_fault(self, actions: Actions, form: Form, start_response: StartResponse) -> Iterable[bytes]:
        part, mode = form.get("part", ""), form.get("mode", "")
        seconds = parse_number(form.get("seconds", ""))
        if part not in actions.modes or mode not in PARTS[part][1]:
            raise HttpError(400, "There is no such part or fault mode.")
        if seconds is not None and seconds > _MAX_FAULT_SECONDS:
            raise HttpError(400, f"A fault lasts at most {_MAX_FAULT_SECONDS} seconds.")
        actions.set_fault(part, mode, seconds)
        return redirect(start_response, "/inspect/faults")

    def _ask(
        self, question: str, action: str, form: Form, start_response: StartResponse, *, count: int = 1
    ) -> Iterable[bytes]:
        """Respond with a question. The same form with the field `confirmed` answers it."""
        if "json" in form:
            return respond_json(start_response, 200, {"question": question, "count": count}, HEADERS)
        view: dict[str, Any] = {"question": question, "action": action, "form": dict(form), "count": count}
        return self._render(start_response, "confirm.html", view)


def _done(text: str, form: Form, start_response: StartResponse) -> Iterable[bytes]:
    if "json" in form:
        return respond_json(start_response, 200, {"done": text}, HEADERS)
    query = urlencode(parse_filter(form).query)
    return redirect(start_response, f"/?{query}" if query else "/")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
