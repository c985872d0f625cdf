"""Tests of template.yaml, read as text with its defaults, and of the locks. They deploy nothing."""

import re
from pathlib import Path
from typing import Any

import pytest

from shopwire.delivery.task import Policy
from tests.support.permissions import as_list, logical_name, statements
from tools.template import load, resolve

ROOT = Path(__file__).parents[2]
TEMPLATE = load(ROOT / "template.yaml")
PARAMETERS: dict[str, Any] = TEMPLATE["Parameters"]
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
DEFAULTS = {name: str(parameter["Default"]) for name, parameter in PARAMETERS.items()}
FUNCTION_DEFAULTS: dict[str, Any] = TEMPLATE["Globals"]["Function"]
FUNCTIONS = {
    name: resource["Properties"]
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::Serverless::Function"
}
QUEUE = RESOURCES["RetryQueue"]["Properties"]
DEAD_LETTERS = RESOURCES["DeadLetterQueue"]["Properties"]
TABLE = RESOURCES["Table"]["Properties"]

LOCKS = [
    "shared/requirements.txt",
    *("requirements-run.txt", "requirements-dev.txt"),
    *("requirements-sam.txt", "requirements-lambda.txt", "requirements-supply.txt"),
    "requirements-fuzz.txt",
    *("bench/usual/app/requirements.txt", "bench/usual/empty/requirements.txt"),
]

READ_SHOPS = {"ssm:GetParameter", "ssm:GetParametersByPath", "kms:Decrypt"}
EVERY_ITEM = {
    "dynamodb:BatchGetItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
}
FIND_OR_DELETE = {"dynamodb:DeleteItem", "dynamodb:Query", "dynamodb:Scan"}
MOVE_FROM_OUTBOX = {"dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:Query"}
WRITE_LOG = {"logs:CreateLogStream", "logs:PutLogEvents"}
TAKE_FROM_QUEUE = {
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
}
# Every allowed action of every function. A new action must be added both here and in the template, so that it is
# deliberate.
ALLOWED = {
    "Webhook": READ_SHOPS | EVERY_ITEM - {"dynamodb:Scan"} | WRITE_LOG | {"sqs:SendMessage"},
    "Storefront": READ_SHOPS | EVERY_ITEM - FIND_OR_DELETE | WRITE_LOG | {"sqs:SendMessage"},
    "Retry": READ_SHOPS | EVERY_ITEM | WRITE_LOG | TAKE_FROM_QUEUE,
    "Upkeep": MOVE_FROM_OUTBOX | WRITE_LOG | {"sqs:SendMessage"},
}
# Wildcards, each with the reason why it cannot be narrower.
WILDCARDS = {
    "parameter/shopwire/${AWS::StackName}/shops/*": "each shop has a parameter, which is created after the stack",
    "key/*": "each account has its own ID for alias/aws/ssm, and the statement's conditions restrict it to that key",
}


# --- the queues


