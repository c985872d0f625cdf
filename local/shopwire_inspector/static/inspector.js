// The inspector's behaviour: lists that fill by themselves, keys, switches, pages that say when they have changed.
// Every page works without it. What comes from outside is set as text and never parsed as markup.

const find = (id) => document.getElementById(id);
const LOOK_EVERY = 700;

/** Asks for JSON; null while nobody answers. */
async function ask(address) {
  try {
    const answer = await fetch(address);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

/** Calls `look` again and again while the page is seen, never twice at once. */
function keepLooking(look, every = LOOK_EVERY) {
  const next = async () => {
    if (!document.hidden) await look();
    setTimeout(next, every);
  };
  setTimeout(next, every);
}

/** Sets the text of an element, or replaces a text. */
function setText(element, text) {
  if (!element || element.textContent === text) return;
  // A text that stands at the right is a new one: the same with a figure more would be one that has moved.
  if (element.nodeType === Node.TEXT_NODE) element.replaceWith(text);
  else element.textContent = text;
}

// --- what every page has

/** Opened details stay open when the page is loaded again. */
function keepDetails() {
  const open = new Set(JSON.parse(sessionStorage.getItem(location.pathname) ?? "[]"));
  for (const details of document.querySelectorAll("details[data-keep]")) {
    details.open ||= open.has(details.dataset.keep);
    details.addEventListener("toggle", () => {
      details.open ? open.add(details.dataset.keep) : open.delete(details.dataset.keep);
      sessionStorage.setItem(location.pathname, JSON.stringify([...open]));
    });
  }
}

/** A webhook's page shows itself anew while it waits and nobody reads in it; else it says that there is more. */
function watchPage() {
  const { watch, changed, waits, every } = document.body.dataset;
  keepLooking(async () => {
    const now = await ask(watch);
    if (!now || String(now.changed) === changed) return;
    const read = document.activeElement !== document.body || !getSelection().isCollapsed;
    if (waits !== undefined && !read) return location.reload();
    const [again, gone] = find("changed").children;
    find("changed").hidden = false;
    again.hidden = now.changed === null;
    if (gone) gone.hidden = !again.hidden;
  }, every);
}

/** How much is broken, beside the page's name. */
function sayBroken(said) {
  const broken = find("broken");
  if (!broken) return;
  broken.hidden = !said.length;
  broken.title = said.join("; ");
  setText(broken, `${said.length} on`);
}

// --- the list

const OVERSCAN = 12;

class List {
  constructor() {
    this.element = find("rows");
    this.form = find("filter");
    this.news = find("news");
    this.template = find("row").content.firstElementChild;
    this.rows = []; // the newest first
    this.known = new Map(); // id -> row
    this.shown = new Map(); // id -> element
    this.held = []; // new ones that wait until nobody is in the list
    this.cursor = 0;
    this.loading = 0;
    this.chosen = null;
    this.element.classList.add("floating");
    this.pointer = false;
    this.element.addEventListener("pointerenter", () => (this.pointer = true));
    this.element.addEventListener("pointerleave", () => (this.pointer = false));
    this.element.addEventListener("focusin", (event) => this.choose(Number(event.target.closest(".row")?.dataset.id)));
    this.news.addEventListener("click", () => this.showNews());
    addEventListener("scroll", () => this.draw(), { passive: true });
    addEventListener("resize", () => this.measure());
    this.measure();
  }

  measure() {
    this.height = parseFloat(getComputedStyle(this.element).getPropertyValue("--row")) || 40;
    this.draw();
  }

  get query() {
    const wanted = new URLSearchParams(new FormData(this.form));
    for (const [name, value] of [...wanted]) if (!value) wanted.delete(name);
    return wanted;
  }

  address(more) {
    const query = this.query;
    for (const [name, value] of Object.entries(more)) query.set(name, value);
    return `/inspect/rows?${query}`;
  }

  /** Everything that the filter lets through, page by page; the first page at once. */
  async load() {
    const turn = ++this.loading;
    let said = await ask(this.address({}));
    if (!said || turn !== this.loading) return;
    this.cursor = said.cursor;
    this.rows = said.rows;
    this.known = new Map(said.rows.map((row) => [row.id, row]));
    this.held = [];
    this.total = said.total;
    this.redraw();
    this.overview(said);
    while (this.rows.length < this.total && said.rows.length) {
      said = await ask(this.address({ before: this.rows.at(-1).id }));
      if (!said || turn !== this.loading) return;
      for (const row of said.rows) this.known.set(row.id, row);
      this.rows = this.rows.concat(said.rows);
      this.draw();
    }
    this.total = this.rows.length;
    this.draw();
  }

  async look() {
    const turn = this.loading;
    const said = await ask(this.address({ after: this.cursor }));
    if (!said || turn !== this.loading) return;
    if (said.cursor < this.cursor) return this.load(); // shopwire was started anew
    this.cursor = said.cursor;
    for (const row of said.rows) {
      const old = this.known.get(row.id);
      this.known.set(row.id, row);
      if (!old) this.held.unshift(row);
      else this.replace(row);
    }
    for (const id of said.gone) this.drop(id);
    if (this.held.length && !this.occupied) this.showNews(false);
    this.draw();
    this.overview(said);
  }

  replace(row) {
    const at = this.rows.findIndex((one) => one.id === row.id);
    if (at >= 0) this.rows[at] = row;
    this.held = this.held.map((one) => (one.id === row.id ? row : one));
    if (this.shown.has(row.id)) this.fill(this.shown.get(row.id), row);
  }

  drop(id) {
    if (!this.known.delete(id)) return;
    const count = this.rows.length;
    this.rows = this.rows.filter((one) => one.id !== id);
    this.total -= count - this.rows.length;
    this.held = this.held.filter((one) => one.id !== id);
  }

  /** Whether somebody points at the list, reads further down or has the focus in it: then nothing may move. */
  get occupied() {
    return this.pointer || this.element.contains(document.activeElement) || this.scrolledInto;
  }

  get scrolledInto() {
    return this.element.getBoundingClientRect().top + 1 < this.form.getBoundingClientRect().bottom;
  }

  showNews(go = true) {
    this.held.sort((a, b) => b.id - a.id);
    this.rows = this.held.concat(this.rows);
    this.total += this.held.length;
    this.held = [];
    if (go) scrollTo({ top: 0 });
    this.draw();
  }

  redraw() {
    for (const element of this.shown.values()) element.remove();
    this.shown.clear();
    this.element.replaceChildren();
    this.draw();
  }

  /** Only what is in sight is in the document, each row at its place. */
  draw() {
    const total = this.total ?? this.element.childElementCount;
    this.element.style.height = `${total * this.height}px`;
    if (this.total === undefined) return;
    const top = -this.element.getBoundingClientRect().top;
    const from = Math.max(Math.floor(top / this.height) - OVERSCAN, 0);
    const to = Math.ceil((top + innerHeight) / this.height) + OVERSCAN;
    const wanted = new Map();
    for (let at = from; at < Math.min(to, this.rows.length); at++) wanted.set(this.rows[at].id, at);
    if (this.chosen !== null && this.known.has(this.chosen) && this.shown.has(this.chosen)) {
      const at = this.rows.findIndex((one) => one.id === this.chosen);
      if (at >= 0) wanted.set(this.chosen, at); // the focus must not get lost
    }
    const free = []; // elements are used again: to make new ones while scrolling takes most of the time
    for (const [id, element] of this.shown) {
      if (wanted.has(id)) continue;
      free.push(element);
      this.shown.delete(id);
    }
    let before = null;
    for (const [id, at] of [...wanted].sort((a, b) => b[1] - a[1])) {
      let element = this.shown.get(id);
      if (!element) {
        element = this.fill(free.pop() ?? this.template.cloneNode(true), this.rows[at]);
        this.shown.set(id, element);
      }
      if (element.nextSibling !== before || !element.parentNode) this.element.insertBefore(element, before);
      element.style.transform = `translateY(${at * this.height}px)`;
      element.setAttribute("aria-posinset", at + 1);
      element.setAttribute("aria-setsize", total);
      before = element;
    }
    for (const element of free) element.remove();
    find("empty").hidden = total > 0;
    const many = total + this.held.length;
    setText(find("matching"), this.query.size ? `${many} match` : `${many} in all`);
    this.news.hidden = !this.held.length;
    setText(this.news, `${this.held.length} new`);
  }

  fill(element, row) {
    element.className = `row g-${row.group}`;
    element.dataset.id = row.id;
    const link = element.firstElementChild;
    link.href = `/inspect/webhooks/${Number(row.id)}`;
    const part = (name) => link.querySelector(`.${name}`);
    for (const name of ["time", "shop", "topic", "entity", "outcome", "reason"]) setText(part(name), row[name]);
    part("time").title = row.moment;
    part("state").title = row.reason;
    setText(part("tries").firstChild, String(row.tries));
    setText(part("tries").lastChild, row.tries === 1 ? " try" : " tries");
    setText(part("ms").firstChild, row.milliseconds === null ? "" : String(row.milliseconds));
    return element;
  }

  overview(said) {
    const counts = find("counters").querySelectorAll("b");
    said.counters.forEach(([, , count], at) => setText(counts[at], String(count)));
    setText(find("queue"), said.queue);
    for (const chart of said.charts) {
      const figure = document.querySelector(`[data-chart="${chart.name}"]`);
      setText(figure.querySelector("[data-now]"), chart.now);
      figure.querySelector("svg").setAttribute("aria-label", chart.label);
      const bars = figure.querySelectorAll("rect");
      chart.bars.flat().forEach(([y, height], at) => {
        bars[at].setAttribute("y", y);
        bars[at].setAttribute("height", height);
      });
    }
    sayBroken(said.broken);
  }

  choose(id) {
    this.chosen = id;
  }

  /** Moves the focus by so many rows. */
  move(by) {
    const at = this.rows.findIndex((one) => one.id === this.chosen);
    const next = Math.min(Math.max(at < 0 ? 0 : at + by, 0), this.rows.length - 1);
    if (next < 0) return;
    const top = this.element.getBoundingClientRect().top + next * this.height;
    const ceiling = this.form.getBoundingClientRect().bottom + this.height;
    if (top < ceiling) scrollBy({ top: top - ceiling });
    else if (top + 2 * this.height > innerHeight) scrollBy({ top: top + 2 * this.height - innerHeight });
    this.chosen = this.rows[next].id;
    this.draw();
    this.shown.get(this.chosen)?.firstElementChild.focus({ preventScroll: true });
  }
}

const KEYS = {
  "/": () => (find("text").focus(), find("text").select()),
  j: (list) => list.move(1),
  ArrowDown: (list) => list.move(1),
  k: (list) => list.move(-1),
  ArrowUp: (list) => list.move(-1),
  n: (list) => list.showNews(),
};

function listen(list) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.closest("input, select, textarea");
    if (typing) {
      if (event.key === "Escape" && typing.id === "text") typing.blur();
      return;
    }
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act(list);
  });
  let soon;
  const filter = () => {
    clearTimeout(soon);
    soon = setTimeout(() => {
      history.replaceState(null, "", list.query.size ? `/?${list.query}` : "/");
      list.load();
    }, 150);
  };
  list.form.addEventListener("input", filter);
  list.form.addEventListener("submit", (event) => {
    event.preventDefault();
    filter();
  });
}

