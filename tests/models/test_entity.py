"""Entities as text, for example in parked webhooks and log lines."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.models import Entity
from shopwire.models.change import EntityKind

ENTITIES = st.builds(Entity, st.sampled_from(get_args(EntityKind)), st.text(min_size=1))


@given(ENTITIES)
def test_parsing_the_text_of_an_entity_returns_the_entity(entity: Entity) -> None:
    assert Entity.parse(str(entity)) == entity


@pytest.mark.parametrize("text", ["", "order", "order ", " 42", "orders 42", "Order 42", "unknown"])
def test_other_text_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="not an entity"):
        Entity.parse(text)