def test_queue_keeps_messages_longer_than_the_highest_max_age() -> None:
    max_age = PARAMETERS["RetryMaxAgeSeconds"]
    assert DEFAULTS["RetryMaxAgeSeconds"] == "259200"
    assert QUEUE["MessageRetentionPeriod"] > max_age["MaxValue"] + 15 * 60
    assert DEAD_LETTERS["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_visibility_timeout_is_six_times_the_retry_functions_timeout() -> None:
    assert QUEUE["VisibilityTimeout"] >= 6 * FUNCTIONS["Retry"]["Timeout"]


def test_queue_delays_a_webhook_by_the_first_backoff() -> None:
    assert QUEUE["DelaySeconds"] == {"Ref": "RetryBaseSeconds"}
    assert DEFAULTS["RetryBaseSeconds"] == str(Policy().retry_base_ms // 1000)


def test_retry_queue_is_fifo_with_high_throughput_per_group() -> None:
    assert QUEUE["FifoQueue"] is True
    assert QUEUE["DeduplicationScope"] == "messageGroup"
    assert QUEUE["FifoThroughputLimit"] == "perMessageGroupId"
    assert QUEUE["MaximumMessageSize"] == DEAD_LETTERS["MaximumMessageSize"] == 1024 * 1024


def test_only_a_message_received_1000_times_becomes_a_dead_letter() -> None:
    assert DEAD_LETTERS["FifoQueue"] is True
    assert QUEUE["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]},
        "maxReceiveCount": 1000,
    }


def test_batch_may_fail_partly_and_concurrency_is_limited() -> None:
    source = FUNCTIONS["Retry"]["Events"]["Waiting"]["Properties"]
    assert source["Queue"] == {"Fn::GetAtt": ["RetryQueue", "Arn"]}
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["BatchSize"] == 10
    assert source["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "RetryConcurrency"}}


def test_default_concurrency_of_retry_suits_the_published_rate_of_the_api() -> None:
    """Little's law: consumers = events a second x seconds of an event (docs/limits-and-cost.md)."""
    events_per_second, seconds = 350, 0.23
    assert abs(int(DEFAULTS["RetryConcurrency"]) - events_per_second * seconds) < 1
    assert "ten concurrent executions" in TEMPLATE["Parameters"]["RetryConcurrency"]["Description"]


def test_upkeep_has_a_whole_processor() -> None:
    """A processor signs some 1,000 webhooks a second (`make bench`, row upkeep). 1,769 MB have a whole one."""
    assert FUNCTIONS["Upkeep"]["MemorySize"] >= 1769


def test_upkeep_ends_before_the_next_one_starts_and_is_not_retried() -> None:
    upkeep = FUNCTIONS["Upkeep"]
    schedule = upkeep["Events"]["EveryMinute"]["Properties"]
    assert schedule["Schedule"] == "rate(1 minute)"
    assert upkeep["Timeout"] < 60
    for retries in (schedule["RetryPolicy"], upkeep["EventInvokeConfig"]):
        assert retries == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}


# --- stored data


def test_table_and_queues_keep_their_logical_ids_and_outlive_the_stack() -> None:
    # With another logical ID, CloudFormation would create a new, empty resource. With a fixed name, CloudFormation
    # could not replace the resource.
    types = ("AWS::DynamoDB::Table", "AWS::SQS::Queue")
    stateful = {name: resource for name, resource in RESOURCES.items() if resource["Type"] in types}
    assert stateful.keys() == {"Table", "RetryQueue", "DeadLetterQueue"}
    for resource in stateful.values():
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")
        assert not {"TableName", "QueueName"} & resource["Properties"].keys()
        assert "Condition" not in resource


def test_generated_resources_have_no_name_of_another_resource() -> None:
    # SAM joins the names of the function and of the event. Retry and Queue would give the name of the queue.
    generated = {function + event for function, properties in FUNCTIONS.items() for event in properties["Events"]}
    assert not generated & RESOURCES.keys()


def test_stored_data_is_encrypted_at_rest() -> None:
    assert QUEUE["SqsManagedSseEnabled"] is True
    assert DEAD_LETTERS["SqsManagedSseEnabled"] is True
    assert TABLE["SSESpecification"] == {"SSEEnabled": True}


def test_table_is_on_demand_expires_items_and_can_be_restored() -> None:
    assert TABLE["BillingMode"] == "PAY_PER_REQUEST"
    assert TABLE["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert TABLE["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert {key["AttributeName"]: key["KeyType"] for key in TABLE["KeySchema"]} == {"pk": "HASH", "sk": "RANGE"}
    assert {key["AttributeName"]: key["AttributeType"] for key in TABLE["AttributeDefinitions"]} == {
        "pk": "S",
        "sk": "S",
    }


# --- the functions


def test_functions_run_on_python_3_13_and_arm64() -> None:
    assert set(FUNCTIONS) == set(ALLOWED)
    assert FUNCTION_DEFAULTS["Runtime"] == "python3.13"
    assert FUNCTION_DEFAULTS["Architectures"] == [{"Ref": "Architecture"}]
    assert DEFAULTS["Architecture"] == "arm64"
    assert not any({"Runtime", "Architectures"} & set(function) for function in FUNCTIONS.values())


def test_layer_supports_the_functions_runtime_and_processors() -> None:
    layer = RESOURCES["Layer"]
    assert FUNCTION_DEFAULTS["Layers"] == [{"Ref": "Layer"}]
    assert layer["Metadata"] == {"BuildMethod": "makefile"}
    assert layer["Properties"]["CompatibleArchitectures"] == TEMPLATE["Parameters"]["Architecture"]["AllowedValues"]
    assert layer["Properties"]["CompatibleRuntimes"] == [FUNCTION_DEFAULTS["Runtime"]]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_has_a_file_a_timeout_and_a_log_with_retention(name: str) -> None:
    function = FUNCTIONS[name]
    assert (ROOT / function["CodeUri"] / "app.py").is_file()
    assert function["Timeout"] <= 60
    log = RESOURCES[logical_name(function["LoggingConfig"]["LogGroup"])]
    assert log["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert FUNCTION_DEFAULTS["LoggingConfig"]["LogFormat"] == "JSON"


def test_no_log_level_drops_the_metrics() -> None:
    # Metrics are log lines of level INFO (embedded metric format), so Lambda's filter at WARN would drop them.
    assert PARAMETERS["LogLevel"]["AllowedValues"] == ["DEBUG", "INFO"]


def test_every_variable_that_the_code_reads_is_set() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "shared/shopwire").rglob("*.py"))
    read = set(re.findall(r'"(SHOPWIRE_[A-Z_]+|POWERTOOLS_METRICS_[A-Z_]+)"', code))
    # With it, tokens of shops go to a stand-in. It is for `shopwire dev` alone.
    only_in_development = {"SHOPWIRE_PLATFORM_API_URL"}
    assert read - only_in_development
    assert read - only_in_development <= set(FUNCTION_DEFAULTS["Environment"]["Variables"])
    assert only_in_development.isdisjoint(FUNCTION_DEFAULTS["Environment"]["Variables"])


def test_stack_with_default_parameters_has_this_environment() -> None:
    known = {
        **DEFAULTS,
        "AWS::StackName": "shop",
        "AWS::StackId": "arn:aws:cloudformation:eu-central-1:000000000000:stack/shop/6b1e",
        "Table": "table-1",
        "RetryQueue": "https://sqs.example.com/1/retry.fifo",
    }
    environment = {name: resolve(value, known) for name, value in FUNCTION_DEFAULTS["Environment"]["Variables"].items()}
    assert environment == {
        "SHOPWIRE_TABLE": "table-1",
        "SHOPWIRE_QUEUE_URL": "https://sqs.example.com/1/retry.fifo",
        "SHOPWIRE_SHOPS_PATH": "/shopwire/shop/shops/",
        "SHOPWIRE_HASH_KEY": "6b1e",
        "SHOPWIRE_ESPUTNIK_URL": "https://esputnik.com/api/",
        "SHOPWIRE_DIRECT_BUDGET_MS": "2500",
        "SHOPWIRE_RETRY_BASE_SECONDS": "5",
        "SHOPWIRE_RETRY_MAX_AGE_SECONDS": "259200",
        "SHOPWIRE_NEW_ORDER_HOURS": "24",
        "SHOPWIRE_VISITS_PER_SECOND": "50",
        "POWERTOOLS_METRICS_NAMESPACE": "shopwire/shop",
        "LOG_LEVEL": "INFO",
        "AWS_ENDPOINT_URL": "",
    }
    services = {function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] for function in FUNCTIONS.values()}
    assert services == {"webhook", "storefront", "retry", "upkeep"}


@pytest.mark.parametrize("host", ["esputnik.com", "yespo.io", "api.yespo.io"])
def test_stack_sends_only_to_the_vendors_hosts_and_only_with_tls(host: str) -> None:
    pattern = re.compile(PARAMETERS["EsputnikUrl"]["AllowedPattern"])
    assert pattern.fullmatch(f"https://{host}/api/")
    others = (
        "http://{}/api/",
        "https://{}.example/api/",
        "https://x{}/api/",
        "https://{}@x.example/api/",
        "https://{}/",
    )
    assert not any(pattern.search(other.format(host)) for other in others)


def test_time_budget_for_direct_sending_is_below_the_functions_timeout() -> None:
    for name in ("Webhook", "Storefront"):
        assert PARAMETERS["DirectBudgetMs"]["MaxValue"] < FUNCTIONS[name]["Timeout"] * 1000


# --- the HTTP API


def test_api_routes_webhooks_probes_and_health_to_one_function() -> None:
    events = FUNCTIONS["Webhook"]["Events"].values()
    routes = {(event["Properties"]["Method"], event["Properties"]["Path"]) for event in events}
    assert routes == {
        ("POST", "/webhooks/{shop}"),
        ("GET", "/webhooks/{shop}"),
        ("HEAD", "/webhooks/{shop}"),
        ("GET", "/health"),
    }


def test_storefront_route_and_its_preflight_have_a_function_of_their_own() -> None:
    events = FUNCTIONS["Storefront"]["Events"].values()
    routes = {(event["Properties"]["Method"], event["Properties"]["Path"]) for event in events}
    assert routes == {("POST", "/storefront/{shop}"), ("OPTIONS", "/storefront/{shop}")}
    # With CORS settings, the API itself would handle preflight requests, in the same way for every shop.
    assert "CorsConfiguration" not in RESOURCES["Api"]["Properties"]


def test_api_is_throttled_far_above_the_peak_of_a_shop() -> None:
    assert RESOURCES["Api"]["Properties"]["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": {"Ref": "ThrottlingRate"},
        "ThrottlingBurstLimit": {"Ref": "ThrottlingBurst"},
    }
    assert int(DEFAULTS["ThrottlingRate"]) >= 200
    assert int(DEFAULTS["ThrottlingBurst"]) >= int(DEFAULTS["ThrottlingRate"])


def test_visits_have_limits_apart_from_those_of_webhooks() -> None:
    webhooks = {"ThrottlingRateLimit": {"Ref": "ThrottlingRate"}, "ThrottlingBurstLimit": {"Ref": "ThrottlingBurst"}}
    visits = {name: {"Ref": f"Storefront{value['Ref']}"} for name, value in webhooks.items()}
    assert RESOURCES["Api"]["Properties"]["RouteSettings"] == {
        "POST /webhooks/{shop}": webhooks,
        "POST /storefront/{shop}": visits,
        "OPTIONS /storefront/{shop}": visits,
    }
    assert int(DEFAULTS["StorefrontThrottlingBurst"]) >= int(DEFAULTS["StorefrontThrottlingRate"])
    # Every key must be a route of the API, otherwise the deployment fails.
    routes = {
        f"{event['Properties']['Method']} {event['Properties']['Path']}"
        for function in FUNCTIONS.values()
        for event in function["Events"].values()
        if event["Type"] == "HttpApi"
    }
    assert RESOURCES["Api"]["Properties"]["RouteSettings"].keys() <= routes


def test_budget_writes_to_the_alarms_address_only_if_both_are_set() -> None:
    budget = RESOURCES["Budget"]
    assert budget["Condition"] == "HasBudget"
    assert TEMPLATE["Conditions"]["HasBudget"]["Fn::And"] == [
        {"Fn::Condition": "HasAlarmEmail"},
        {"Fn::Not": [{"Fn::Equals": [{"Ref": "DailyBudget"}, "0"]}]},
    ]
    assert DEFAULTS["DailyBudget"] == "0", "an account may be forbidden to have budgets"
    assert budget["Properties"]["Budget"] == {
        "BudgetType": "COST",
        "TimeUnit": "DAILY",
        "BudgetLimit": {"Amount": {"Ref": "DailyBudget"}, "Unit": "USD"},
    }
    (notification,) = budget["Properties"]["NotificationsWithSubscribers"]
    assert notification["Notification"]["NotificationType"] == "ACTUAL"
    assert notification["Subscribers"] == [{"SubscriptionType": "EMAIL", "Address": {"Ref": "AlarmEmail"}}]


def test_access_log_has_no_caller_and_a_retention() -> None:
    condition, access_log, otherwise = RESOURCES["Api"]["Properties"]["AccessLogSettings"]["Fn::If"]
    assert (condition, otherwise) == ("LogsAccess", {"Ref": "AWS::NoValue"})
    fields = set(re.findall(r"\$context\.([A-Za-z.]+)", access_log["Format"]))
    assert fields == {"requestId", "routeKey", "path", "status", "responseLatency", "integrationErrorMessage"}
    group = RESOURCES[logical_name(access_log["DestinationArn"])]["Properties"]
    assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}


