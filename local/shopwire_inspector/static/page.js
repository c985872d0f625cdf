// What all pages use.

const POLL_MS = 700;

export const find = (id) => document.getElementById(id);

/** Fetches JSON. Returns null if the server does not respond or reports an error. */
export async function fetchJson(url) {
  try {
    const response = await fetch(url);
    showConnection(true);
    return response.ok ? await response.json() : null;
  } catch {
    showConnection(false);
    return null;
  }
}

/** Posts a form and returns the JSON of the response, or an object with the field `error`. */
export async function postJson(url, fields) {
  const body = new URLSearchParams(fields);
  body.set("json", "1");
  try {
    const response = await fetch(url, { method: "POST", body });
    if (response.ok) return await response.json();
    return { error: errorIn(await response.text()) };
  } catch {
    showConnection(false);
    return { error: "no response" };
  }
}

/** Returns the sentence of an error page. The page's markup is not parsed. */
function errorIn(text) {
  const sentence = /<p class="lead">([^<]*)<\/p>/.exec(text)?.[1] ?? "an error";
  const entities = { "&lt;": "<", "&gt;": ">", "&#34;": '"', "&#39;": "'", "&amp;": "&" };
  return sentence.replace(/&(?:lt|gt|#34|#39|amp);/g, (entity) => entities[entity]);
}

/** Says since when the server has not responded. */
export function showConnection(connected) {
  const banner = find("offline");
  if (!banner || banner.hidden === connected) return;
  banner.hidden = connected;
  if (!connected) banner.querySelector("time").textContent = new Date().toLocaleTimeString();
}

/** Calls `action` repeatedly while the page is visible. A call starts after the one before it has ended. */
export function poll(action, intervalMs = POLL_MS) {
  const next = async () => {
    if (!document.hidden) await action();
    setTimeout(next, intervalMs);
  };
  setTimeout(next, intervalMs);
}

/** Sets the text of an element, or replaces a text node. */
export function setText(node, text) {
  if (!node || node.textContent === text) return;
  // A right-aligned text node is replaced, because the browser counts it as a layout shift when its text gets longer.
  if (node.nodeType === Node.TEXT_NODE) node.replaceWith(text);
  else node.textContent = text;
}

/** Keeps details as the reader left them when the page is loaded again. */
export function keepDetails() {
  const key = `details ${location.pathname}`;
  const states = JSON.parse(sessionStorage.getItem(key) ?? "{}");
  for (const details of document.querySelectorAll("details[data-keep]")) {
    const name = details.dataset.keep;
    if (name in states) details.open = states[name];
    details.addEventListener("toggle", () => {
      states[name] = details.open;
      sessionStorage.setItem(key, JSON.stringify(states));
    });
  }
}

/**
 * Watches the revision of a page. If it changes, the page shows a link to load it again. A page that is expected to
 * change reloads itself, unless the reader has selected text or has the focus in it.
 */
export function watchRevision() {
  const { revisionUrl, revision, reload, pollMs } = document.body.dataset;
  poll(async () => {
    const current = await fetchJson(revisionUrl);
    if (!current || String(current.revision) === revision) return;
    const inUse = document.activeElement !== document.body || !getSelection().isCollapsed;
    if (reload !== undefined && !inUse) return location.reload();
    const [changedLink, removedLink] = find("changed").children;
    find("changed").hidden = false;
    changedLink.hidden = current.revision === null;
    if (removedLink) removedLink.hidden = !changedLink.hidden;
  }, Number(pollMs));
}

/** Shows the number of active faults beside the link to the faults page. */
export function showActiveFaults(faults) {
  const badge = find("active-faults");
  if (!badge) return;
  badge.hidden = !faults.length;
  badge.title = faults.join("; ");
  setText(badge, `${faults.length} active`);
}

/** Asks a question in a dialog. Returns whether the answer is yes. */
export function ask(question) {
  const dialog = find("question");
  find("question-text").textContent = question;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }),
  );
}

/** Posts a form. If the server asks a question first, the reader answers it. Returns null if the answer is no. */
export async function postWithQuestion(url, fields) {
  const first = await postJson(url, fields);
  if (first.question === undefined) return first;
  if (!first.count) return { done: first.question.replace("?", ": there is nothing.") };
  if (!(await ask(first.question))) return null;
  return postJson(url, [...new URLSearchParams(fields), ["confirmed", "1"]]);
}
