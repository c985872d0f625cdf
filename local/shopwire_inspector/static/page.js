// What all pages use.

const POLL_MS = 700;

export const find = (id) => document.getElementById(id);

/** Fetches JSON. Returns null if the server does not respond or reports an error. */
export async function fetchJson(url) {
  try {
    const response = await fetch(url);
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
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

/** Keeps open details open when the page is loaded again. */
export function keepDetailsOpen() {
  const open = new Set(JSON.parse(sessionStorage.getItem(location.pathname) ?? "[]"));
  for (const details of document.querySelectorAll("details[data-keep]")) {
    details.open ||= open.has(details.dataset.keep);
    details.addEventListener("toggle", () => {
      details.open ? open.add(details.dataset.keep) : open.delete(details.dataset.keep);
      sessionStorage.setItem(location.pathname, JSON.stringify([...open]));
    });
  }
}

/**
 * Watches the revision of a webhook's page. If it changes, the page shows a link to load it again. The page of a waiting
 * webhook reloads itself, unless the reader has selected text or has the focus in it.
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
  }, pollMs);
}

/** Shows the number of active faults beside the link to the faults page. */
export function showActiveFaults(faults) {
  const badge = find("active-faults");
  if (!badge) return;
  badge.hidden = !faults.length;
  badge.title = faults.join("; ");
  setText(badge, `${faults.length} active`);
}
