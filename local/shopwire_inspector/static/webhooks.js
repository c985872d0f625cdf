// The list of webhooks with its filter, counters and charts.

import { listenToKeys } from "./keys.js";
import { fetchJson, find, poll, setText, showActiveFaults } from "./page.js";
import { watchBulk, watchSenders } from "./senders.js";
import { rememberList, returningTo } from "./way_back.js";

const OVERSCAN_ROWS = 12;
const FILTER_DELAY_MS = 150;

class WebhookList {
  constructor() {
    this.element = find("rows");
    this.form = find("filter");
    this.sticky = find("sticky"); // the filter and the heads, which stay visible
    this.newsButton = find("news");
    this.template = find("row").content.firstElementChild;
    this.rows = []; // newest first
    this.known = new Map(); // id -> row
    this.elements = new Map(); // id -> element in the document
    this.held = []; // new rows that are not shown while the reader uses the list
    this.cursor = 0;
    this.loadNumber = 0;
    this.focusedId = null;
    this.element.classList.add("floating");
    this.pointerInside = false;
    this.element.addEventListener("pointerenter", () => (this.pointerInside = true));
    this.element.addEventListener("pointerleave", () => (this.pointerInside = false));
    this.element.addEventListener("focusin", (event) => {
      this.focusedId = Number(event.target.closest(".row")?.dataset.id);
    });
    this.newsButton.addEventListener("click", () => this.showHeld());
    addEventListener("scroll", () => this.draw(), { passive: true });
    addEventListener("resize", () => this.measure());
    this.measure();
  }

  measure() {
    this.rowHeight = parseFloat(getComputedStyle(this.element).getPropertyValue("--row")) || 40;
    this.draw();
  }

  get query() {
    const query = new URLSearchParams(new FormData(this.form));
    for (const [name, value] of [...query]) if (!value) query.delete(name);
    return query;
  }

  rowsUrl(more) {
    const query = this.query;
    for (const [name, value] of Object.entries(more)) query.set(name, value);
    return `/inspect/rows?${query}`;
  }

  /** Loads all rows that match the filter. The first page is shown at once, the others follow. */
  async load() {
    const loadNumber = ++this.loadNumber;
    let page = await fetchJson(this.rowsUrl({}));
    if (!page || loadNumber !== this.loadNumber) return;
    this.cursor = page.cursor;
    this.rows = page.rows;
    this.known = new Map(page.rows.map((row) => [row.id, row]));
    this.held = [];
    this.total = page.total;
    this.redraw();
    this.showOverview(page);
    this.returnTo(returningTo(String(this.query)));
    while (this.rows.length < this.total && page.rows.length) {
      page = await fetchJson(this.rowsUrl({ before: this.rows.at(-1).id }));
      if (!page || loadNumber !== this.loadNumber) return;
      for (const row of page.rows) this.known.set(row.id, row);
      this.rows = this.rows.concat(page.rows);
      this.draw();
    }
    this.total = this.rows.length;
    this.draw();
  }

  /** Scrolls to where the reader left the list. */
  returnTo(left) {
    if (!left) return;
    this.focusedId = left.focusedId;
    scrollTo({ top: left.top });
    this.draw();
  }

  /** Applies what has changed since the last call. */
  async update() {
    const loadNumber = this.loadNumber;
    const changes = await fetchJson(this.rowsUrl({ after: this.cursor }));
    if (!changes || loadNumber !== this.loadNumber) return;
    if (changes.cursor < this.cursor) return this.load(); // shopwire was restarted
    this.cursor = changes.cursor;
    for (const row of changes.rows) {
      const isNew = !this.known.has(row.id);
      this.known.set(row.id, row);
      if (isNew) this.held.unshift(row);
      else this.replace(row);
    }
    for (const id of changes.removed) this.remove(id);
    if (this.held.length && !this.inUse) this.showHeld(false);
    this.draw();
    this.showOverview(changes);
  }

