// AWS's SDK for JavaScript against the emulator, at the address in EMULATOR. Run by test_javascript.py.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
  ThrottlingException,
  ValidationException,
} from "@aws-sdk/client-bedrock-runtime";

const emulator = process.env.EMULATOR;
const modelId = "amazon.nova-lite-v1:0";
const bedrock = new BedrockRuntimeClient({
  endpoint: emulator,
  region: "us-east-1",
  credentials: { accessKeyId: "emulator", secretAccessKey: "emulator" },
  maxAttempts: 1,
});

const asking = (text) => ({ modelId, messages: [{ role: "user", content: [{ text }] }] });
const order = (fault) => fetch(`${emulator}/_emulator/faults`, { method: "POST", body: JSON.stringify(fault) });
const calls = async () => (await fetch(`${emulator}/_emulator/requests`)).json();

async function textOf(stream) {
  let text = "";
  for await (const event of stream) {
    text += event.contentBlockDelta?.delta.text ?? "";
  }
  return text;
}

afterEach(() => fetch(`${emulator}/_emulator/faults`, { method: "DELETE" }));

test("Converse answers", async () => {
  const { output, stopReason, usage } = await bedrock.send(new ConverseCommand(asking("Name three colours.")));
  assert.match(output.message.content[0].text, /Name three colours/);
  assert.equal(stopReason, "end_turn");
  assert.equal(usage.totalTokens, usage.inputTokens + usage.outputTokens);
});

test("ConverseStream streams", async () => {
  const kinds = [];
  const { stream } = await bedrock.send(new ConverseStreamCommand(asking("Name three colours.")));
  for await (const event of stream) {
    kinds.push(Object.keys(event)[0]);
  }
  assert.equal(kinds[0], "messageStart");
  assert.ok(kinds.filter((kind) => kind === "contentBlockDelta").length > 5);
  assert.equal(kinds.at(-1), "metadata");
});

test("InvokeModel answers in the model's own format", async () => {
  const body = JSON.stringify({ messages: asking("Hello").messages, inferenceConfig: { maxTokens: 20 } });
  const answer = await bedrock.send(new InvokeModelCommand({ modelId, body }));
  assert.match(JSON.parse(answer.body.transformToString()).output.message.content[0].text, /Hello/);
});

test("InvokeModelWithResponseStream streams the model's own chunks", async () => {
  const chunks = [];
  const body = JSON.stringify({ messages: asking("Hello").messages });
  const answer = await bedrock.send(new InvokeModelWithResponseStreamCommand({ modelId, body }));
  for await (const event of answer.body) {
    chunks.push(JSON.parse(new TextDecoder().decode(event.chunk.bytes)));
  }
  assert.ok(chunks[0].messageStart);
  assert.ok(chunks.at(-1)["amazon-bedrock-invocationMetrics"].outputTokenCount > 0);
});

test("an error is of its class, with the words that were ordered", async () => {
  await order({ fault: "throttle", message: "Slow down." });
  await assert.rejects(bedrock.send(new ConverseCommand(asking("Hello"))), (error) => {
    assert.ok(error instanceof ThrottlingException);
    assert.equal(error.message, "Slow down.");
    assert.equal(error.$metadata.httpStatusCode, 429);
    return true;
  });
});

test("a request that does not fit is a ValidationException", async () => {
  const messages = [{ role: "assistant", content: [{ text: "I begin." }] }];
  await assert.rejects(bedrock.send(new ConverseCommand({ modelId, messages })), ValidationException);
});

test("an exception within a stream is of its class", async () => {
  await order({ fault: "exception_frame", error: "throttlingException", after: 2 });
  const { stream } = await bedrock.send(new ConverseStreamCommand(asking("Hello")));
  await assert.rejects(textOf(stream), ThrottlingException);
});

test("an answer that is broken off is an error", async () => {
  for (const fault of ["reset", "hang_up", "short_body"]) {
    await order({ fault });
    await assert.rejects(bedrock.send(new ConverseCommand(asking("Hello"))), fault);
  }
  await order({ fault: "cut_in_chunk", after: 2 });
  const { stream } = await bedrock.send(new ConverseStreamCommand(asking("Hello")));
  await assert.rejects(textOf(stream));
});

test("many calls at once are all answered, beside one that is stalled", async () => {
  await order({ fault: "stall" });
  const leaving = new AbortController();
  const stalled = bedrock.send(new ConverseCommand(asking("Stalled")), { abortSignal: leaving.signal });
  while (!(await calls()).some((call) => call.fault === "stall")) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const answers = await Promise.all(
    [...Array(40).keys()].map((number) => bedrock.send(new ConverseCommand(asking(`${number} ${"long ".repeat(20000)}`)))),
  );
  answers.forEach((answer, number) => assert.match(answer.output.message.content[0].text, new RegExp(`"${number} `)));
  leaving.abort();
  await assert.rejects(stalled, { name: "AbortError" });
});

test("a call that is aborted is one that left", async () => {
  await order({ fault: "stall", after: 2 });
  const leaving = new AbortController();
  const { stream } = await bedrock.send(new ConverseStreamCommand(asking("To be left")), {
    abortSignal: leaving.signal,
  });
  const reading = textOf(stream).catch(() => "");
  leaving.abort();
  await reading;
  const mine = async () => (await calls()).filter((call) => call.body.includes("To be left"))[0];
  while (!(await mine()).ended) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal((await mine()).ended, "client left");
});
