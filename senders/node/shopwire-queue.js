/**
 * A queue of changes for shopwire, in a folder (docs/platforms/generic.md). Node 14 or later, nothing else.
 *
 *     const { Queue } = require("./shopwire-queue.js");
 *     const shopwire = new Queue("/var/lib/shopwire", "https://.../webhooks/my-shop", "whsec_...");
 *     shopwire.add({ type: "order", ... });   // in the request: writes a file, and calls nothing
 *     shopwire.start();                       // once per process: sends what waits, every few seconds
 *
 * or, in place of start(), each minute from cron:
 *
 *     SHOPWIRE_QUEUE=... SHOPWIRE_URL=... SHOPWIRE_SECRET=... node shopwire-queue.js flush
 *
 * The files are personal data.
 */
"use strict";

const crypto = require("crypto");
const fs = require("fs");
const http = require("http");
const https = require("https");
const path = require("path");

/** Seconds until the next attempt, after one failure, two failures, and so on. */
const DELAYS_SECONDS = [5, 30, 120, 600, 1800, 3600];
const SNAPSHOTS = ["order", "cart", "contact"];
const MAX_RESPONSE_BYTES = 1 << 16;

class Queue {
  /**
   * @param {string} folder where the messages wait
   * @param {string} url the shop's URL, as `shopwire shop show` prints it
   * @param {string|string[]} secrets the shop's secret ("whsec_..."); two of them while one is being replaced
   * @param {{timeout?: number, clock?: () => number}} options seconds for one call; milliseconds since 1970
   */
  constructor(folder, url, secrets, options = {}) {
    this.folder = folder;
    this.url = new URL(url);
    this.secrets = [].concat(secrets);
    this.timeoutMs = (options.timeout || 10) * 1000;
    this.clock = options.clock || Date.now;
    this.sending = false;
    this.lastAdded = 0;
  }

  /**
   * Writes a change into the queue. It never throws, and does not use the network.
   *
   * @param {object} change a body of the format. Without `version` it gets the present time.
   * @returns {boolean} whether it is written. Otherwise the reason is on stderr.
   */
  add(change) {
    try {
      // Of two changes of one millisecond, the second is the newer one.
      const now = Math.max(this.clock(), this.lastAdded + 1);
      this.lastAdded = now;
      if (SNAPSHOTS.includes(change.type) && !change.version) {
        change = { ...change, version: new Date(now).toISOString() };
      }
      const id = `msg_${crypto.randomBytes(12).toString("hex")}`;
      // The name begins with the time, so that the messages are sent in their order.
      const name = `${String(now).padStart(13, "0")}-${id}.json`;
      write(path.join(this.folder, "waiting", name), JSON.stringify({ id, body: JSON.stringify(change) }));
      return true;
    } catch (error) {
      console.error(`shopwire: a change could not be written to the queue: ${error.code || error.name}`);
      return false;
    }
  }

  /**
   * Sends what waits, in order, until a call fails. After a failure it waits longer and longer.
   *
   * @param {number} seconds no call begins later than this
   * @returns {Promise<{sent: number, rejected: number, waiting: number, error: string}>}
   */
  async flush(seconds = 20) {
    const summary = { sent: 0, rejected: 0, waiting: 0, error: "" };
    const unlock = this.sending ? null : this.lock(seconds);
    if (!unlock) {
      return { ...summary, error: "another process is sending" };
    }
    this.sending = true;
    try {
      const state = this.readState();
      if (state.not_before > this.clock()) {
        summary.error = `waiting after a failure: ${state.error}`;
      } else {
        await this.sendWaiting(summary, state.failures, this.clock() + seconds * 1000);
      }
      summary.waiting = this.waiting().length;
    } finally {
      this.sending = false;
      unlock();
    }
    return summary;
  }

  /** Sends what waits every few seconds. It does not keep the process alive. */
  start(intervalSeconds = 5) {
    const run = () => this.flush().catch((error) => console.error(`shopwire: ${error.code || error.name}`));
    const timer = setInterval(run, intervalSeconds * 1000);
    timer.unref();
    return timer;
  }