  replace(row) {
    const index = this.rows.findIndex((other) => other.id === row.id);
    if (index >= 0) this.rows[index] = row;
    this.held = this.held.map((other) => (other.id === row.id ? row : other));
    if (this.elements.has(row.id)) this.fill(this.elements.get(row.id), row);
  }

  remove(id) {
    if (!this.known.delete(id)) return;
    const count = this.rows.length;
    this.rows = this.rows.filter((row) => row.id !== id);
    this.total -= count - this.rows.length;
    this.held = this.held.filter((row) => row.id !== id);
  }

  /** Whether the pointer or the focus is in the list, or the reader has scrolled down in it. Nothing may move then. */
  get inUse() {
    return this.pointerInside || this.element.contains(document.activeElement) || this.isScrolled;
  }

  get isScrolled() {
    return this.element.getBoundingClientRect().top + 1 < this.sticky.getBoundingClientRect().bottom;
  }

  showHeld(scroll = true) {
    this.held.sort((a, b) => b.id - a.id);
    this.rows = this.held.concat(this.rows);
    this.total += this.held.length;
    this.held = [];
    if (scroll) scrollTo({ top: 0 });
    this.draw();
  }

  redraw() {
    for (const element of this.elements.values()) element.remove();
    this.elements.clear();
    this.element.replaceChildren();
    this.draw();
  }

  /** Puts only the visible rows into the document, each at its place. */
  draw() {
    const total = this.total ?? this.element.childElementCount;
    this.element.style.height = `${total * this.rowHeight}px`;
    if (this.total === undefined) return;
    const visible = this.visibleIndexes();
    const free = []; // elements are reused, because creating them takes most of the time while scrolling
    for (const [id, element] of this.elements) {
      if (visible.has(id)) continue;
      free.push(element);
      this.elements.delete(id);
    }
    let next = null;
    for (const [id, index] of [...visible].sort((a, b) => b[1] - a[1])) {
      let element = this.elements.get(id);
      if (!element) {
        element = this.fill(free.pop() ?? this.template.cloneNode(true), this.rows[index]);
        this.elements.set(id, element);
      }
      if (element.nextSibling !== next || !element.parentNode) this.element.insertBefore(element, next);
      element.style.transform = `translateY(${index * this.rowHeight}px)`;
      element.setAttribute("aria-posinset", index + 1);
      element.setAttribute("aria-setsize", total);
      next = element;
    }
    for (const element of free) element.remove();
    this.showCounts(total);
  }

  /** Returns id -> index of each row that must be in the document: the visible ones, and the one with the focus. */
  visibleIndexes() {
    const top = -this.element.getBoundingClientRect().top;
    const from = Math.max(Math.floor(top / this.rowHeight) - OVERSCAN_ROWS, 0);
    const to = Math.ceil((top + innerHeight) / this.rowHeight) + OVERSCAN_ROWS;
    const visible = new Map();
    for (let index = from; index < Math.min(to, this.rows.length); index++) visible.set(this.rows[index].id, index);
    if (this.focusedId !== null && this.known.has(this.focusedId) && this.elements.has(this.focusedId)) {
      const index = this.rows.findIndex((row) => row.id === this.focusedId);
      if (index >= 0) visible.set(this.focusedId, index);
    }
    return visible;
  }

  showCounts(total) {
    const filtered = this.query.size > 0;
    find("empty").hidden = total > 0;
    find("no-match").hidden = !filtered;
    find("nothing").hidden = filtered;
    const count = total + this.held.length;
    setText(find("matching"), filtered ? (count ? `${count} match` : "no match") : `${count} in all`);
    find("export").href = `/inspect/export?${this.query}`;
    this.newsButton.hidden = !this.held.length;
    setText(this.newsButton, `${this.held.length} new`);
  }

