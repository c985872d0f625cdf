// The way back to the list: its filter and its scroll position survive a visit of another page.

const KEY = "list";

/** Leads the links to the list to the list as the reader left it. */
export function leadBack() {
  const query = read()?.query;
  for (const link of document.querySelectorAll("a[data-back]")) {
    if (query !== undefined) link.href = query ? `/?${query}` : "/";
    link.addEventListener("click", () => save({ ...read(), returns: true }));
  }
}

/** Notes the state of the list when the reader leaves it. `state` returns `query` and `focusedId`. */
export function rememberList(state) {
  history.scrollRestoration = "manual";
  addEventListener("pagehide", () => save({ ...state(), top: scrollY }));
}

/** Returns where the list was left if the reader comes back to it with the same filter; otherwise null. */
export function returningTo(query) {
  const saved = read();
  const [navigation] = performance.getEntriesByType("navigation");
  const returns = saved?.returns || navigation?.type === "back_forward" || navigation?.type === "reload";
  if (!saved) return null;
  save({ ...saved, returns: false });
  return returns && saved.query === query ? saved : null;
}

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
}

function save(state) {
  sessionStorage.setItem(KEY, JSON.stringify(state));
}
