"""The bare boto3 calls, in a process of their own: it reads a line of JSON, calls, and prints the seconds of each call.

The client reads everything of an answer, and parses what boto3 leaves as text.
"""

import concurrent.futures
import json
import sys
import time
from typing import Any

import boto3
from botocore.config import Config

from tests.benchmark.cases import DIALECTS, Case

THREADS = 16


def read_answer(answer: dict[str, Any]) -> int:
    """Read an answer to its end; return how many events it had."""
    if "stream" in answer:
        return sum(1 for _ in answer["stream"])
    if "body" not in answer:
        return 1
    if hasattr(answer["body"], "read"):
        return bool(json.loads(answer["body"].read()))
    return sum(1 for event in answer["body"] if json.loads(event["chunk"]["bytes"]))


def main() -> None:
    """Call as each line of the input orders: `{"case": {…}, "calls": 40}`."""
    config = Config(max_pool_connections=THREADS, retries={"total_max_attempts": 1})
    client = boto3.client("bedrock-runtime", config=config)
    known: dict[str, Any] = {}
    with concurrent.futures.ThreadPoolExecutor(THREADS) as threads:
        for line in sys.stdin:
            order = json.loads(line)
            key = json.dumps(order["case"])
            case = Case(**order["case"])
            if key not in known:
                known = {key: DIALECTS[case.dialect].arguments(case)}
            arguments = known[key]
            function = getattr(client, DIALECTS[case.dialect].operation[bool(case.streamed)])

            def call(_: int, function: Any = function, arguments: Any = arguments) -> float:
                began = time.perf_counter()
                own = {"body": json.dumps(arguments["body"])} if "body" in arguments else {}
                assert read_answer(function(**(arguments | own)))
                return time.perf_counter() - began

            numbers = range(order["calls"])
            run = threads.map if case.concurrency > 1 else map
            print(json.dumps(list(run(call, numbers))), flush=True)


if __name__ == "__main__":
    main()
