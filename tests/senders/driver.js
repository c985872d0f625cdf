// Runs commands of tests/senders/senders.py against the Node sender. One result per command is printed as JSON.
"use strict";

const fs = require("fs");
const { Queue } = require("../../senders/node/shopwire-queue.js");

async function main() {
  const input = JSON.parse(fs.readFileSync(0, "utf8"));
  let now = input.now;
  const queue = new Queue(input.folder, input.url, input.secrets, { timeout: input.timeout, clock: () => now });
  const results = [];
  for (const [name, argument] of input.commands) {
    if (name === "add") results.push(queue.add(argument));
    else if (name === "flush") results.push(await queue.flush(argument));
    else {
      now += argument;
      results.push(null);
    }
  }
  console.log(JSON.stringify(results));
}

main();
