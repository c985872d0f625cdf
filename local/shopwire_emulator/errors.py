"""How the API refuses a request or ignores what is in it.

Exception
├── BadRequest          status 400
│   └── NotValidated    a required param is missing, and the account validates parameters
└── NotKept             status 200, but the event or order is not kept
    └── MissingParam    a required param is missing
"""


class BadRequest(Exception):
    """The API rejects the request with status 400. The text says what is wrong."""


class NotValidated(BadRequest):
    """The event lacks a required param. The text lists the expected ones and is the whole response, as plain text."""


class NotKept(Exception):
    """The API responds with status 200 but does not keep the event or order. The text says why."""


class MissingParam(NotKept):
    """A required param of the event is missing."""
