"""The engineer of the simulated shops replaces secrets and keys without refusing a webhook."""

import random
from types import SimpleNamespace
from typing import Any

from shopwire_simulation.operator_actions import Operator
from shopwire_simulation.scheduler import Scheduler
from shopwire_simulation.shops import REFERENCE_PLATFORMS, simulated_shops
from shopwire_testkit.durations import HOUR, MINUTE

START = 1_790_000_000_000
SHOP = "sim-shopify-0"


class InOrder(random.Random):
    """Puts each moment a minute after the previous one: first the secret is replaced, then the key."""

    minutes = 0

    def randrange(self, start: int, *_: Any) -> int:
        self.minutes += 1
        return start + self.minutes * MINUTE


def test_key_that_is_replaced_soon_after_a_secret_keeps_the_new_secret() -> None:
    parameters: dict[str, dict[str, Any]] = {}
    shops = {SHOP: simulated_shops(REFERENCE_PLATFORMS)[SHOP]}
    scheduler, api = Scheduler(START), SimpleNamespace(keys={})
    cloud, faults = SimpleNamespace(put_shop=parameters.__setitem__), SimpleNamespace(includes=lambda kind: True)
    unused: Any = None
    operator = Operator(scheduler, cloud, api, faults, shops, START + HOUR, unused, unused)  # type: ignore[arg-type]
    operator.connect_shops(InOrder(), START)
    scheduler.run(START + 3 * HOUR)
    assert parameters[SHOP]["secrets"] == [f"{SHOP}-new-secret", f"{SHOP}-secret"]
    assert shops[SHOP].secrets[0].get_secret_value() == f"{SHOP}-new-secret"
    assert {parameters[SHOP]["esputnik_key"]} == {f"{SHOP}-new-key"} == api.keys.keys()
