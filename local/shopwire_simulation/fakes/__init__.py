"""In-memory fakes of the boto3 clients of DynamoDB, SQS and SSM, with the operations that shopwire calls.

They follow AWS's documentation. The same tests run on them and on moto (tests/simulation/test_fakes_*.py), and one file
lists the differences between moto and the documentation. A call that is not simulated raises NotImplementedError. The
fakes use no threads, no real time and no random numbers.

Every operation calls `hook(operation, phase)` before and after its effect. If the hook raises "before", nothing
happened. If it raises "after", the call took effect and only its answer is lost.
"""

from shopwire_simulation.fakes.dynamodb import FakeDynamoDB
from shopwire_simulation.fakes.errors import cannot_connect, no_answer, throttled
from shopwire_simulation.fakes.sqs import FakeQueue
from shopwire_simulation.fakes.ssm import FakeSSM

__all__ = ["FakeDynamoDB", "FakeQueue", "FakeSSM", "cannot_connect", "no_answer", "throttled"]
