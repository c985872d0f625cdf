"""The only way from a change to the API: decide, claim, send, settle; otherwise defer and try again.

- `task`: one change to be delivered, and its possible outcomes. `reasons`: why.
- `decide`: what follows from a change and the ledger entry. Pure.
- `handle`: executes a decision while the lease is held.
- `send`, `contacts`, `circuit`: requests within a time budget, contacts that events need, failures and pauses of a
  shop.
- `defer`, `parking`: everything that makes a webhook wait, or hands it to a person.
- `erase`: erasure requests.
- `receive`, `retry`, `drain_outbox`: the work of the functions `webhook`, `retry` and `upkeep`. `replay`: of a parked
  webhook.
"""
