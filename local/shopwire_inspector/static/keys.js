// Keyboard shortcuts. `?` lists them.

import { copyFrom } from "./code.js";
import { find } from "./page.js";

const PAGES = { w: "/", p: "/inspect/parked", a: "/inspect/api", f: "/inspect/faults" };

const click = (id) => () => find(id)?.click();
const copy = (id) => () => {
  const button = document.querySelector(`[data-copy="${id}"]`);
  if (button) copyFrom(button);
};

/** What a key does on every page that has the element. A list replaces some of them. */
const SHORTCUTS = {
  "?": () => find("help").showModal(),
  "/": () => {
    find("text")?.focus();
    find("text")?.select();
  },
  b: click("back"),
  k: click("newer"),
  j: click("older"),
  r: click("resend"),
  e: click("edit"),
  t: click("try-now"),
  d: click("download"),
  c: copy("raw-body"),
  u: copy("body-curl"),
};

/** Listens to the keys of the page, and to those of its list. */
export function listenToKeys(ofList = {}) {
  const shortcuts = { ...SHORTCUTS, ...ofList };
  let afterG = false;
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input, select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const action = afterG && PAGES[event.key] ? () => goTo(event.key) : shortcuts[event.key];
    afterG = event.key === "g";
    if (!action) return;
    event.preventDefault();
    action();
  });
  find("help-button").addEventListener("click", SHORTCUTS["?"]);
}

function goTo(key) {
  const link = key === "w" ? "nav a[data-back]" : `nav a[href="${PAGES[key]}"]`;
  document.querySelector(link)?.click();
}
