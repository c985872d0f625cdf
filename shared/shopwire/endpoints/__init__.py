"""The HTTP endpoints: API Gateway's events in, responses out. One module per URL that callers use."""