function sendSamples() {
  const form = find("send");
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = new URLSearchParams(new FormData(form));
    body.set("json", "1");
    setText(find("sent"), "…");
    const answer = await fetch(form.action, { method: "POST", body }).catch(() => null);
    const said = answer?.ok ? await answer.json() : null;
    setText(find("sent"), said ? `answered ${said.status}: ${status(said.said)}` : "nobody answers");
  });
}

function status(said) {
  try {
    const answer = JSON.parse(said);
    return answer.status ?? answer.error;
  } catch {
    return said;
  }
}

// --- what is parked

class Parked {
  constructor() {
    this.element = find("parked");
    this.template = find("card").content.firstElementChild;
    this.seen = this.element.dataset.changed;
    this.held = null; // what is there now, while somebody is in the list
    this.element.classList.add("floating");
    this.place([...this.element.children]);
    find("news").addEventListener("click", () => {
      this.show();
      find("main").focus({ preventScroll: true }); // the button that had it goes away
    });
    keepLooking(() => this.look(), this.element.dataset.every);
  }

  async look() {
    const said = await ask(`/inspect/parked/rows?seen=${this.seen}`);
    if (said?.listed) {
      this.seen = said.changed;
      this.held = said.listed;
    }
    if (this.held && !this.occupied) this.show();
    find("news").hidden = !this.held;
  }

