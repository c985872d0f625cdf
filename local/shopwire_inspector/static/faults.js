// The page of faults.

import { inWords } from "./countdown.js";
import { fetchJson, find, poll, setText, showActiveFaults } from "./page.js";

/** Makes the buttons show the current modes, whichever client set them. A button keeps the focus when it is pressed. */
export function watchFaults(forms) {
  const update = async () => {
    const current = await fetchJson("/inspect/faults/modes");
    if (!current) return;
    showActiveFaults(current.faults);
    for (const form of forms) {
      const mode = current.modes[form.dataset.part];
      for (const button of form.querySelectorAll("button")) {
        const pressed = button.value === mode;
        button.setAttribute("aria-pressed", pressed);
        if (pressed) setText(form.querySelector(".now b"), button.querySelector("span").textContent);
      }
      form.querySelector(".now b").className = mode === "ok" ? "good" : "bad";
      setText(form.querySelector(".left"), end(current.limits[form.dataset.part]));
    }
  };
  for (const form of [...forms, find("clear-faults")])
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const body = new URLSearchParams(new FormData(form));
      const { name, value } = event.submitter;
      if (name) body.set(name, value);
      // The redirect is not followed, because the page that it leads to is already open.
      const response = await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => null);
      response ? await update() : location.reload();
    });
  update();
  poll(update);
}

/** Returns when a fault ends. */
function end({ seconds, requests }) {
  if (seconds !== null) return `ends in ${inWords(seconds)}`;
  return requests === null ? "" : `ends after ${requests} ${requests === 1 ? "request" : "requests"}`;
}
