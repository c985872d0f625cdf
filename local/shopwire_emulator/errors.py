"""How the API refuses a request or ignores what is in it.

Exception
├── BadRequest          status 400
└── NotKept             status 200, but the event or order is not kept
    └── MissingParam    a required param is missing; 400 if the account validates parameters
"""


class BadRequest(Exception):
    """The API rejects the request with status 400. The text says what is wrong."""


class NotKept(Exception):
    """The API responds with status 200 but does not keep the event or order. The text says why."""


class MissingParam(NotKept):
    """A required param of the event is missing."""
