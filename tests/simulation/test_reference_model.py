"""What the reference model expects of the API after certain webhooks."""

from dataclasses import replace
from typing import Any

from shopwire_simulation.reference_model import differences, expected_state, shared_phones
from shopwire_testkit.announcements import (
    AccountDeletion,
    CartState,
    ConsentChange,
    CustomerState,
    Erasure,
    Meaning,
    OrderDeletion,
    OrderState,
    ParcelDelivered,
    Person,
    PersonConsent,
    Purchase,
    Story,
    Visit,
)

PERSON = Person("a@example.com", "380501112233", "7", "Ім'я", "Прізвище")
GUEST = Person("a@example.com", None, None, "Ім'я", "Прізвище")
PRODUCTS = ({"productId": "1", "quantity": 2, "price": "5.00"},)


def _state(at: int, status: str | None, rank: int = 1, **more: Any) -> OrderState:
    return OrderState("42", (at, rank), status, {"externalOrderId": "42", "totalCost": f"{at}.00"}, PERSON, **more)


def _story(*meanings: Meaning) -> Story:
    return Story("sim", [], frozenset(), dict(enumerate(meanings)))


# -- orders


def test_highest_version_holds_in_whatever_order_webhooks_arrive() -> None:
    story = _story(_state(3, "DELIVERED"), _state(1, "INITIALIZED"), _state(2, "IN_PROGRESS"))
    expected = expected_state(story, [2, 1, 0])
    assert expected.orders == {"42": {"externalOrderId": "42", "totalCost": "3.00", "status": "DELIVERED"}}
    assert expected.statuses == {"42": ["INITIALIZED", "IN_PROGRESS", "DELIVERED"]}


def test_webhook_that_was_not_accepted_has_no_effect() -> None:
    story = _story(_state(1, "INITIALIZED"), _state(2, "IN_PROGRESS"))
    assert expected_state(story, [0]).statuses == {"42": ["INITIALIZED"]}
    assert expected_state(story, []).orders == {}
    assert expected_state(story, []).contacts == []


def test_rank_decides_between_changes_of_one_second() -> None:
    story = _story(_state(1, "CANCELLED", 5), _state(1, "IN_PROGRESS", 1))
    assert (expected_state(story, [0, 1]).orders["42"] or {})["status"] == "CANCELLED"


def test_facts_alone_create_no_order() -> None:
    story = _story(ParcelDelivered("42", "p"), OrderDeletion("42", 9))
    assert expected_state(story, [0, 1]).orders == {"42": None}


def test_order_is_delivered_once_wholly_shipped_and_all_parcels_arrived() -> None:
    parcels = (("p", False), ("q", False), ("r", True))
    shipped = _state(2, "IN_PROGRESS", 3, parcels=parcels, wholly_shipped=True)
    story = _story(shipped, ParcelDelivered("42", "p"), ParcelDelivered("42", "q"))
    assert expected_state(story, [0, 1, 2]).statuses["42"] == ["IN_PROGRESS", "DELIVERED"]
    assert expected_state(story, [0, 1]).statuses["42"] == ["IN_PROGRESS"]
    partly = _state(3, "IN_PROGRESS", 2, parcels=parcels)
    assert expected_state(_story(partly, *story.meanings.values()), [0, 2, 3]).statuses["42"] == ["IN_PROGRESS"]


def test_deleted_order_is_cancelled_unless_it_changed_later() -> None:
    story = _story(_state(1, "DELIVERED", 4), OrderDeletion("42", 5), _state(9, "DELIVERED", 4))
    assert expected_state(story, [0, 1]).statuses["42"] == ["DELIVERED", "CANCELLED"]
    assert expected_state(story, [0, 1, 2]).statuses["42"] == ["DELIVERED"]


def test_draft_or_anonymous_order_must_not_exist() -> None:
    assert expected_state(_story(_state(1, None, 5)), [0]).orders == {"42": None}


def test_nothing_is_expected_of_an_order_without_its_personal_data() -> None:
    story = _story(_state(1, "DELIVERED"), _state(2, None, erased=True))
    assert expected_state(story, [0, 1]).orders == {}
    assert expected_state(story, [0]).orders["42"]


# -- contacts


