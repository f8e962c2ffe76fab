"""The yardstick: the shortest proxy that a team would write itself. Flask and boto3, no keys, no checks, no log.

gunicorn --threads 64 tests.benchmark.plain_proxy:app
"""

import json
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config
from flask import Flask, Response, jsonify, request

app = Flask(__name__)
client = boto3.client("bedrock-runtime", config=Config(max_pool_connections=64))


@app.get("/readyz")
def ready() -> str:
    return "ready"


@app.post("/v1/chat/completions")
def chat() -> Response:
    body = request.get_json()
    turns = [turn for turn in body["messages"] if turn["role"] != "system"]
    arguments = {
        "modelId": body["model"],
        "system": [{"text": turn["content"]} for turn in body["messages"] if turn["role"] == "system"],
        "messages": [{"role": turn["role"], "content": [{"text": turn["content"]}]} for turn in turns],
        "inferenceConfig": {"maxTokens": body["max_tokens"], "temperature": body["temperature"]},
    }
    if body.get("stream"):
        return Response(write_events(client.converse_stream(**arguments)["stream"]), mimetype="text/event-stream")
    message = client.converse(**arguments)["output"]["message"]
    return jsonify(choices=[{"message": {"role": "assistant", "content": message["content"][0]["text"]}}])


def write_events(stream: Any) -> Iterator[str]:
    for event in stream:
        if text := event.get("contentBlockDelta", {}).get("delta", {}).get("text"):
            yield f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'content': text}}]})}\n\n"
    yield "data: [DONE]\n\n"
