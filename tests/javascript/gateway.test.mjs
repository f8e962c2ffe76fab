// SDKs for JavaScript, unmodified, against the gateway at GATEWAY, before the emulator at EMULATOR. Run by
// test_javascript.py. KEY is a key of the gateway's, and the pair KEY_ID and KEY_SECRET is the same one for AWS.

import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";

import { createAmazonBedrock } from "@ai-sdk/amazon-bedrock";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  CountTokensCommand,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
  ResourceNotFoundException,
  ThrottlingException,
  ValidationException,
} from "@aws-sdk/client-bedrock-runtime";
import { APICallError, embedMany, generateText, jsonSchema, Output, stepCountIs, streamText, tool } from "ai";
import OpenAI from "openai";

const { EMULATOR, GATEWAY, KEY, KEY_ID, KEY_SECRET } = process.env;
const NOVA = "amazon.nova-lite-v1:0";
const CLAUDE = "anthropic.claude-opus-4-6-v1";
const PROFILE = `arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.${NOVA}`;
const CITY = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const ASKED = "Call get_weather for Zurich.";

const order = (fault) => fetch(`${EMULATOR}/_emulator/faults`, { method: "POST", body: JSON.stringify(fault) });
const script = (reply) => fetch(`${EMULATOR}/_emulator/replies`, { method: "POST", body: JSON.stringify(reply) });
const calls = async () => (await fetch(`${EMULATOR}/_emulator/requests`)).json();
const callsWith = async (text) => (await calls()).filter((call) => call.body.includes(text));
const user = (content) => ({ role: "user", content });

