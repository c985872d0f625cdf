"""The settings of a shop, as shops.toml and the shop's parameter in SSM hold them (docs/shops.md).

A description and the text of a ValueError continue the sentence "`setting` ..." of the error for a wrong value
(`shops.parse_shop`).
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from shopwire.models.order import Status

IGNORE = "ignore"
"""The meaning of a status whose orders are not sent, such as a quote request."""

MIN_STOREFRONT_SECRET_LENGTH = 16
"""Characters. What it signs is on public pages, where anyone can try guesses against it for as long as they like."""


class Shop(BaseModel):
    """One connected shop. `id` is its name in the webhook URL, not a field of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: str = Field(pattern=r"^[a-z0-9-]{3,64}$", description="must have 3 to 64 characters of a-z, 0-9 and -")
    platform: str = Field(description="must be the name of a platform")
    secrets: tuple[SecretStr, ...] = Field(min_length=1, description="must be a list of at least one text")
    """Secrets that sign the webhooks. Any of them verifies: two are active while one is being replaced."""
    esputnik_key: SecretStr = Field(description="must be the API key as text")
    """The API key: the password of Basic authentication."""
    region: str | None = Field(None, pattern=r"^[A-Z]{2}$", description="must be a two-letter country code, like UA")
    store: str | tuple[str, ...] | None = Field(None, description="must be text, or a list of text")
    """The platform's own names of the shop: several if it has a domain for each language."""
    item_id: Literal["variant", "product", "sku"] = Field(
        "variant", description='must be "variant", "product" or "sku"'
    )
    shipped_is_delivered: bool = Field(False, description="must be true or false")
    statuses: dict[str, Literal["INITIALIZED", "IN_PROGRESS", "DELIVERED", "CANCELLED", "ignore"]] = Field(
        {}, description=f"must be one of {', '.join(Status)}, {IGNORE}"
    )
    """The meaning of a status: a `Status`, or IGNORE."""
    sub_orders: Literal["skip", "send"] = Field("skip", description='must be "skip" or "send"')
    """Orders that a marketplace or a deposit plugin makes of a parent order, which has all of the purchase."""
    old_order_days: int = Field(30, ge=0, description="must be a whole number of days, 0 or more")
    """An order that is older than this many days when first seen is recorded, but not sent. 0: no limit."""
    key_value: Literal["contact", "order"] = Field("contact", description='must be "contact" or "order"')
    orders: Literal["events", "orders", "both"] = Field("events", description='must be "events", "orders" or "both"')
    """The resource that orders go through: v1/event, v1/orders, or v1/orders and then v1/event (docs/shops.md)."""
    consent: Literal["shop", "confirmed"] = Field("shop", description='must be "shop" or "confirmed"')
    """Whether what the platform records of a customer's consent decides, or every contact is confirmed."""
    deleted_accounts: Literal["keep", "delete"] = Field("keep", description='must be "keep" or "delete"')
    """Whether the API's contact of a deleted account is kept or deleted."""
    id_prefix: str = Field(
        "",
        pattern=r"^[A-Za-z0-9_.:-]{0,20}$",
        description="must have up to 20 characters of a-z, A-Z, 0-9, _, ., : and -",
    )
    """Is put in front of the ids of customers and orders, if two shops use one account of the API."""
    ignore_test_orders: bool = Field(False, description="must be true or false")
    storefront_secret: tuple[SecretStr, ...] = Field(
        (), max_length=2, description="must be text, or a list of two texts"
    )
    """Secrets that sign the contacts of visitors: one, or two while one is being replaced. Empty: no contact can be
    verified."""
    origins: tuple[str, ...] = Field((), description="must be a list of text")
    api: dict[str, Any] = Field({}, description="must be a table")

    @property
    def stores(self) -> tuple[str, ...]:
        """The names in `store`; empty if none is set."""
        names = (self.store,) if isinstance(self.store, str) else self.store or ()
        return tuple(name for name in names if name.strip())

    @field_validator("store", mode="before")
    @classmethod
    def _one_or_several_stores(cls, store: Any) -> Any:
        names = store if isinstance(store, list | tuple) else () if store is None else (store,)
        if not all(isinstance(name, str) for name in names):
            raise ValueError("must be text, or a list of text")
        return store

    @field_validator("secrets")
    @classmethod
    def _no_empty_secret(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        # Anyone can sign with an empty HMAC key.
        if any(not secret.get_secret_value() for secret in secrets):
            raise ValueError("contains an empty secret, with which anyone could sign")
        return secrets

    @field_validator("storefront_secret", mode="before")
    @classmethod
    def _one_or_several(cls, secrets: Any) -> Any:
        return () if secrets is None else (secrets,) if isinstance(secrets, str | SecretStr) else secrets

    @field_validator("storefront_secret")
    @classmethod
    def _no_short_storefront_secret(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(secret.get_secret_value().strip()) < MIN_STOREFRONT_SECRET_LENGTH for secret in secrets):
            raise ValueError(
                f"needs at least {MIN_STOREFRONT_SECRET_LENGTH} characters; make one with "
                "`shopwire secret new storefront`"
            )
        return secrets

    @field_validator("esputnik_key")
    @classmethod
    def _no_empty_key(cls, key: SecretStr) -> SecretStr:
        if not key.get_secret_value():
            raise ValueError("is empty")
        return key
