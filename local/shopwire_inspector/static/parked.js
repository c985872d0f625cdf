// The list of parked webhooks.

import { fetchJson, find, poll, setText } from "./page.js";

export class ParkedList {
  constructor() {
    this.element = find("parked");
    this.template = find("card").content.firstElementChild;
    this.revision = this.element.dataset.revision;
    this.held = null; // new rows that are not shown while the reader uses the list
    this.element.classList.add("floating");
    this.place([...this.element.children]);
    find("news").addEventListener("click", () => {
      this.showHeld();
      find("main").focus({ preventScroll: true }); // the button, which has the focus, disappears
    });
    poll(() => this.update(), Number(this.element.dataset.pollMs));
  }

  async update() {
    const parked = await fetchJson(`/inspect/parked/rows?revision=${this.revision}`);
    if (parked?.rows) {
      this.revision = parked.revision;
      this.held = parked.rows;
    }
    if (this.held && !this.inUse) this.showHeld();
    find("news").hidden = !this.held;
  }

  /** Whether the pointer, the focus or a text selection is in the list, or the reader has scrolled down in it. */
  get inUse() {
    const { element } = this;
    const used = element.matches(":hover") || element.contains(document.activeElement) || !getSelection().isCollapsed;
    return used || element.getBoundingClientRect().top < 0;
  }

  showHeld() {
    const old = new Map([...this.element.children].map((element) => [element.dataset.id, element]));
    const cards = this.held.map((row) => this.fill(old.get(row.id) ?? this.template.cloneNode(true), row));
    this.element.replaceChildren(...cards);
    this.place(cards);
    this.held = null;
    find("news").hidden = true;
  }

  fill(element, row) {
    element.dataset.id = row.id;
    element.querySelector("a").href = `/inspect/parked/${encodeURIComponent(row.id)}`;
    for (const name of ["topic", "entity", "shop", "reason", "time", "times"])
      setText(element.querySelector(`.${name}`), row[name]);
    return element;
  }

  /** Positions each card, so that a new card does not shift the layout of the page. */
  place(cards) {
    this.element.style.height = `calc(${cards.length} * var(--row))`;
    cards.forEach((card, index) => (card.style.transform = `translateY(calc(${index} * var(--row)))`));
    find("empty").hidden = cards.length > 0;
  }
}