  fill(element, row) {
    element.className = `row g-${row.group}`;
    element.dataset.id = row.id;
    const link = element.firstElementChild;
    link.href = `/inspect/webhooks/${Number(row.id)}${this.query.size ? `?${this.query}` : ""}`;
    const part = (name) => link.querySelector(`.${name}`);
    for (const name of ["time", "shop", "topic", "outcome"]) setText(part(name), row[name]);
    replaceSpans(part("entity"), { head: row.entity_head, tail: row.entity_tail });
    replaceSpans(part("result"), { sent: row.sent, problem: row.problem, reason: row.reason });
    part("time").title = row.moment;
    part("topic").title = row.topic;
    part("entity").title = row.entity;
    part("state").title = [row.outcome, row.sent, row.problem, row.reason].filter(Boolean).join(" · ");
    setText(part("attempts").firstChild, String(row.attempts));
    setText(part("attempts").lastChild, row.attempts === 1 ? " try" : " tries");
    setText(part("ms").firstChild, row.duration_ms === null ? "" : String(row.duration_ms));
    return element;
  }

  showOverview({ counters, queue, charts, faults }) {
    const counts = find("counters").querySelectorAll("b");
    counters.forEach(([, , count], index) => setText(counts[index], String(count)));
    setText(find("queue"), queue);
    for (const chart of charts) {
      const figure = document.querySelector(`[data-chart="${chart.name}"]`);
      setText(figure.querySelector("[data-current]"), chart.current);
      setText(figure.querySelector("[data-maximum]"), chart.maximum);
      figure.querySelector("svg").setAttribute("aria-label", chart.label);
      const bars = figure.querySelectorAll("rect");
      chart.bars.flat().forEach(([y, height], index) => {
        bars[index].setAttribute("y", y);
        bars[index].setAttribute("height", height);
      });
    }
    showActiveFaults(faults);
  }

  /** Moves the focus by a number of rows. */
  moveFocus(by) {
    const current = this.rows.findIndex((row) => row.id === this.focusedId);
    const next = Math.min(Math.max(current < 0 ? 0 : current + by, 0), this.rows.length - 1);
    if (next < 0) return;
    const top = this.element.getBoundingClientRect().top + next * this.rowHeight;
    const minimum = this.sticky.getBoundingClientRect().bottom + this.rowHeight;
    if (top < minimum) scrollBy({ top: top - minimum });
    else if (top + 2 * this.rowHeight > innerHeight) scrollBy({ top: top + 2 * this.rowHeight - innerHeight });
    this.focusedId = this.rows[next].id;
    this.draw();
    this.elements.get(this.focusedId)?.firstElementChild.focus({ preventScroll: true });
  }
}

/**
 * Replaces the spans in an element if a text has changed. If only their texts changed, the browser would count it as a
 * layout shift that the second one moves with the length of the first one.
 */
function replaceSpans(element, texts) {
  const old = [...element.children].map((span) => span.textContent);
  if (Object.values(texts).every((text, index) => text === old[index])) return;
  const gap = element.classList.contains("result") ? " " : "";
  element.replaceChildren(
    ...Object.entries(texts).flatMap(([name, text]) => {
      const span = document.createElement("span");
      span.className = name;
      span.textContent = text;
      return [span, gap];
    }),
  );
}

/** The keys of the list. */
const shortcutsOf = (list) => ({
  j: () => list.moveFocus(1),
  ArrowDown: () => list.moveFocus(1),
  k: () => list.moveFocus(-1),
  ArrowUp: () => list.moveFocus(-1),
  n: () => list.showHeld(),
  x: () => find("export").click(),
  p: () => find("replay-all")?.click(),
  r: () => find("resend-all")?.click(),
  s: () => {
    if (!find("try")) return;
    find("try").open = true;
    find("sample").focus();
  },
});

function listenToFilter(list) {
  let timer;
  const apply = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      history.replaceState(null, "", list.query.size ? `/?${list.query}` : "/");
      list.load();
    }, FILTER_DELAY_MS);
  };
  list.form.addEventListener("input", apply);
  list.form.addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
}

export function startWebhooks() {
  const list = new WebhookList();
  rememberList(() => ({ query: String(list.query), focusedId: list.focusedId }));
  list.load();
  listenToKeys(shortcutsOf(list));
  listenToFilter(list);
  watchSenders();
  watchBulk(list);
  poll(() => list.update());
}