async function until(holds) {
  const last = Date.now() + 20_000;
  while (!(await holds())) {
    assert.ok(Date.now() < last, "waited in vain");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function all(stream) {
  const found = [];
  for await (const each of stream) {
    found.push(each);
  }
  return found;
}

afterEach(async () => {
  await fetch(`${EMULATOR}/_emulator/faults`, { method: "DELETE" });
  await fetch(`${EMULATOR}/_emulator/replies`, { method: "DELETE" });
});

describe("AWS SDK for JavaScript v3", () => {
  const made = (credentials) =>
    new BedrockRuntimeClient({ endpoint: GATEWAY, region: "us-east-1", credentials, maxAttempts: 1 });
  const bedrock = made({ accessKeyId: KEY_ID, secretAccessKey: KEY_SECRET });
  const asking = (text, modelId = NOVA) => ({ modelId, messages: [user([{ text }])] });

  test("it speaks HTTP/2 to the gateway", () => {
    assert.match(bedrock.config.requestHandler.constructor.name, /Http2/);
  });

  test("Converse answers", async () => {
    const { output, stopReason, usage } = await bedrock.send(new ConverseCommand(asking("Name three colours.")));
    assert.match(output.message.content[0].text, /Name three colours/);
    assert.equal(stopReason, "end_turn");
    assert.equal(usage.totalTokens, usage.inputTokens + usage.outputTokens);
  });

  test("ConverseStream streams", async () => {
    const { stream } = await bedrock.send(new ConverseStreamCommand(asking("Name three colours.")));
    const kinds = (await all(stream)).map((event) => Object.keys(event)[0]);
    assert.equal(kinds[0], "messageStart");
    assert.ok(kinds.filter((kind) => kind === "contentBlockDelta").length > 5);
    assert.equal(kinds.at(-1), "metadata");
  });

  test("an event comes while the model is still at work", async () => {
    await order({ fault: "stall", after: 2, seconds: 2 });
    const { stream } = await bedrock.send(new ConverseStreamCommand(asking("Still at work")));
    const events = stream[Symbol.asyncIterator]();
    assert.ok((await events.next()).value.messageStart);
    assert.equal((await callsWith("Still at work"))[0].ended, null);
    const rest = await all({ [Symbol.asyncIterator]: () => events });
    assert.ok(rest.at(-1).metadata);
  });

  test("InvokeModel answers in the model's own format, by an ARN too", async () => {
    for (const modelId of [NOVA, PROFILE]) {
      const body = JSON.stringify({ messages: asking("Hello").messages, inferenceConfig: { maxTokens: 20 } });
      const answer = await bedrock.send(new InvokeModelCommand({ modelId, body }));
      assert.match(JSON.parse(answer.body.transformToString()).output.message.content[0].text, /Hello/);
    }
  });

  test("InvokeModelWithResponseStream streams the model's own chunks", async () => {
    const body = JSON.stringify({ anthropic_version: "bedrock-2023-05-31", max_tokens: 50, messages: [user("Hello")] });
    const answer = await bedrock.send(new InvokeModelWithResponseStreamCommand({ modelId: CLAUDE, body }));
    const chunks = (await all(answer.body)).map((event) => JSON.parse(new TextDecoder().decode(event.chunk.bytes)));
    assert.equal(chunks[0].type, "message_start");
    assert.equal(chunks.at(-1).type, "message_stop");
    assert.ok(chunks.at(-1)["amazon-bedrock-invocationMetrics"].outputTokenCount > 0);
  });

  test("CountTokens counts", async () => {
    const { messages } = asking("Hello");
    const counted = await bedrock.send(new CountTokensCommand({ modelId: CLAUDE, input: { converse: { messages } } }));
    assert.ok(counted.inputTokens > 0);
  });

  test("a tool is called and its result read, over two turns", async () => {
    const toolConfig = { tools: [{ toolSpec: { name: "get_weather", inputSchema: { json: CITY } } }] };
    const { messages } = asking(ASKED);
    const first = await bedrock.send(new ConverseCommand({ modelId: NOVA, messages, toolConfig }));
    assert.equal(first.stopReason, "tool_use");
    const { toolUse } = first.output.message.content.find((block) => block.toolUse);
    const result = { toolResult: { toolUseId: toolUse.toolUseId, content: [{ text: "It rains frogs." }] } };
    messages.push(first.output.message, user([result]));
    const second = await bedrock.send(new ConverseCommand({ modelId: NOVA, messages, toolConfig }));
    assert.match(second.output.message.content[0].text, /frogs/);
  });

  test("each error is of its class", async () => {
    const own = { messages: [{ role: "assistant", content: [] }], modelId: NOVA };
    await assert.rejects(bedrock.send(new ConverseCommand(own)), ValidationException);
    await assert.rejects(bedrock.send(new ConverseCommand(asking("Hi", "nope"))), ResourceNotFoundException);
    await order({ fault: "throttle", count: 9, message: "Slow down." });
    await assert.rejects(bedrock.send(new ConverseCommand(asking("Hello"))), (error) => {
      assert.ok(error instanceof ThrottlingException);
      assert.match(error.message, /Slow down/);
      assert.equal(error.$metadata.httpStatusCode, 429);
      return true;
    });
    await assert.rejects(bedrock.send(new ConverseStreamCommand(asking("Hello"))), ThrottlingException);
  });

  test("a wrong secret opens nothing", async () => {
    const stranger = made({ accessKeyId: KEY_ID, secretAccessKey: "a guess" });
    await assert.rejects(stranger.send(new ConverseCommand(asking("Hello"))), (error) => {
      assert.equal(error.name, "InvalidSignatureException");
      assert.equal(error.$metadata.httpStatusCode, 403);
      return true;
    });
    stranger.destroy();
  });

  test("an exception within a stream is of its class", async () => {
    await order({ fault: "exception_frame", error: "throttlingException", after: 2 });
    const { stream } = await bedrock.send(new ConverseStreamCommand(asking("Hello")));
    await assert.rejects(all(stream), ThrottlingException);
  });

  test("an upstream that breaks is an error, never a short answer", async () => {
    await order({ fault: "cut_in_chunk", after: 2 });
    const { stream } = await bedrock.send(new ConverseStreamCommand(asking("Hello")));
    await assert.rejects(all(stream));
  });

  test("many calls at once are all answered, beside one that is stalled and then left", async () => {
    await order({ fault: "stall", after: 2 });
    const leaving = new AbortController();
    const { stream } = await bedrock.send(new ConverseStreamCommand(asking("To be left")), {
      abortSignal: leaving.signal,
    });
    const reading = all(stream).catch(() => []);
    const answers = await Promise.all(
      [...Array(30).keys()].map((n) => bedrock.send(new ConverseCommand(asking(`${n} ${"long ".repeat(10000)}`)))),
    );
    answers.forEach((answer, n) => assert.match(answer.output.message.content[0].text, new RegExp(`"${n} `)));
    assert.equal((await callsWith("To be left"))[0].ended, null);
    leaving.abort();
    await reading;
    await until(async () => (await callsWith("To be left"))[0].ended === "client left");
  });
});

describe("openai", () => {
  const openai = new OpenAI({ baseURL: `${GATEWAY}/v1`, apiKey: KEY, maxRetries: 0 });
  const asking = (text, more = {}) => ({ model: "nova", messages: [user(text)], ...more });
  const chat = (text, more) => openai.chat.completions.create(asking(text, more));
  const weather = { type: "function", function: { name: "get_weather", parameters: CITY } };

  test("a chat is answered", async () => {
    const { choices, usage } = await chat("Name three colours.", { max_completion_tokens: 100 });
    assert.match(choices[0].message.content, /Name three colours/);
    assert.equal(choices[0].finish_reason, "stop");
    assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
  });

  test("a chat is streamed, by the event, and counted at its end", async () => {
    await order({ fault: "stall", after: 4, seconds: 2 });
    const stream = await chat("Name three colours.", { stream: true, stream_options: { include_usage: true } });
    const chunks = [];
    for await (const chunk of stream) {
      if (!chunks.length) {
        assert.equal((await callsWith("three colours")).at(-1).ended, null);
      }
      chunks.push(chunk);
    }
    assert.match(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""), /Name three colours/);
    assert.ok(chunks.at(-1).usage.completion_tokens > 5);
  });

  for (const model of ["nova", "claude"]) {
    test(`tools over two turns, several at once, whole and streamed: ${model}`, async () => {
      const tools = [weather, { type: "function", function: { name: "get_time", parameters: CITY } }];
      const messages = [user("Call get_weather and get_time.")];
      const first = await openai.chat.completions.create({ model, messages, tools });
      const said = first.choices[0];
      assert.equal(said.finish_reason, "tool_calls");
      const named = said.message.tool_calls.map((call) => call.function.name).sort();
      assert.deepEqual(named, ["get_time", "get_weather"]);
      messages.push(said.message);
      for (const call of said.message.tool_calls) {
        assert.equal(typeof JSON.parse(call.function.arguments).city, "string");
        messages.push({ role: "tool", tool_call_id: call.id, content: `Frogs, says ${call.function.name}.` });
      }
      const runner = openai.chat.completions.stream({ model, messages, tools });
      assert.match(await runner.finalContent(), /Frogs/);
    });
  }

  test("the package's own tool runner goes to the end", async () => {
    const asked = [];
    const call = { ...weather.function, parse: JSON.parse, function: (told) => asked.push(told) && "It rains frogs." };
    const runner = openai.chat.completions.runTools(asking(ASKED, { tools: [{ type: "function", function: call }] }));
    assert.match(await runner.finalContent(), /frogs/);
    assert.equal(typeof asked[0].city, "string");
  });

  test("an answer in the form of a schema", async () => {
    await script({ contains: "In which city?", text: '{"city": "Zurich"}' });
    const json_schema = { name: "place", schema: { ...CITY, additionalProperties: false }, strict: true };
    const answer = await openai.chat.completions.parse(
      asking("In which city?", { model: "claude", response_format: { type: "json_schema", json_schema } }),
    );
    assert.deepEqual(answer.choices[0].message.parsed, { city: "Zurich" });
    const { structure } = JSON.parse((await callsWith("In which city?"))[0].body).outputConfig.textFormat;
    assert.deepEqual(JSON.parse(structure.jsonSchema.schema), json_schema.schema);
  });

  test("reasoning and its signature come, and go back in the next turn", async () => {
    const first = await chat("Why?", { model: "claude", reasoning_effort: "low" });
    const { message } = first.choices[0];
    assert.ok(message.reasoning_details[0].signature);
    const messages = [user("Why?"), message, user("And then, after all?")];
    const second = await openai.chat.completions.create({ model: "claude", messages, reasoning_effort: "low" });
    assert.ok(second.choices[0].message.content);
    const [sent] = await callsWith("And then, after all?");
    assert.ok(sent.body.includes(message.reasoning_details[0].signature));
  });

  test("a response is written, whole and streamed", async () => {
    for (const model of ["nova", "claude"]) {
      const whole = await openai.responses.create({ model, input: "Name three colours.", store: false });
      assert.equal(whole.status, "completed");
      assert.match(whole.output_text, /Name three colours/);
      const stream = openai.responses.stream({ model, input: "Name three colours." });
      const kinds = (await all(stream)).map((event) => event.type);
      assert.deepEqual([kinds[0], kinds.at(-1)], ["response.created", "response.completed"]);
      assert.equal((await stream.finalResponse()).output_text, whole.output_text);
    }
  });

  test("a response calls a tool, and reads its result in the next", async () => {
    const tools = [{ type: "function", name: "get_weather", parameters: CITY, strict: false }];
    const input = [user(ASKED)];
    const first = await openai.responses.create({ model: "claude", input, tools });
    const call = first.output.find((item) => item.type === "function_call");
    input.push(...first.output, { type: "function_call_output", call_id: call.call_id, output: "It rains frogs." });
    const second = await openai.responses.create({ model: "claude", input, tools });
    assert.match(second.output_text, /frogs/);
  });

  test("embeddings come in order", async () => {
    const input = ["a cat", "a dog", "a stone", "a cat"];
    const { data } = await openai.embeddings.create({ model: "titan-embed", input, dimensions: 256 });
    assert.deepEqual(data.map((each) => each.index), [0, 1, 2, 3]);
    assert.ok(data.every((each) => each.embedding.length === 256));
    assert.deepEqual(data[0].embedding, data[3].embedding);
    assert.notDeepEqual(data[0].embedding, data[1].embedding);
    const asked = { model: "titan-embed", input: "a cat", dimensions: 256, encoding_format: "float" };
    const floats = await openai.embeddings.create(asked);
    floats.data[0].embedding.forEach((number, at) => assert.ok(Math.abs(number - data[0].embedding[at]) < 1e-6));
  });

  test("models are listed", async () => {
    const names = (await all(openai.models.list())).map((model) => model.id);
    assert.ok(names.includes("claude") && names.includes("nova"));
    assert.equal((await openai.models.retrieve("nova")).object, "model");
  });

  test("each error is of its class", async () => {
    await assert.rejects(chat("Hi", { model: "nope" }), OpenAI.NotFoundError);
    await assert.rejects(chat("Hi", { seed: 3 }), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.deepEqual([error.code, error.param], ["unsupported", "seed"]);
      return true;
    });
    const stranger = new OpenAI({ baseURL: `${GATEWAY}/v1`, apiKey: "a guess", maxRetries: 0 });
    await assert.rejects(stranger.chat.completions.create(asking("Hi")), OpenAI.AuthenticationError);
    await order({ fault: "throttle", count: 9 });
    await assert.rejects(chat("Hi"), OpenAI.RateLimitError);
    await assert.rejects(chat("Hi", { stream: true }), OpenAI.RateLimitError);
  });

  test("an error within a stream is thrown", async () => {
    const failing = { fault: "exception_frame", error: "modelStreamErrorException", after: 3 };
    await order(failing);
    await assert.rejects(all(await chat("Hello", { stream: true })), OpenAI.APIError);
    await order(failing);
    await assert.rejects(all(await openai.responses.create({ model: "nova", input: "Hello", stream: true })));
  });

  test("what a model cannot take is left out on request, and told", async () => {
    const headers = { "x-bedrock-flask-unsupported": "drop" };
    const asked = openai.chat.completions.create(asking("Hi", { seed: 3 }), { headers });
    const { data, response } = await asked.withResponse();
    assert.ok(data.choices[0].message.content);
    assert.equal(response.headers.get("x-bedrock-flask-dropped"), "seed");
  });

  test("a stream that is left ends its call", async () => {
    await order({ fault: "stall", after: 2 });
    const stream = await chat("Left by openai", { stream: true });
    stream.controller.abort();
    await until(async () => (await callsWith("Left by openai"))[0]?.ended === "client left");
  });
});