def test_customers_own_webhooks_decide_their_contact() -> None:
    changed = Person("a@example.com", "380679998877", "7", "Ім'я", "Нове")
    story = _story(CustomerState("7", (1, 0), PERSON), CustomerState("7", (3, 0), changed), _state(9, "DELIVERED"))
    assert expected_state(story, [0, 1, 2]).contacts == [
        {
            "email": "a@example.com",
            "phone": "380679998877",
            "externalCustomerId": "7",
            "firstName": "Ім'я",
            "lastName": "Нове",
        }
    ]
    assert expected_state(story, [2]).contacts == [
        {"email": "a@example.com", "phone": "380501112233", "externalCustomerId": "7"}
    ]


def test_staff_account_is_not_a_contact() -> None:
    expected = expected_state(_story(CustomerState("7", (1, 0), PERSON, staff=True)), [0])
    assert (expected.contacts, expected.absent_identities) == ([], ["a@example.com"])


def test_erased_person_must_not_exist_and_their_orders_are_not_checked() -> None:
    story = _story(_state(1, "DELIVERED"), CustomerState("7", (1, 0), PERSON), Erasure(("a@example.com", "7")))
    expected = expected_state(story, [0, 1, 2])
    assert (expected.orders, expected.contacts, expected.absent_identities) == ({}, [], ["a@example.com", "7"])


def _order_of(person: Person, order: str = "42") -> OrderState:
    return OrderState(order, (1, 1), "IN_PROGRESS", {"externalOrderId": order}, person)


def test_guest_who_registers_keeps_the_contact_and_gains_the_id() -> None:
    registered = Person(GUEST.email, "380501112233", "7", "Ім'я", "Прізвище")
    story = _story(_order_of(GUEST), _order_of(registered, "43"))
    assert expected_state(story, [0]).contacts == [{"email": "a@example.com"}]
    gained = {"email": "a@example.com", "phone": "380501112233", "externalCustomerId": "7"}
    assert expected_state(story, [0, 1]).contacts == [gained]
    other_phone = Person(GUEST.email, "380679998877", None, "Ім'я", "Прізвище")
    story = _story(*story.meanings.values(), _order_of(other_phone, "44"))
    assert expected_state(story, [0, 1, 2]).contacts == [{"email": "a@example.com", "externalCustomerId": "7"}]


def test_two_persons_with_one_phone_stay_two_contacts() -> None:
    relative = Person("b@example.com", PERSON.phone, None, "Інше", "Прізвище")
    story = _story(_order_of(PERSON), _order_of(relative, "43"))
    assert expected_state(story, [0, 1]).contacts == [
        {"email": "a@example.com", "externalCustomerId": "7"},
        {"email": "b@example.com"},
    ]
    assert shared_phones(story) == {PERSON.phone: {"a@example.com", "b@example.com"}}
    moved = CustomerState("7", (2, 0), Person("a@example.com", "380679998877", "7", "Ім'я", "Прізвище"))
    assert shared_phones(_story(*story.meanings.values(), moved)) == {}
    earlier = ConsentChange("7", Person("c@example.com", None, "7", "", ""))
    assert shared_phones(_story(*story.meanings.values(), earlier)) == {}


def test_customer_whom_only_orders_name_has_the_address_of_one_of_them() -> None:
    moved = replace(_state(2, "INITIALIZED"), order="43", person=replace(PERSON, email="b@example.com"))
    expected = expected_state(_story(_state(1, "INITIALIZED"), moved), [0, 1])
    assert expected.contacts == [{"externalCustomerId": "7"}] * 2


def test_contact_of_a_deleted_account_need_not_exist() -> None:
    story = _story(CustomerState("7", (1, 0), PERSON), _order_of(PERSON), AccountDeletion("7"))
    assert expected_state(story, [0, 1, 2]).contacts == []
    assert len(expected_state(story, [0, 1]).contacts) == 1


def test_what_a_deleted_account_refused_need_not_count() -> None:
    refused = replace(PERSON, consent=PersonConsent(subscribed=False, at=5, is_implied=False))
    story = _story(CustomerState("7", (1, 0), refused), AccountDeletion("7"))
    assert expected_state(story, [0]).consents == {"a@example.com": False}
    assert expected_state(story, [0, 1]).consents == {}


# -- carts


def test_nothing_may_be_sent_of_a_cart_without_a_contact() -> None:
    cart = expected_state(_story(CartState("t", (1, 0), None, PRODUCTS)), [0]).carts["t"]
    assert (cart.contact, cart.products, cart.certain) == (None, None, True)


