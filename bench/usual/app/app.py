"""The usual stack: the work of `webhook` and `retry` with the common libraries, as a baseline of `make bench`.

It verifies Shopify's orders and customers, sends each state once and only if it is later than the last one, as v1/event
and v1/contact, and puts into a queue what cannot be sent. It is written as the libraries' own guides show it, and
handles far fewer cases than shopwire. So it shows the cost of this way of building, not of additional features. It
imports nothing of shopwire."""

import base64
import hashlib
import hmac
import json
import os
from datetime import datetime
from decimal import Decimal
from typing import Any

import boto3
import requests
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError, UnauthorizedError
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import BaseModel, ConfigDict

logger = Logger()
metrics = Metrics()
app = APIGatewayHttpResolver()
processor = BatchProcessor(event_type=EventType.SQS)
table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
queue = boto3.client("sqs")
settings = parameters.SSMProvider()
session = requests.Session()

API = os.environ["ESPUTNIK_URL"]
ORDERS = {"orders/create", "orders/updated", "orders/paid", "orders/cancelled", "orders/fulfilled"}
STATUSES = {"paid": "IN_PROGRESS", "partially_paid": "IN_PROGRESS", "refunded": "CANCELLED", "voided": "CANCELLED"}


class Shopify(BaseModel):
    """A body of a Shopify webhook."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


class Customer(Shopify):
    """A customer of an order, or the body of a customers/* webhook."""

    id: str
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    updated_at: datetime | None = None


class LineItem(Shopify):
    """A line of an order."""

    variant_id: str | None = None
    product_id: str | None = None
    title: str
    quantity: int
    price: Decimal


class Order(Shopify):
    """An order."""

    id: str
    name: str
    email: str | None = None
    phone: str | None = None
    currency: str
    created_at: datetime
    updated_at: datetime
    cancelled_at: datetime | None = None
    financial_status: str | None = None
    fulfillment_status: str | None = None
    total_price: Decimal
    total_tax: Decimal | None = None
    total_discounts: Decimal | None = None
    customer: Customer | None = None
    line_items: list[LineItem] = []

    @property
    def status(self) -> str:
        if self.cancelled_at:
            return "CANCELLED"
        return STATUSES.get(self.financial_status or "", "IN_PROGRESS" if self.fulfillment_status else "INITIALIZED")


@app.post("/webhooks/<shop_id>")
def receive(shop_id: str) -> Response[str]:
    """Verify a webhook, then deliver or queue it."""
    try:
        shop: Any = settings.get(os.environ["SHOPS_PATH"] + shop_id, decrypt=True, max_age=3600, transform="json")
    except parameters.GetParameterError:
        raise NotFoundError("no such shop") from None
    event = app.current_event
    body = base64.b64decode(event.body or "") if event.is_base64_encoded else (event.body or "").encode()
    verify(body, event.headers.get("x-shopify-hmac-sha256", ""), shop["secrets"])
    topic = event.headers.get("x-shopify-topic", "")
    status = accept(shop_id, shop, topic, event.headers.get("x-shopify-webhook-id", ""), body.decode())
    metrics.add_dimension(name="shop", value=shop_id)
    metrics.add_metric(name=status, unit=MetricUnit.Count, value=1)
    return Response(200, "application/json", json.dumps({"status": status}))


def verify(body: bytes, signature: str, secrets: list[str]) -> None:
    """Compare the signature with the signature of the body for each secret."""
    digests = [hmac.new(secret.encode(), body, hashlib.sha256).digest() for secret in secrets]
    if not any(hmac.compare_digest(signature, base64.b64encode(digest).decode()) for digest in digests):
        raise UnauthorizedError("bad signature")


def accept(shop_id: str, shop: dict[str, Any], topic: str, delivery: str, body: str) -> str:
    """Deliver a new webhook. Queue it if the API cannot be reached."""
    try:
        table.put_item(
            Item={"pk": f"delivery#{shop_id}#{delivery}", "sk": "entry"},
            ConditionExpression="attribute_not_exists(pk)",
        )
    except table.meta.client.exceptions.ConditionalCheckFailedException:
        return "duplicate"
    try:
        status = deliver(shop_id, shop, topic, body)
    except requests.RequestException as error:
        queue.send_message(
            QueueUrl=os.environ["QUEUE_URL"],
            MessageBody=json.dumps({"shop": shop_id, "topic": topic, "body": body}),
            MessageGroupId=hashlib.sha256(body.encode()).hexdigest(),
            MessageDeduplicationId=delivery or hashlib.sha256(body.encode()).hexdigest(),
        )
        logger.warning("queued", extra={"shop": shop_id, "topic": topic, "reason": type(error).__name__})
        return "queued"
    logger.info(status, extra={"shop": shop_id, "topic": topic, "delivery": delivery})
    return status


def deliver(shop_id: str, shop: dict[str, Any], topic: str, body: str) -> str:
    """Send the webhook's contact or event to the API."""
    if topic.startswith("customers/"):
        post("v1/contact", contact(Customer.model_validate_json(body)), shop)
        return "delivered"
    if topic not in ORDERS:
        return "ignored"
    order = Order.model_validate_json(body)
    key = {"pk": f"order#{shop_id}#{order.id}", "sk": "entry"}
    known = table.get_item(Key=key, ConsistentRead=True).get("Item")
    version = order.updated_at.isoformat()
    if known and str(known["version"]) >= version:
        return "stale"
    if not known:
        post("v1/contact", contact(order.customer or Customer(id=order.id, email=order.email)), shop)
    post("v1/event", event_of(order, known is None), shop)
    table.put_item(Item={**key, "version": version, "status": order.status})
    return "delivered"


def contact(customer: Customer) -> dict[str, Any]:
    """Return a v1/contact body."""
    channels = [{"type": "email", "value": customer.email}, {"type": "sms", "value": customer.phone}]
    return {
        "firstName": customer.first_name,
        "lastName": customer.last_name,
        "externalCustomerId": customer.id,
        "channels": [channel for channel in channels if channel["value"]],
    }


def event_of(order: Order, new: bool) -> dict[str, Any]:
    """Return a v1/event body."""
    items = [
        {
            "externalItemId": item.variant_id or item.product_id or item.title,
            "name": item.title,
            "quantity": item.quantity,
            "cost": float(item.price),
        }
        for item in order.line_items
    ]
    params = {
        "email": order.email,
        "phone": order.phone,
        "externalOrderId": order.id,
        "externalCustomerId": order.customer.id if order.customer else order.email,
        "totalCost": str(order.total_price),
        "status": order.status,
        "date": order.created_at.isoformat(),
        "currency": order.currency,
        "taxes": order.total_tax and str(order.total_tax),
        "discount": order.total_discounts and str(order.total_discounts),
        "items": json.dumps(items, ensure_ascii=False),
        "orderNumber": order.name,
    }
    return {
        "eventTypeKey": "orderCreated" if new else "orderUpdated",
        "keyValue": order.email or order.phone,
        "params": [{"name": name, "value": value} for name, value in params.items() if value],
    }


def post(path: str, body: dict[str, Any], shop: dict[str, Any]) -> None:
    """Send one request to the API."""
    response = session.post(API + path, json=body, auth=("usual", shop["esputnik_key"]), timeout=(3, 2.5))
    response.raise_for_status()


def record_handler(record: SQSRecord) -> None:
    """Deliver one message of the queue."""
    message = json.loads(record.body)
    shop: Any = settings.get(os.environ["SHOPS_PATH"] + message["shop"], decrypt=True, max_age=3600, transform="json")
    deliver(message["shop"], shop, message["topic"], message["body"])


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Handle an event of API Gateway."""
    return app.resolve(event, context)


@logger.inject_lambda_context
@metrics.log_metrics
def retry(event: dict[str, Any], context: Any) -> Any:
    """Handle a batch of the queue."""
    return process_partial_response(event=event, record_handler=record_handler, processor=processor, context=context)
