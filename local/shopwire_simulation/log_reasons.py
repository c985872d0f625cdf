"""The reasons in shopwire's log lines that the checkers recognise."""

from shopwire.models import Reason

ANONYMOUS = Reason.ANONYMOUS
"""The change names no contact, so nothing is sent."""
ORDER_NOT_SEEN = Reason.ORDER_NOT_SEEN
"""A fact is parked until the first snapshot of its order arrives."""
TOO_OLD = Reason.TOO_OLD
"""The change waited longer than its kind's maximum age."""
INTERNAL_ERROR = Reason.INTERNAL_ERROR
"""An unexpected exception, which shopwire catches so that it concerns one webhook only."""
THREE_CRASHES = Reason.CRASHES
"""Three holders of the lease crashed over the change."""
KEEPS_FAILING = Reason.KEEPS_FAILING
"""The change failed again and again while others of its shop were accepted."""
NOT_AT_PLATFORM = Reason.NOT_AT_PLATFORM
"""What a thin webhook announces does not exist at the platform any more."""