def test_last_checkout_that_names_its_contact_must_be_sent() -> None:
    story = _story(CartState("t", (1, 0), None, ()), CartState("t", (2, 0), GUEST, PRODUCTS))
    cart = expected_state(story, [0, 1]).carts["t"]
    assert (cart.contact, cart.products, cart.certain, cart.announcement) == (
        "a@example.com",
        list(PRODUCTS),
        True,
        1,
    )


def test_only_the_last_change_of_a_cart_says_what_its_contact_has() -> None:
    """The checkout may arrive later than that change, which names only the address."""
    checkout = CartState("t", (1, 0), PERSON, PRODUCTS, completed=False)
    visitor = Person("a@example.com", None, None, "", "")
    story = _story(checkout, CartState("t", (2, 0), visitor, PRODUCTS, completed=False))
    assert expected_state(story, [0, 1]).contacts == [{"email": "a@example.com"}]
    assert expected_state(story, [0]).contacts[0]["externalCustomerId"] == "7"


def test_visit_names_the_contact_of_later_cart_changes() -> None:
    visitor = Person("a@example.com", None, None, "", "")
    first, later = CartState("t", (1, 0), None, ()), CartState("t", (3, 0), None, PRODUCTS)
    story = _story(first, Visit("t", None), Visit("t", visitor), later)
    cart = expected_state(story, [0, 1, 2, 3]).carts["t"]
    assert (cart.contact, cart.products, cart.certain, cart.announcement) == (
        "a@example.com",
        list(PRODUCTS),
        False,
        3,
    )
    assert expected_state(story, [0, 1, 3]).carts["t"].certain
    assert expected_state(_story(later, Visit("t", visitor)), [0, 1]).carts["t"].products is None


def test_cart_change_after_the_purchase_is_not_sent() -> None:
    story = _story(
        CartState("t", (1, 0), GUEST, PRODUCTS),
        Purchase(_state(2, "IN_PROGRESS"), "t"),
        CartState("t", (3, 0), None, ()),
    )
    cart = expected_state(story, [0, 1, 2]).carts["t"]
    assert (cart.products, cart.converted, cart.certain) == (list(PRODUCTS), True, False)


def test_another_customer_takes_no_cart_over_after_a_checkout() -> None:
    other = Person("b@example.com", None, None, "", "")
    checkout, change = CartState("t", (1, 0), GUEST, ()), CartState("t", (4, 0), None, PRODUCTS)
    theirs = CartState("t", (3, 0), other, PRODUCTS, by_other_customer=True)
    story = _story(checkout, Visit("t", other, by_other_customer=True), theirs, change)
    cart = expected_state(story, [0, 1, 2, 3]).carts["t"]
    assert (cart.contact, cart.products, cart.certain, cart.announcement) == (GUEST.key, list(PRODUCTS), False, 3)
    cart = expected_state(story, [0, 1, 2]).carts["t"]
    assert (cart.contact, cart.products, cart.certain, cart.announcement) == (GUEST.key, [], False, 0)
    assert not expected_state(story, [1, 2]).carts["t"].certain, "without the checkout, the cart is theirs"


# -- comparison


def test_params_are_compared_by_meaning() -> None:
    expected = {
        "totalCost": "25.00",
        "date": "2026-01-01T10:00:00+02:00",
        "items": '[{"externalItemId":"1","quantity":"2","cost":"5.00"},'
        '{"externalItemId":"0","quantity":"1","cost":"1"}]',
    }
    actual = {
        "totalCost": "25.0",
        "date": "2026-01-01T08:00:00+00:00",
        "items": '[{"externalItemId":"0","name":"n","quantity":1,"cost":1.0},'
        '{"externalItemId":"1","quantity":2,"cost":5}]',
    }
    assert differences(expected, actual) == []
    named = {"items": '[{"externalItemId":"5","quantity":"1","cost":"9.90","name":"Mug"}]'}
    assert differences(named, named) == []
    assert differences(named, {"items": named["items"].replace("Mug", "Cup")})
    assert differences(named, {"items": named["items"].replace(',"name":"Mug"', "")})
    assert differences({"items": named["items"].replace(',"name":"Mug"', "")}, named) == []
    assert differences({"status": "DELIVERED"}, {}) == ["status: 'DELIVERED' expected, None found"]
    assert differences({"totalCost": "25.00"}, {"totalCost": "25.01"}) == ["totalCost: '25.00' expected, '25.01' found"]