# --- least privilege


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_has_exactly_the_listed_permissions(function: str) -> None:
    allowed = [action for statement in statements(function) for action in as_list(statement["Action"])]
    assert sorted(allowed) == sorted(ALLOWED[function])
    assert all(statement["Effect"] == "Allow" for statement in statements(function))


def test_function_has_its_own_role_and_writes_only_its_own_log() -> None:
    roles = {name: logical_name(function["Role"]) for name, function in FUNCTIONS.items()}
    assert len(set(roles.values())) == len(FUNCTIONS)
    for name, function in FUNCTIONS.items():
        log_statements = [statement for statement in statements(name) if set(as_list(statement["Action"])) == WRITE_LOG]
        log_group = logical_name(function["LoggingConfig"]["LogGroup"])
        assert [statement["Resource"] for statement in log_statements] == [{"Fn::GetAtt": [log_group, "Arn"]}]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_wildcards_with_a_reason_are_allowed(function: str) -> None:
    for statement in statements(function):
        assert not any("*" in action for action in as_list(statement["Action"]))
        for resource in as_list(statement["Resource"]):
            if "*" in str(resource):
                assert any(resource["Fn::Sub"].endswith(":" + known) for known in WILDCARDS), resource


def test_decryption_is_allowed_only_for_the_shops_parameters() -> None:
    (statement,) = [statement for statement in statements("Webhook") if statement["Action"] == "kms:Decrypt"]
    conditions = statement["Condition"]
    assert conditions["ForAnyValue:StringEquals"] == {"kms:ResourceAliases": "alias/aws/ssm"}
    assert conditions["StringEquals"]["kms:ViaService"]["Fn::Sub"] == "ssm.${AWS::Region}.amazonaws.com"
    parameter = conditions["StringLike"]["kms:EncryptionContext:PARAMETER_ARN"]["Fn::Sub"]
    assert parameter.endswith(":parameter/shopwire/${AWS::StackName}/shops/*")


