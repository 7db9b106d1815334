// A channel's subscriber in JavaScript: prints the present, a marker, then every change, a JSON
// object a line.
//
//     node subscriber.mjs nats://127.0.0.1:4222 web web.creds
//
// It needs nothing but the channel's own rights: it asks for its durable to be made anew, which
// puts the last number of every SKU first, and pulls from it.

import { readFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { connect, credsAuthenticator, JSONCodec } from "nats";

const [url, channel, credentials] = process.argv.slice(2);
const json = JSONCodec();

// Names are one token of a subject: every UTF-8 byte but A-Za-z0-9_- is % and two hex digits.
const token = (name) =>
  [...new TextEncoder().encode(name)]
    .map((byte) => String.fromCharCode(byte))
    .map((c) => (/[A-Za-z0-9_-]/.test(c) ? c : "%" + c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")))
    .join("");

const { hostname, port, username, password } = new URL(url);
const connection = await connect({
  servers: `${hostname}:${port}`,
  inboxPrefix: `_INBOX_${token(channel)}`,
  maxReconnectAttempts: -1,
  ...(username ? { user: username, pass: password } : {}),
  ...(credentials ? { authenticator: credsAuthenticator(readFileSync(credentials)) } : {}),
});

// The present: of what is in the stream when the durable is made, the last number of each SKU.
const session = randomBytes(8).toString("hex");
const sync = async () => {
  const subject = `inventory.channels.${token(channel)}.sync`;
  const asked = await connection.request(subject, json.encode({ session }), { timeout: 5_000 });
  return json.decode(asked.data);
};
let answer = await sync();
while (answer.error) {
  process.stderr.write(`not yet: ${answer.error}\n`);
  await new Promise((resolve) => setTimeout(resolve, 500));
  answer = await sync();
}

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const newest = new Map(); // SKU and location -> told: a number counts only if it is newer.
let complete = false;
const completeIf = (condition) => {
  if (condition && !complete) say({ present: "complete", keys: newest.size });
  complete ||= condition;
};
completeIf(!answer.values);

const consumer = await connection.jetstream().consumers.get(answer.stream, answer.consumer);
const messages = await consumer.consume({ max_messages: 100, idle_heartbeat: 1_000 });
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => messages.close());

for await (const message of messages) {
  const { data } = json.decode(message.data);
  const key = JSON.stringify([data.sku, data.location ?? null]);
  if (data.told > (newest.get(key) ?? 0)) {
    newest.set(key, data.told);
    say({ sku: data.sku, location: data.location ?? null, ats: data.ats, told: data.told });
  }
  message.ack(); // After the work: what is not acknowledged comes again.
  completeIf(message.info.pending === 0 && newest.size >= answer.values);
}
await connection.drain();