describe("Vercel AI SDK", () => {
  const openai = createOpenAI({ baseURL: `${GATEWAY}/v1`, apiKey: KEY });
  const anthropic = createAnthropic({ baseURL: `${GATEWAY}/v1`, apiKey: KEY });
  const bedrock = createAmazonBedrock({
    baseURL: GATEWAY,
    region: "us-east-1",
    accessKeyId: KEY_ID,
    secretAccessKey: KEY_SECRET,
  });
  const stateless = { openai: { store: false } };
  const MODELS = {
    "openai.chat, Nova": { model: openai.chat("nova") },
    "openai.chat, Claude": { model: openai.chat("claude") },
    "openai.responses, Nova": { model: openai.responses("nova"), providerOptions: stateless },
    "openai.responses, Claude": { model: openai.responses("claude"), providerOptions: stateless },
    "anthropic, Nova": { model: anthropic("nova") },
    "anthropic, Claude": { model: anthropic("claude") },
    "amazon-bedrock, Nova": { model: bedrock(NOVA) },
    "amazon-bedrock, Claude": { model: bedrock(CLAUDE) },
    "amazon-bedrock, an ARN": { model: bedrock(PROFILE) },
    "amazon-bedrock, a bearer key": {
      model: createAmazonBedrock({ baseURL: GATEWAY, region: "us-east-1", apiKey: KEY })(NOVA),
    },
  };
  const weather = tool({
    description: "The weather of a city.",
    inputSchema: jsonSchema(CITY),
    execute: async ({ city }) => `It rains frogs, and not only in ${city}.`,
  });

  for (const [name, asked] of Object.entries(MODELS)) {
    test(`${name}: a text`, async () => {
      const prompt = "Name three colours.";
      const whole = await generateText({ ...asked, prompt, system: "Be terse.", maxOutputTokens: 200, maxRetries: 0 });
      assert.match(whole.text, /Name three colours/);
      assert.equal(whole.finishReason, "stop");
      assert.deepEqual(whole.warnings ?? [], []);
      const stream = streamText({ ...asked, prompt, system: "Be terse.", maxOutputTokens: 200, maxRetries: 0 });
      const pieces = await all(stream.textStream);
      assert.ok(pieces.length > 5);
      assert.equal(pieces.join(""), whole.text);
      const { inputTokens, outputTokens } = await stream.usage;
      assert.deepEqual({ inputTokens, outputTokens }, {
        inputTokens: whole.usage.inputTokens,
        outputTokens: whole.usage.outputTokens,
      });
    });

    test(`${name}: a tool over two steps`, async () => {
      const tools = { get_weather: weather };
      const request = { ...asked, prompt: ASKED, tools, stopWhen: stepCountIs(3), maxRetries: 0 };
      const whole = await generateText(request);
      assert.match(whole.text, /frogs/);
      assert.equal(whole.steps.length, 2);
      const stream = streamText(request);
      const parts = await all(stream.fullStream);
      assert.deepEqual(parts.filter((part) => part.type === "error"), []);
      assert.match(await stream.text, /frogs/);
    });

    test(`${name}: a failure within a stream is told`, async () => {
      await order({ fault: "exception_frame", error: "modelStreamErrorException", after: 3 });
      const stream = streamText({ ...asked, prompt: "Hello", maxRetries: 0, onError: () => {} });
      const kinds = (await all(stream.fullStream)).map((part) => part.type);
      assert.ok(kinds.includes("error"), kinds.join());
    });
  }

  for (const name of ["openai.chat, Claude", "openai.responses, Claude", "anthropic, Claude"]) {
    test(`${name}: an object of a schema`, async () => {
      await script({ contains: "In which city?", text: '{"city": "Zurich"}' });
      const output = Output.object({ schema: jsonSchema({ ...CITY, additionalProperties: false }) });
      const told = await generateText({ ...MODELS[name], prompt: "In which city?", output, maxRetries: 0 });
      assert.deepEqual(told.output, { city: "Zurich" });
    });
  }

  test("embeddings", async () => {
    const values = ["a cat", "a dog"];
    const { embeddings } = await embedMany({ model: openai.textEmbeddingModel("titan-embed"), values, maxRetries: 0 });
    assert.deepEqual(embeddings.map((each) => each.length), [1024, 1024]);
  });

  test("an error has its status, its words and whether to try again", async () => {
    const failure = async (model) => {
      try {
        await generateText({ model, prompt: "Hi", maxRetries: 0 });
      } catch (error) {
        assert.ok(APICallError.isInstance(error), String(error));
        return [error.statusCode, error.isRetryable, error.message];
      }
      return assert.fail("no error");
    };
    for (const model of [openai.chat("nope"), openai.responses("nope"), anthropic("nope"), bedrock("nope")]) {
      const [status, retryable, message] = await failure(model);
      assert.deepEqual([status, retryable], [404, false]);
      assert.match(message, /nope/);
    }
    await order({ fault: "throttle", count: 99, message: "Slow down." });
    for (const model of [openai.chat("nova"), openai.responses("nova"), anthropic("nova"), bedrock(NOVA)]) {
      const [status, retryable, message] = await failure(model);
      assert.deepEqual([status, retryable], [429, true]);
      assert.match(message, /Slow down/);
    }
  });
});