def test_roles_trust_only_aws_services() -> None:
    trusted = {
        name: resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        for name, resource in RESOURCES.items()
        if resource["Type"] == "AWS::IAM::Role"
    }
    services = dict.fromkeys((f"{name}Role" for name in FUNCTIONS), "lambda") | {"DeployRole": "codedeploy"}
    assert trusted == {
        name: [{"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}]
        for name, service in services.items()
    }


# --- deploying and building


def test_each_parameter_has_a_default_and_a_description() -> None:
    for name, parameter in PARAMETERS.items():
        assert "Default" in parameter, name
        assert parameter["Description"].endswith("."), name


def test_outputs_name_urls_stores_and_functions() -> None:
    assert set(TEMPLATE["Outputs"]) == {
        "AlarmsTopic",
        "WebhookUrl",
        "StorefrontUrl",
        "QueueUrl",
        "DeadLetterQueueUrl",
        "TableName",
        "ShopsPath",
        "WebhookFunction",
        "StorefrontFunction",
        "RetryFunction",
        "UpkeepFunction",
    }
    assert TEMPLATE["Outputs"]["WebhookUrl"]["Value"]["Fn::Sub"].endswith("/webhooks/")


def test_list_of_locks_is_complete() -> None:
    found = [*ROOT.glob("requirements*.txt"), *(ROOT / "shared").rglob("req*.txt"), *(ROOT / "bench").rglob("req*.txt")]
    assert {str(path.relative_to(ROOT)) for path in found} == set(LOCKS)


@pytest.mark.parametrize("lock", LOCKS)
def test_each_dependency_is_pinned_with_hashes_and_without_an_index_url(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
    assert lines
    for line in lines:
        assert re.match(r"[a-z0-9.-]+==\S+ ", line), line
        assert re.search(r" --hash=sha256:[0-9a-f]{64}( |$)", line), line
    assert not re.search(r"index-url|find-links|://", text)


def test_layer_has_the_versions_that_the_tests_use() -> None:
    layer, dev = (
        dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE))
        for lock in LOCKS[:2]
    )
    assert {name: dev[name] for name in layer} == layer
