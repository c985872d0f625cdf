"""In-memory stand-ins for the boto3 clients of DynamoDB, SQS and SSM, as far as shopwire calls them.

They follow AWS's documentation; one suite of behaviours runs on them and on moto (tests/test_fakes_*.py), and lists
where moto departs from it. What is not simulated is refused loudly. No threads, no real time, no randomness in here.
Every operation calls `hook(operation, phase)` before and after its effect: an exception raised "before" means that
nothing happened, one raised "after" that the answer was lost.
"""

from shopwire_simulation.fakes.dynamodb import FakeDynamoDB
from shopwire_simulation.fakes.errors import cannot_connect, no_answer, throttled
from shopwire_simulation.fakes.sqs import FakeQueue
from shopwire_simulation.fakes.ssm import FakeSSM

__all__ = ["FakeDynamoDB", "FakeQueue", "FakeSSM", "cannot_connect", "no_answer", "throttled"]
