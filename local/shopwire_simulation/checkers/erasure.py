"""What must hold of who is forgotten: nothing that names him is left behind, and the API is told of him no more.

Looks at the table as it stands, without a call that could fail.
"""

from collections.abc import Callable, Iterator, Mapping

from shopwire_simulation.checkers.evidence import Kept, Violated
from shopwire_simulation.faults import MINUTE
from shopwire_simulation.senders import Sent
from shopwire_testkit.announcements import Announcement, Forgotten, Story

_TELLING = 7
"""An identity longer than this stands nowhere by chance."""


class Forgetting:
    """Watches the stories whose person wishes to be forgotten.

    Args:
        stories: all that are told, by number.
        sent: what the platforms know of each announcement.
        kept: what the table keeps of a shop's people.
        violated: called with kind, announcement and text.
    """

    def __init__(
        self,
        stories: Mapping[int, Story],
        sent: Mapping[int, Sent],
        kept: Callable[[str], Iterator[Kept]],
        now: Callable[[], int],
        violated: Violated,
    ) -> None:
        self._wishes = {n: wishes for n, story in stories.items() if (wishes := list(_wishes(story)))}
        self._sent = sent
        self._kept = kept
        self._now = now
        self._violated = violated
        self._granted_at: dict[int, int] = {}

    def is_wished(self, story: int | None) -> bool:
        """Whether the story's person wishes to be forgotten."""
        return story in self._wishes

    def granted(self, story: int, one: Announcement, wish: Forgotten) -> None:
        """The API has forgotten him: of what had come before, nothing that names him may be left."""
        self._granted_at.setdefault(story, self._now())
        before = self._sent[one.id].first_at or 0
        for kept in self._kept(one.shop):
            if kept.received_at is not None and kept.received_at >= before - MINUTE:
                continue  # on its way at the same moment: the tombstone stops it
            if kept.where != "tombstones" and _names(kept, wish):
                self._violated("leaked", one, f"still in {kept.where} after he was forgotten")

    def told(self, story: int | None, one: Announcement, claimed_at: int) -> None:
        """The API was told something: nothing of him by what had come before the wish."""
        if story is None or claimed_at <= self._granted_at.get(story, claimed_at):
            return
        wished_at = min(self._sent[wish.id].first_at or 0 for wish, _ in self._wishes[story])
        if (self._sent[one.id].first_at or 0) < wished_at:
            self._violated("leaked", one, "the API was told of him after he was forgotten")

    def finish(self) -> None:
        """No tombstone says any more whom the API was to forget."""
        for story in self._granted_at:
            for one, wish in self._wishes[story]:
                if any(kept.where == "tombstones" and _names(kept, wish) for kept in self._kept(one.shop)):
                    self._violated("leaked", one, "still in tombstones after he was forgotten")


def _wishes(story: Story) -> Iterator[tuple[Announcement, Forgotten]]:
    for one in story.announcements:
        meaning = story.meanings.get(one.id)
        if isinstance(meaning, Forgotten):
            yield one, meaning


def _names(kept: Kept, wish: Forgotten) -> bool:
    return any(identity in kept.text.lower() for identity in wish.identities if len(identity) > _TELLING)
