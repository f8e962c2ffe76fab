// Calls upstream for one call that fails for ever, with each SDK's own defaults: the numbers of docs/explanation/errors.md.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { BedrockRuntimeClient, ConverseCommand } from "@aws-sdk/client-bedrock-runtime";
import OpenAI from "openai";

const { EMULATOR, GATEWAY } = process.env;
// Not every checkout has it yet.
const Anthropic = (await import("@anthropic-ai/sdk").catch(() => ({}))).default;
const NOVA = "amazon.nova-lite-v1:0";
const messages = [{ role: "user", content: "Hi" }];
const credentials = { accessKeyId: "emulator", secretAccessKey: "emulator" };
const FAULTS = { 429: "throttle", 503: "unavailable", 500: "internal", 408: "ModelTimeoutException" };

const CLIENTS = {
  "AWS SDK for JavaScript": (endpoint) =>
    new BedrockRuntimeClient({ endpoint, region: "us-east-1", credentials }).send(
      new ConverseCommand({ modelId: NOVA, messages: [{ role: "user", content: [{ text: "Hi" }] }] }),
    ),
  "openai for JavaScript": (address) =>
    new OpenAI({ baseURL: `${address}/v1`, apiKey: "any" }).chat.completions.create({ model: NOVA, messages }),
  "anthropic for JavaScript": (baseURL) =>
    new Anthropic({ baseURL, apiKey: "any" }).messages.create({ model: NOVA, max_tokens: 9, messages }),
};

const TABLE = readFileSync(new URL("../../docs/explanation/errors.md", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .map((line) => line.slice(2, -2).split(" | "));
const [, ...STATUSES] = TABLE.find((row) => row[0] === "client");

const ask = (method, path, body) => fetch(`${EMULATOR}${path}`, { method, body: body && JSON.stringify(body) });

async function countCalls(call, address, fault) {
  await ask("DELETE", "/_emulator/requests");
  await ask("POST", "/_emulator/faults", { fault, count: 30, retry_after: "0" });
  await assert.rejects(call(address));
  await ask("DELETE", "/_emulator/faults");
  return (await (await ask("GET", "/_emulator/requests")).json()).length;
}

// Retries have a budget, which answers fill: each test begins with all of it.
async function fillBudget() {
  const body = JSON.stringify({ messages: [{ role: "user", content: [{ text: "Hi" }] }] });
  for (let answers = 0; answers < 40; answers += 1) {
    const response = await fetch(`${GATEWAY}/model/${NOVA}/converse`, { method: "POST", body });
    assert.equal(response.status, 200, await response.text());
  }
}

for (const [name, call] of Object.entries(CLIENTS)) {
  describe(name, { skip: name.startsWith("anthropic") && !Anthropic && "not installed" }, () => {
    for (const [status, fault] of Object.entries(FAULTS)) {
      test(`${status} for ever`, async () => {
        await fillBudget();
        const calls = await countCalls(call, GATEWAY, fault);
        const row = TABLE.find((each) => each[0] === name);
        assert.equal(String(calls), row[1 + STATUSES.indexOf(status)]);
        if (name.startsWith("AWS")) {
          assert.equal(calls, await countCalls(call, EMULATOR, fault));
        }
      });
    }
  });
}
