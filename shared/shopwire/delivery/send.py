"""One request to the API within the time budget of its task. This is the only caller of `esputnik`."""

from shopwire.delivery.circuit import Circuit
from shopwire.delivery.task import Clock, Task
from shopwire.errors import PermanentFailure, RetryLater
from shopwire.esputnik import Answer, Esputnik, Verdict
from shopwire.mapper import ApiRequest
from shopwire.models import Reason, ViewChange
from shopwire.shops import Shops

MAX_ANSWER_MS = 10_000
"""The longest time that the API's answer is waited for, whatever time is left."""
# A request is not sent if less time than this is left for its answer.
_MIN_ANSWER_MS = 200
# For a minute after a request the API answers 409 to the same one.
_REPEATED_WAIT_MS = 61_000

_REASONS = {
    Verdict.UNANSWERED: Reason.API_NO_ANSWER,
    Verdict.UNAUTHORIZED: Reason.API_UNAUTHORIZED,
    Verdict.THROTTLED: Reason.API_THROTTLED,
    Verdict.LATER: Reason.API_FAILED,
    Verdict.REPEATED: Reason.API_REPEATED,
}


class Sender:
    """Sends requests, and tells the shop's circuit breaker which were accepted."""

    def __init__(self, api: Esputnik, shops: Shops, circuit: Circuit, clock: Clock) -> None:
        self._api = api
        self._shops = shops
        self._circuit = circuit
        self._clock = clock

    def send(self, task: Task, request: ApiRequest) -> Answer:
        """Send one request. Return the answer only if the API accepted it.

        Raises:
            RetryLater: no time is left, no answer came, or the answer is an error that time heals.
            PermanentFailure: the API refused the request for good.
        """
        answer = self._send(task, request, task.shop.esputnik_key.get_secret_value())
        if answer.verdict is Verdict.UNAUTHORIZED:
            # The key may have been replaced after the settings were read.
            current = self._shops.reread(task.shop.id)
            if current and current.esputnik_key != task.shop.esputnik_key:
                answer = self._send(task, request, current.esputnik_key.get_secret_value())
        # The previous attempt got no answer, and now the API says that it has the request. But after a view it may mean
        # another view of the same page.
        is_view = isinstance(task.change, ViewChange) and request.event_type is not None
        was_accepted = answer.verdict is Verdict.REPEATED and task.unanswered == request.digest and not is_view
        if not was_accepted and answer.verdict is not Verdict.ACCEPTED:
            raise _failure(request, answer)
        self._circuit.record_success(task.shop.id)
        return answer

    def _send(self, task: Task, request: ApiRequest, key: str) -> Answer:
        left_ms = task.send_until - self._clock()
        if left_ms < _MIN_ANSWER_MS:
            raise RetryLater(Reason.NO_TIME_LEFT)
        return self._api.send(request, key, min(left_ms, MAX_ANSWER_MS) / 1000)


def _failure(request: ApiRequest, answer: Answer) -> RetryLater | PermanentFailure:
    path = request.path.partition("?")[0]
    if answer.verdict is Verdict.REJECTED:
        listed = {"params": ", ".join(answer.listed_params)} if answer.listed_params else {}
        problem = {"problem": answer.problem} if answer.problem else {}
        return PermanentFailure(Reason.API_REJECTED, http_status=answer.status, path=path, **listed, **problem)
    details: dict[str, str | int] = {"http_status": answer.status} if answer.status else {}
    if answer.verdict is Verdict.UNAUTHORIZED:
        details["path"] = path  # the key may have the rights for events and not those for contacts
    wait_ms = _REPEATED_WAIT_MS if answer.verdict is Verdict.REPEATED else int((answer.retry_after_seconds or 0) * 1000)
    return RetryLater(_REASONS[answer.verdict], answer=answer, wait_ms=wait_ms, request=request.digest, **details)
