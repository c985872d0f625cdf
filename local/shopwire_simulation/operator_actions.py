"""The actions of the shops' engineers during a run. They replace secrets and keys, and replay parked webhooks."""

import random
from collections.abc import Callable

from shopwire.errors import QueueUnavailable, TableUnavailable
from shopwire.models import Shop
from shopwire.stores.entry import key_hash
from shopwire_simulation.api import SimulatedApi
from shopwire_simulation.checkers.observations import ChangeKey
from shopwire_simulation.cloud import Cloud, OnFailure
from shopwire_simulation.faults import FaultSchedule
from shopwire_simulation.scheduler import Invocation, Scheduler
from shopwire_simulation.shops import accounts_of, shop_parameter, with_settings
from shopwire_testkit.durations import HOUR, MINUTE


class Operator:
    """An engineer of all simulated shops.

    Args:
        shops: the shops as their platforms know them. Changed when a secret or key is replaced.
        end: virtual time of the last webhook (UTC milliseconds).
        on_replay: called with the key of each parked change that is replayed.
        on_failure: called if a replay fails for another reason than a store that is down.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        cloud: Cloud,
        api: SimulatedApi,
        faults: FaultSchedule,
        shops: dict[str, Shop],
        end: int,
        on_replay: Callable[[ChangeKey], None],
        on_failure: OnFailure,
    ) -> None:
        self._scheduler = scheduler
        self._cloud = cloud
        self._api = api
        self._faults = faults
        self._shops = shops
        self._accounts = accounts_of(shops)
        self._parameters = dict(shops)
        """The shops as their parameters describe them."""
        self._end = end
        self._on_replay = on_replay
        self._on_failure = on_failure

    def connect_shops(self, rng: random.Random, start: int) -> None:
        """Connect all shops now, and schedule the rotation of their secrets and keys if the run includes it."""
        for id, shop in self._shops.items():
            self._put_shop(shop)
            if self._faults.includes("rotation"):
                self._scheduler.call_at(rng.randrange(start, self._end), lambda id=id: self._rotate_secret(id))  # type: ignore[misc]
                if self._accounts[id] == id:
                    self._scheduler.call_at(rng.randrange(start, self._end), lambda id=id: self._rotate_key(id))  # type: ignore[misc]

    def schedule_replays(self, start: int) -> None:
        """Schedule the replays during the run, and three after the last webhook."""
        self._scheduler.call_at(start + HOUR, self._replay_every_hour)
        for delay in (20 * MINUTE, 22 * MINUTE, 3 * HOUR):
            self._scheduler.call_at(self._end + delay, self._replay_all)

    def _put_shop(self, shop: Shop) -> None:
        self._parameters[shop.id] = shop
        self._api.keys[shop.esputnik_key.get_secret_value()] = self._accounts[shop.id]
        self._cloud.put_shop(shop.id, shop_parameter(shop))

    def _rotate_secret(self, id: str) -> None:
        secrets = (f"{id}-new-secret", self._shops[id].secrets[0])
        self._put_shop(with_settings(self._parameters[id], secrets=secrets))

        def sign_with_new_secret() -> None:
            self._shops[id] = with_settings(self._shops[id], secrets=secrets)

        # The engineer waits until all environments have read the settings.
        self._scheduler.call_later(2 * HOUR, sign_with_new_secret)

    def _rotate_key(self, account: str) -> None:
        """Replace the key of an account in all shops that use it."""
        old_key, new_key = self._shops[account].esputnik_key.get_secret_value(), f"{account}-new-key"
        for id in (id for id, of_shop in self._accounts.items() if of_shop == account):
            self._put_shop(with_settings(self._parameters[id], esputnik_key=new_key))
            self._shops[id] = with_settings(self._shops[id], esputnik_key=new_key)
        self._api.keys.pop(old_key, None)

    def _replay_every_hour(self) -> None:
        if self._scheduler.now < self._end:
            self._scheduler.call_later(HOUR, self._replay_every_hour)
            if self._faults.is_active("replay", self._scheduler.now):
                self._replay_all()
                self._scheduler.call_later(2 * MINUTE, self._replay_all)  # an impatient engineer replays again

    def _replay_all(self) -> None:
        environment = self._cloud.environment()

        def replay() -> None:
            for id in self._shops:
                for parked in environment.parked.list(id):
                    self._on_replay((id, key_hash(parked.message.key)))
                    environment.replay(parked)

        def done(result: object) -> None:
            if isinstance(result, Exception) and not isinstance(result, QueueUnavailable | TableUnavailable):
                self._on_failure("replay", result)

        now = self._scheduler.now
        self._scheduler.invoke(Invocation("replay", now + HOUR, f"replay:{now}"), replay, done)
