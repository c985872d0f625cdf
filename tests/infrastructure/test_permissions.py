"""Tests that each function's role allows exactly the AWS actions that the function's code calls.

Each scenario runs a function's real parts on the simulation's fakes. The tests of the simulation also compare all calls
of thousands of webhooks with the roles (tests/simulation/conftest.py).
"""

import json
from collections.abc import Callable
from contextlib import suppress

import pytest

from shopwire import platforms
from shopwire.endpoints import storefront
from shopwire.environment import Environment
from shopwire.errors import UnknownShop
from shopwire.models import Redaction, ShopRedaction
from shopwire.platforms.storefront import Storefront
from tests.support.changes import ANNA, DAY_MS, OTHER_SHOP, SHOP, arrived, order
from tests.support.delivery_world import Context, World
from tests.support.permissions import RESOURCES, allowed_actions, as_list, iam_action, statements

# What AWS does in the function's name: Lambda writes the log, the event source mapping receives and deletes messages,
# and SSM decrypts the parameters.
BY_AWS = {
    "Webhook": {"logs:CreateLogStream", "logs:PutLogEvents", "kms:Decrypt"},
    "Storefront": {"logs:CreateLogStream", "logs:PutLogEvents", "kms:Decrypt"},
    "Retry": {"logs:CreateLogStream", "logs:PutLogEvents", "kms:Decrypt"}
    | {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"},
    "Upkeep": {"logs:CreateLogStream", "logs:PutLogEvents"},
}


def record_actions(environment: Environment) -> set[str]:
    """Return a set that fills with the IAM actions of the environment's calls."""
    actions: set[str] = set()
    for service in ("dynamodb", "sqs", "ssm"):
        client = getattr(environment._clients, service)
        before_call = client._before_call

        def record(call: str, before_call: Callable[[str], None] = before_call) -> None:
            actions.add(iam_action(*call.split(".")))
            before_call(call)

        client._before_call = record
    return actions


def ask_for_unknown_shop(environment: Environment) -> None:
    with suppress(UnknownShop):
        environment.shops.get(OTHER_SHOP)


def run_webhook(world: World, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    actions = record_actions(world.webhook)
    ask_for_unknown_shop(world.webhook)
    world.send(order())
    world.deliver(arrived(id="1002"), text="anna@example.com")
    world.api.next_answers = [503, 503]
    world.send(order("1003"))
    with world.outage("sqs"):
        world.send(order("1004"))
    world.clock.advance(60_000)
    assert world.send(Redaction(ANNA, "77", ("1001",))) == "delivered"
    assert world.send(ShopRedaction()) == "queued"
    return actions


def run_storefront(world: World, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    environment = world.new_environment()
    actions = record_actions(environment)
    ask_for_unknown_shop(environment)
    assert world.send(order()) == "delivered"  # the visitor's address leads to the record of a customer
    monkeypatch.setattr(platforms, "get", lambda name: Storefront())
    monkeypatch.setattr(Storefront, "verify", lambda *_: None)
    world.put_shop(SHOP, storefront_secret="a-storefront-secret", origins=["https://shop.example"])

    def visit(number: int) -> str:
        item = {"id": "55", "quantity": 1, "price": 125, "name": "Tea"}
        body = {"type": "cart", "currency": "UAH", "cart": {"token": f"cart-{number}", "items": [item]}}
        event = {
            "rawPath": f"/storefront/{SHOP}",
            "headers": {"origin": "https://shop.example"},
            "requestContext": {"http": {"method": "POST"}, "timeEpoch": world.clock.now},
            "body": json.dumps(body | {"contact": {"email": "anna@example.com"}, "signature": "0" * 64}),
        }
        response = storefront.serve(event, Context(world.request_id()), environment)
        return str(json.loads(response["body"])["status"])

    assert visit(1) == "delivered"
    world.api.next_answers = [503]
    assert visit(2) == "queued"
    world.api.next_answers = [503]
    with world.outage("sqs"):
        assert visit(3) == "queued"
    return actions


def run_retry(world: World, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    actions = record_actions(world.retry)
    ask_for_unknown_shop(world.retry)
    world.put_into_queue(world.body(order()), world.body(order("1002")))
    world.api.next_answers = [503]
    world.run_retry()
    world.webhook.pauses.pause(SHOP, "api_unauthorized", world.clock.now, asked_ms=DAY_MS)
    world.clock.advance(400_000)
    world.run_retry()
    assert world.outbox_length()
    world.send(ShopRedaction())
    world.clock.advance(DAY_MS)
    world.run_until_idle()
    return actions


def run_upkeep(world: World, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    actions = record_actions(world.upkeep)
    world.api.next_answers = [503]
    with world.outage("sqs"):
        world.send(order())
    assert world.run_upkeep() == 1
    return actions


@pytest.mark.parametrize("run", [run_webhook, run_storefront, run_retry, run_upkeep], ids=lambda run: run.__name__)
def test_role_allows_exactly_what_the_function_calls(
    run: Callable[[World, pytest.MonkeyPatch], set[str]], fake_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = run.__name__.removeprefix("run_").title()
    assert run(fake_world, monkeypatch) == allowed_actions(function) - BY_AWS[function]


def test_storefront_can_neither_delete_nor_list_items() -> None:
    assert allowed_actions("Storefront").isdisjoint({"dynamodb:DeleteItem", "dynamodb:Query", "dynamodb:Scan"})


# What could give permissions, or let callers in. A new type must be added both here and in the template, so that it is
# deliberate.
TYPES = {
    "AWS::Budgets::Budget",
    "AWS::CloudWatch::Alarm",
    "AWS::DynamoDB::Table",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::Logs::LogGroup",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    *("AWS::Serverless::Function", "AWS::Serverless::HttpApi", "AWS::Serverless::LayerVersion"),
}
FIELDS = {
    "AWS::IAM::ManagedPolicy": {"Description", "PolicyDocument"},
    "AWS::IAM::Role": {"AssumeRolePolicyDocument", "ManagedPolicyArns", "Policies"},
}


def test_only_the_roles_of_the_template_give_permissions() -> None:
    assert {resource["Type"] for resource in RESOURCES.values()} == TYPES
    for resource in RESOURCES.values():
        fields = resource.get("Properties", {}).keys()
        assert fields <= FIELDS.get(resource["Type"], fields)
        assert not fields & {"FunctionUrlConfig", "Policies"} or resource["Type"] == "AWS::IAM::Role"
        assert not {"AccessPolicy", "ResourcePolicy"} & fields


@pytest.mark.parametrize("function", BY_AWS)
def test_role_reaches_only_the_tables_and_queues_of_the_stack(function: str) -> None:
    for statement in statements(function):
        services = {action.partition(":")[0] for action in as_list(statement["Action"])}
        assert len(services) == 1
        if name := {"dynamodb": "Table", "sqs": "RetryQueue"}.get(*services):
            assert statement["Resource"] == {"Fn::GetAtt": [name, "Arn"]}
