"""Why a webhook was ignored, waits, was parked or was refused: one code for each reason.

Responses, log lines, metrics, the inspector and the command line use the code. `delivery/reasons.py` has one sentence
about each for people. Details, such as an HTTP status, are fields of their own beside the code.
"""

from enum import StrEnum


class Reason(StrEnum):
    """The codes. They are part of the interface: dashboards and alarms compare them."""

    # Deliberately not sent: outcome `ignored`.
    ANONYMOUS = "anonymous"
    UNKNOWN_TOPIC = "unknown_topic"
    PING = "ping"
    SIGNAL = "signal"
    NOT_DELIVERED_YET = "not_delivered_yet"
    DRAFT = "draft"
    STATUS_IGNORED = "status_ignored"
    SUB_ORDER = "sub_order"
    STAFF_ACCOUNT = "staff_account"
    CHECKOUT_COMPLETED = "checkout_completed"
    CHECKOUT_DELETED = "checkout_deleted"
    ACCOUNT_DELETED = "account_deleted"
    CONSENT_NOT_SAID = "consent_not_said"
    DATA_REQUEST = "data_request"
    APP_UNINSTALLED = "app_uninstalled"
    ERROR_BODY = "error_body"
    EMPTY_BODY = "empty_body"
    NO_PRICES = "no_prices"
    TEST_ORDER = "test_order"
    OLD_ORDER = "old_order"
    CART_CONVERTED = "cart_converted"
    CART_OF_ANOTHER_CONTACT = "cart_of_another_contact"
    PARTLY_SHIPPED = "partly_shipped"
    PARCELS_UNDERWAY = "parcels_underway"
    ORDER_NOT_SENT = "order_not_sent"
    ERASED = "erased"

    # Waits: outcome `queued` or `waiting`.
    QUEUED_FIRST = "queued_first"
    EARLIER_CHANGE_PENDING = "earlier_change_pending"
    EARLIER_MESSAGE_WAITS = "earlier_message_waits"
    LEASE_HELD = "lease_held"
    CART_BUSY = "cart_busy"
    CONTACT_BUSY = "contact_busy"
    NOT_DUE = "not_due"
    NO_TIME_LEFT = "no_time_left"
    SHOP_PAUSED = "shop_paused"
    SHOP_NOT_LISTED_YET = "shop_not_listed_yet"
    API_NO_ANSWER = "api_no_answer"
    API_FAILED = "api_failed"
    API_THROTTLED = "api_throttled"
    API_REPEATED = "api_repeated"
    API_UNAUTHORIZED = "api_unauthorized"
    LEDGER_UNAVAILABLE = "ledger_unavailable"
    SETTINGS_UNAVAILABLE = "settings_unavailable"
    SETTINGS_WRONG = "settings_wrong"
    MORE_TO_ERASE = "more_to_erase"
    NEWER_FORMAT = "newer_format"
    NOT_A_MESSAGE = "not_a_message"

    # Needs a person: outcome `parked`.
    UNREADABLE = "unreadable"
    TOPIC_MISMATCH = "topic_mismatch"
    STORE_NOT_NAMED = "store_not_named"
    REPEATED_ERASURE = "repeated_erasure"
    INCOMPLETE = "incomplete"
    ADDRESS_UNUSABLE = "address_unusable"
    ID_TOO_LONG = "id_too_long"
    TOO_LARGE = "too_large"
    INTERNAL_ERROR = "internal_error"
    BREAKS_API_RULE = "breaks_api_rule"
    API_REJECTED = "api_rejected"
    KEEPS_FAILING = "keeps_failing"
    CRASHES = "crashes"
    TOO_OLD = "too_old"
    ORDER_NOT_SEEN = "order_not_seen"
    DELIVERY_NOT_FOUND = "delivery_not_found"
    SHOP_DISCONNECTED = "shop_disconnected"

    # Refused: outcome `unverified` (401).
    SIGNATURE_MISSING = "signature_missing"
    SIGNATURE_MISMATCH = "signature_mismatch"
    STORE_MISSING = "store_missing"
    OTHER_STORE = "other_store"
    NO_STOREFRONT_SECRET = "no_storefront_secret"
    SIGNED_AT_ANOTHER_TIME = "signed_at_another_time"

    # Refused: outcome `invalid` (400).
    INVALID_BODY = "invalid_body"
