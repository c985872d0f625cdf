"""The table of planted bugs: one or two lines each, in the words of the code as it stands. Data only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bug: in which file which text becomes which. `quick`: known to be seen within the first thousand webhooks."""

    name: str
    path: str
    old: str
    new: str
    quick: bool = False


_SHOPWIRE = "shared/shopwire/"
_DIRECT = _SHOPWIRE + "delivery/receive.py"
_WAITING = _SHOPWIRE + "delivery/retry.py"
_CARRYING = _SHOPWIRE + "delivery/handle.py"
_REDACTING = _SHOPWIRE + "delivery/erase.py"
_SENDING = _SHOPWIRE + "delivery/send.py"
_WORK = _SHOPWIRE + "delivery/task.py"
_LEDGER = _SHOPWIRE + "stores/ledger.py"
_ENTRY = _SHOPWIRE + "stores/entry.py"
_PEOPLE = _SHOPWIRE + "stores/contacts.py"
_PAUSES = _SHOPWIRE + "stores/pauses.py"
_OUTBOX = _SHOPWIRE + "stores/outbox.py"
_QUEUE = _SHOPWIRE + "retry_queue.py"
_API = _SHOPWIRE + "esputnik.py"
_ORDERS = _SHOPWIRE + "mapper/orders.py"

