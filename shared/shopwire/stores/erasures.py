"""The erasure requests that were executed, so that the same request sent again is not executed again.

A request says no time, and its signature is valid for ever, so a record has no time to live. It holds nothing of the
person: its key is a keyed hash of the signed body, and its only value is the key of the delivery that was executed.
"""

import hashlib
import hmac

from shopwire.stores.table import Key, Table


class ErasureStore:
    """Reads and writes the records. Every method except `prefix` may raise TableUnavailable.

    Args:
        hash_key: the stack's own key, so that the hashes mean nothing elsewhere.
    """

    def __init__(self, table: Table, hash_key: str) -> None:
        self._table = table
        self._hash_key = hash_key.encode()

    def executed_key(self, shop: str, body: bytes) -> str | None:
        """Return the key of the delivery with which the request of this body was executed; None if it never was."""
        item = self._table.get(self._key(shop, body)) or {}
        return item.get("executed_key")

    def record(self, shop: str, body: bytes, key: str) -> None:
        """Record that the request of this body was executed.

        Args:
            key: hash of the delivery key.
        """
        self._table.update(self._key(shop, body), {"executed_key": key})

    def forget(self, shop: str, body: bytes) -> None:
        """Remove the record, because a person decided that the repeated request is a new one."""
        self._table.delete(self._key(shop, body))

    @staticmethod
    def prefix(shop: str) -> str:
        """Return how the partition keys of the shop's records begin."""
        return f"{shop}#erasure#"

    def _key(self, shop: str, body: bytes) -> Key:
        digest = hmac.new(self._hash_key, self.prefix(shop).encode() + body, hashlib.sha256)
        return Key(self.prefix(shop) + digest.hexdigest()[:32])
