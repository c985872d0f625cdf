"""Runs commands of tests/senders/senders.py against the Python sender. One result per command is printed as JSON."""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "senders" / "python"))
from shopwire_queue import Queue

given = json.load(sys.stdin)
now: float = given["now"] / 1000
queue = Queue(given["folder"], given["url"], given["secrets"], given["timeout"], lambda: now)
results: list[Any] = []
for name, argument in given["commands"]:
    if name == "add":
        results.append(queue.add(argument))
    elif name == "flush":
        results.append(queue.flush(argument))
    else:
        now += argument / 1000
        results.append(None)
print(json.dumps(results))