  /** Whether somebody points at the list, reads further down, marks text or has the focus in it: nothing may move. */
  get occupied() {
    const { element } = this;
    const read = element.matches(":hover") || element.contains(document.activeElement) || !getSelection().isCollapsed;
    return read || element.getBoundingClientRect().top < 0;
  }

  show() {
    const old = new Map([...this.element.children].map((element) => [element.dataset.id, element]));
    const cards = this.held.map((one) => this.fill(old.get(one.id) ?? this.template.cloneNode(true), one));
    this.element.replaceChildren(...cards);
    this.place(cards);
    this.held = null;
    find("news").hidden = true;
  }

  fill(element, one) {
    element.dataset.id = one.id;
    element.querySelector("a").href = `/inspect/parked/${encodeURIComponent(one.id)}`;
    for (const name of ["topic", "entity", "shop", "reason", "time", "times"])
      setText(element.querySelector(`.${name}`), one[name]);
    return element;
  }

  /** Each card at its place, so that a new one shifts nothing of the page's layout. */
  place(cards) {
    this.element.style.height = `calc(${cards.length} * var(--row))`;
    cards.forEach((card, at) => (card.style.transform = `translateY(calc(${at} * var(--row)))`));
    find("empty").hidden = cards.length > 0;
  }
}

// --- the faults

/** The switches show what is on, whoever switched it, and keep the focus when they are pressed. */
function watchFaults(forms) {
  const look = async () => {
    const said = await ask("/inspect/faults/modes");
    if (!said) return;
    sayBroken(said.broken);
    for (const form of forms) {
      const mode = said.modes[form.dataset.part];
      for (const button of form.querySelectorAll("button")) {
        const on = button.value === mode;
        button.setAttribute("aria-pressed", on);
        if (on) setText(form.querySelector(".now b"), button.querySelector("span").textContent);
      }
      form.querySelector(".now b").className = mode === "ok" ? "good" : "bad";
    }
  };
  for (const form of [...forms, find("mend")])
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const body = new URLSearchParams(new FormData(form));
      const { name, value } = event.submitter;
      if (name) body.set(name, value);
      // A redirect is not followed: nothing of the page that it leads to is needed.
      const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => null);
      answer ? await look() : location.reload();
    });
  keepLooking(look);
}

keepDetails();
if (document.body.dataset.watch) watchPage();
if (find("parked")) new Parked();
if (find("mend")) watchFaults(document.querySelectorAll(".fault"));
if (find("rows")) {
  const list = new List();
  list.load();
  listen(list);
  sendSamples();
  keepLooking(() => list.look());
}