PLANTED = (
    # -- keys and claims
    Mutant(
        "a merely pending key is answered as a duplicate",
        _DIRECT,
        "        if work.key in entry.keys:\n            return Outcome(",
        "        if work.key in (*entry.keys, entry.pending and entry.pending.key):\n            return Outcome(",
        quick=True,
    ),
    Mutant(
        "the deduplication id without the fresh attempt",
        _QUEUE,
        "MessageDeduplicationId=uuid.uuid4().hex",
        "MessageDeduplicationId=hashlib.sha256(message.key.encode()).hexdigest()",
        quick=True,
    ),
    Mutant(
        "a ledger key without the shop",
        _ENTRY,
        'return f"{shop}#{entity.kind}#{entity.id}"',
        'return f"{entity.kind}#{entity.id}"',
        quick=True,
    ),
    Mutant(
        "a delivery's key is its topic only",
        _WORK,
        "return key_hash(self.delivery.key)",
        "return key_hash(self.delivery.topic)",
        quick=True,
    ),
    Mutant(
        "the lease stops nobody",
        _LEDGER,
        '"(attribute_not_exists(lease_owner) OR lease_until < :now OR lease_owner = :owner)"',
        '"(attribute_not_exists(lease_owner) OR lease_until > :zero OR lease_owner = :owner)".replace(":zero", ":now")',
        quick=True,
    ),
    Mutant(
        "the lease lasts 5 s whatever the deadline",
        _WAITING,
        "send_until, deadline + LEASE_MARGIN)",
        "send_until, now + 5_000)",
    ),
    Mutant(
        "stale by <= where the claim is refused",
        _ENTRY,
        "later is not None and version < later",
        "later is not None and version <= later",
        quick=True,
    ),
    Mutant(
        "a version equal to what was sent is refused",
        _LEDGER,
        "OR {attribute} <= :version)",
        "OR {attribute} < :version)",
        quick=True,
    ),
    Mutant(
        "a lower version is not refused",
        _LEDGER,
        'fresh += [_not_above("version"), _not_above("attempted_version")]',
        'fresh += [_not_above("attempted_version")]',
        quick=True,
    ),
    Mutant(
        "a version without its rank",
        _SHOPWIRE + "models/change.py",
        "return milliseconds(self.order.updated_at) * 10 + self.order.rank",
        "return milliseconds(self.order.updated_at) * 10",
        quick=True,
    ),
    Mutant(
        "pending does not stop what comes later",
        _LEDGER,
        '            fresh.append("(attribute_not_exists(pending_key) OR pending_until <= :now)")',
        "            pass",
        quick=True,
    ),
    # -- settling and putting away
    Mutant(
        "settled before it is sent",
        _DIRECT,
        "            outcome = self._carrier.carry(work, claim.entry, notes)",
        "            self._ledger.settle(claim, work.version, {}, self._clock())\n"
        "            outcome = self._carrier.carry(work, claim.entry, notes)",
        quick=True,
    ),
    Mutant(
        "the lease is released before pending is set",
        _DIRECT,
        "            self._ledger.release(claim, away, now, last=True)",
        "            self._ledger.release(claim, notes | attempt(work, notes, failure.answer), now)\n"
        "            self._ledger.mark_pending(work.shop.id, work.entity, work.key, now)",
    ),
    Mutant(
        "pending is cleared at the claim",
        _LEDGER,
        '                    "lease_version": version,\n                },\n                once=',
        '                    "lease_version": version,\n                    "pending_key": None,\n                },\n                once=',
    ),
    Mutant(
        "what the API took is not kept on a failure",
        _DIRECT,
        "away = notes | attempt(work, notes, failure.answer)",
        "away = attempt(work, notes, failure.answer)",
        quick=True,
    ),
    Mutant(
        "what the API took is not kept on a failure of a retry",
        _WAITING,
        "        self._ledger.release(claim, notes, now)\n        return Wait(max(",
        '        self._ledger.release(claim, {k: v for k, v in notes.items() if k != "known"}, now)\n        return Wait(max(',
    ),
    Mutant(
        "known is noted before its event is sent",
        _CARRYING,
        '            self.sender.send(work, step.request)\n            notes["known"] = _known(step.known)',
        '            notes["known"] = _known(step.known)\n            self.sender.send(work, step.request)',
        quick=True,
    ),
    Mutant(
        "pending is not cleared when its key is settled",
        _LEDGER,
        "if claim.from_queue and entry.pending and entry.pending.key == settled:",
        "if claim.from_queue and entry.pending and not settled:",
        quick=True,
    ),
    Mutant(
        "a change of which a part was taken is not noted as attempted",
        _DIRECT,
        'if work.version is None or not (unanswered or "known" in notes):',
        "if work.version is None or not unanswered:",
    ),
    Mutant(
        "a guest's order takes the customer's id from him",
        _SENDING,
        "if own.customer_id or met <= people.met:",
        "if own.customer_id or met is not None:",
    ),
    Mutant(
        "the ledger's failure to settle is taken for done",
        _DIRECT,
        'if notes or outcome.status == "delivered":',
        'if notes and outcome.status == "duplicate":',
    ),
    Mutant(
        "the ledger does not answer and it is dropped",
        _DIRECT,
        "        try:\n            self._queue.put(work.message, work.entity_key)\n"
        "        except (QueueDown, MessageTooLarge):\n            raise Unavailable from None\n"
        '        return Outcome("queued", reason)',
        '        return Outcome("queued", reason)',
        quick=True,
    ),
    # -- queue and outbox
    Mutant(
        "SendMessage's failure is answered 200",
        _DIRECT,
        "            return self._put_in_outbox(work, message, reason, spare=True)",
        '            return Outcome("queued", reason)',
    ),
    Mutant(
        "followers are left out of batchItemFailures",
        _WAITING,
        '            wait = Wait(0, "follows one that waits") if group in stopped else self._one(record, owner, deadline)',
        "            if group in stopped:\n                continue\n            wait = self._one(record, owner, deadline)",
        quick=True,
    ),
    Mutant(
        "a waiting message does not stop its group",
        _WAITING,
        "                stopped.add(group)\n",
        "",
    ),
    Mutant(
        "a group a message instead of an entity",
        _QUEUE,
        "hashlib.sha256(entity.encode())",
        "hashlib.sha256(text.encode())",
    ),
    Mutant(
        "the ledger's outage drops what is retried",
        _WAITING,
        "            return Wait(self._policy.backoff(received, begun - message.waits_since), type(error).__name__)",
        "            return None",
        quick=True,
    ),
    Mutant(
        "the outbox in no order",
        _OUTBOX,
        'sort_key = f"{message.shop}#{entity_key}#{turn}#{uuid.uuid4().hex[:8]}"',
        'sort_key = f"{message.shop}#{entity_key}#{uuid.uuid4().hex}"',
        quick=True,
    ),
    Mutant(
        "what is in the outbox is forgotten before the queue has it",
        _WAITING,
        "            self._queue.put(unpack(waiting.packed), waiting.entity_key)",
        "            self._outbox.remove(waiting)\n            self._queue.put(unpack(waiting.packed), waiting.entity_key)",
    ),
    # -- the API's answers
    Mutant(
        "a read time-out counts as sent",
        _API,
        "return Answer(Verdict.UNANSWERED)",
        "return Answer(Verdict.ACCEPTED)",
        quick=True,
    ),
    Mutant(
        "a 5xx counts as a refusal for good",
        _API,
        "if status >= 500 or status < 400 or status in (408, 425):",
        "if status < 400 or status in (408, 425):",
        quick=True,
    ),
    Mutant(
        "a wrong key counts as a refusal for good",
        _API,
        "if status in (401, 403):",
        "if status in (403,):",
        quick=True,
    ),
    Mutant(
        "a 400 is tried again for ever",
        _API,
        "    return Verdict.REJECTED",
        "    return Verdict.LATER",
        quick=True,
    ),
    Mutant(
        "an order's contact is noted before the API took it",
        _SENDING,
        "            self.send(work, contact_request(own))\n            met = self.remember(",
        "            self.remember(work, own, born)\n            self.send(work, contact_request(own))\n            met = self.remember(",
        quick=True,
    ),
    Mutant(
        "an event goes before its contact",
        _CARRYING,
        "        self.sender.introduce(work, order.contact, people, born)\n        for step in plan:",
        "        for step in plan:",
        quick=True,
    ),
    Mutant(
        "an order's word of a customer outlives his own",
        _SENDING,
        "            if self.people.dispel_doubt(shop, recorded):\n                return",
        "            self.people.dispel_doubt(shop, recorded)\n            return",
    ),
    # -- pauses and ages
    Mutant(
        "a pause never ends",
        _PAUSES,
        'condition="until = :until"',
        'condition="until > :until"',
        quick=True,
    ),
    Mutant(
        "the max age is ignored",
        _WAITING,
        "too_old = now - message.waits_since > self._policy.age_limit(work.entity.kind)",
        "too_old = False",
    ),
    # -- carts, facts, people
    Mutant(
        "a queued cart is sent after its purchase",
        _CARRYING,
        "        if entry.converted:",
        "        if entry.converted and not entry.known:",
        quick=True,
    ),
    Mutant(
        "a visit does not name its cart's owner",
        _CARRYING,
        "            self.ledger.record_cart_contact(work.shop.id, cart, people.name, now)",
        "            pass",
        quick=True,
    ),
    Mutant(
        "a stranger's word for who the visitor is counts",
        _SHOPWIRE + "platforms/storefront/__init__.py",
        "        if not same(visit.signature",
        "        if visit.signature is None and not same(visit.signature",
        quick=True,
    ),
    Mutant(
        "a visit that waited is read as a webhook of the shop's platform",
        _WORK,
        "return platforms.get(message.platform or shop.platform)",
        "return platforms.get(shop.platform)",
        quick=True,
    ),
    Mutant(
        "a snapshot undoes a delivered fact",
        _CARRYING,
        "snapshot.with_facts(frozenset(entry.arrived), deleted=deleted)",
        "snapshot.with_facts(frozenset(), deleted=deleted)",
        quick=True,
    ),
    Mutant(
        "a snapshot on its way since before undoes a deletion",
        _CARRYING,
        "return milliseconds(order.updated_at) <= entry.deleted_at",
        "return False",
    ),
    Mutant(
        "the tombstone is not checked by what waited",
        _CARRYING,
        "        people = self.sender.people.find(work.shop.id, contact)\n        if people.forgotten(born):",
        "        people = self.sender.people.find(work.shop.id, contact)\n"
        "        if people.forgotten(born) and self.clock() - work.received_at < 5_000:",
    ),
    Mutant(
        "a redaction forgets the outbox",
        _REDACTING,
        "            if _is_about(change, found, waiting.packed,",
        "            if not waiting.packed and _is_about(change, found, waiting.packed,",
    ),
    Mutant(
        "recycleStateId without the version",
        _SHOPWIRE + "mapper/carts.py",
        "parts = (cart.token, str(milliseconds(cart.updated_at)), cart_content(cart))",
        "parts = (cart.token, cart_content(cart))",
        quick=True,
    ),
    # -- what is said
    Mutant(
        "the body is logged on a parse error",
        _DIRECT,
        "[(None, self._unreadable(message, str(error)))]",
        '[(None, self._unreadable(message, f"{error}: {webhook.body!r}"))]',
        quick=True,
    ),
    Mutant(
        "a person's address is the key of his item",
        _PEOPLE,
        "        return _person(shop, digest.hexdigest()[:32])",
        "        return _person(shop, digest.hexdigest()[:2] + identity)",
        quick=True,
    ),
    Mutant(
        "date is the time of sending",
        _ORDERS,
        '("date", order.created_at.isoformat()),',
        '("date", order.created_at.now(order.created_at.tzinfo).isoformat()),',
        quick=True,
    ),
    Mutant(
        "money by float",
        _SHOPWIRE + "mapper/params.py",
        "return amount.quantize(quantum, rounding=ROUND_HALF_UP)",
        "return Decimal(float(amount)).quantize(quantum, rounding=ROUND_HALF_UP)",
        quick=True,
    ),
    Mutant(
        "any signature holds",
        _SHOPWIRE + "platforms/base.py",
        "for one in expected) > 0",
        "for one in expected) >= 0",
        quick=True,
    ),
    Mutant(
        "settings that cannot be read are an unknown shop",
        _SHOPWIRE + "shops.py",
        "            raise SettingsDown(type(error).__name__) from None",
        "            raise UnknownShop from None",
        quick=True,
    ),
)