  async sendWaiting(summary, failures, end) {
    for (const name of this.waiting()) {
      if (this.clock() >= end) {
        return;
      }
      const file = path.join(this.folder, "waiting", name);
      const message = parse(fs.readFileSync(file, "utf8"));
      if (!message || typeof message.id !== "string" || typeof message.body !== "string") {
        this.reject(name, "the file is damaged");
        summary.rejected += 1;
        continue;
      }
      const { status, text } = await this.post(message.id, Buffer.from(message.body));
      if (status === 400 || status === 413) {
        // Mistakes, or more than 4 MiB: sending it again would not help.
        this.reject(name, text);
        summary.rejected += 1;
      } else if (status >= 200 && status < 300) {
        fs.unlinkSync(file);
        summary.sent += 1;
      } else {
        summary.error = status ? `HTTP ${status}: ${text}` : text;
        this.recordFailure(failures + 1, summary.error);
        return;
      }
      if (failures) {
        failures = 0;
        fs.rmSync(path.join(this.folder, "state.json"), { force: true });
      }
    }
  }

  /** Posts a message once. The status is 0 without a response. */
  post(id, body) {
    return new Promise((resolve) => {
      const finish = (status, text) => {
        clearTimeout(timer);
        resolve({ status, text });
      };
      const client = this.url.protocol === "https:" ? https : http;
      const headers = { ...this.headers(id, body), "content-length": body.length };
      const call = client.request(this.url, { method: "POST", headers, agent: false }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk) => {
          text = (text + chunk).slice(0, MAX_RESPONSE_BYTES);
        });
        response.on("end", () => finish(response.statusCode, text));
        response.on("error", () => finish(0, "no whole response"));
      });
      // The limit of the whole call. The socket's own time-out begins again with every byte.
      const timer = setTimeout(() => call.destroy(new Error("no response in time")), this.timeoutMs);
      call.on("error", (error) => finish(0, `no response: ${error.code || error.message}`));
      call.end(body);
    });
  }

  headers(id, body) {
    const timestamp = String(Math.floor(this.clock() / 1000));
    const signatures = this.secrets.map((secret) => {
      const key = secret.startsWith("whsec_") ? Buffer.from(secret.slice(6), "base64") : Buffer.from(secret);
      const mac = crypto.createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
      return `v1,${mac}`;
    });
    return {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": signatures.join(" "),
    };
  }

  waiting() {
    const folder = path.join(this.folder, "waiting");
    return fs.existsSync(folder) ? fs.readdirSync(folder).filter((name) => name.endsWith(".json")).sort() : [];
  }

  /** Keeps a message aside, with the response that names its mistakes. */
  reject(name, why) {
    const aside = path.join(this.folder, "rejected", name);
    write(aside.replace(/\.json$/, ".response.txt"), why);
    fs.renameSync(path.join(this.folder, "waiting", name), aside);
  }

  readState() {
    const file = path.join(this.folder, "state.json");
    const state = fs.existsSync(file) ? parse(fs.readFileSync(file, "utf8")) : null;
    return { failures: 0, not_before: 0, error: "", ...state };
  }

  recordFailure(failures, error) {
    const delay = DELAYS_SECONDS[Math.min(failures, DELAYS_SECONDS.length) - 1] * 1000;
    // Shops that failed together do not come back at the same moment.
    const notBefore = this.clock() + delay * (0.8 + Math.random() / 5);
    const state = { failures, not_before: notBefore, error: error.slice(0, 500) };
    write(path.join(this.folder, "state.json"), JSON.stringify(state));
  }

  /** Returns a function that ends the lock; null if another process has it. Node has no locks that end with a process. */
  lock(seconds) {
    const file = path.join(this.folder, "lock");
    fs.mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    try {
      if (Date.now() - fs.statSync(file).mtimeMs > seconds * 1000 + this.timeoutMs + 60000) {
        fs.rmSync(file, { force: true }); // its process died
      }
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
    try {
      fs.closeSync(fs.openSync(file, "wx"));
    } catch (error) {
      if (error.code === "EEXIST") return null;
      throw error;
    }
    return () => fs.rmSync(file, { force: true });
  }
}

/** Writes a file that no reader sees half-written. */
function write(file, content) {
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${crypto.randomBytes(4).toString("hex")}.tmp`;
  fs.writeFileSync(temporary, content);
  fs.renameSync(temporary, file);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

module.exports = { Queue };

if (require.main === module) {
  const settings = ["SHOPWIRE_QUEUE", "SHOPWIRE_URL", "SHOPWIRE_SECRET"].map((name) => process.env[name]);
  if (process.argv[2] !== "flush" || settings.some((value) => !value)) {
    console.error("usage: SHOPWIRE_QUEUE=FOLDER SHOPWIRE_URL=URL SHOPWIRE_SECRET=whsec_... node shopwire-queue.js flush");
    process.exitCode = 2;
  } else {
    new Queue(...settings).flush().then((summary) => {
      console.log(JSON.stringify(summary));
      process.exitCode = summary.error ? 1 : 0;
    });
  }
}
