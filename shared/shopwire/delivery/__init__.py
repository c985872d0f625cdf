"""The one way from a change to the API, used by every function: claim, send, settle, or put away and try again.

- `work`: one change on its way, and what may become of it.
- `sending`: requests within a time budget, contact first; who is to blame when one fails.
- `carrying`: what each kind of change does while its entity's lease is held.
- `redacting`: a wish to be forgotten, and what waits of who is to be forgotten.
- `direct`: the way of a webhook that just came (function `webhook`).
- `waiting`: the way of one that waited (function `retry`), and of what waits in the outbox (function `upkeep`).
"""

from shopwire.delivery.receive import Direct, Unavailable
from shopwire.delivery.retry import Consumer, Mover
from shopwire.delivery.task import Outcome

__all__ = ["Consumer", "Direct", "Mover", "Outcome", "Unavailable"]
