// Sending a webhook again: a question before something is destroyed, and what an edited body would send.

import { find, postJson, postWithQuestion, setText } from "./page.js";

const PREVIEW_DELAY_MS = 400;

/** Posts the forms that may need an answer first, and opens the page of the webhook that they send. */
export function watchAskingForms() {
  for (const form of document.querySelectorAll("form.asks"))
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const answer = await postWithQuestion(form.action, new FormData(form));
      if (!answer) return;
      const [sent] = answer.sent ?? [];
      if (sent?.webhook) location.href = `/inspect/webhooks/${Number(sent.webhook)}`;
      else showProblem(answer.error ?? sent?.body ?? "no response");
    });
}

function showProblem(text) {
  const place = find("preview-problem") ?? find("changed");
  place.hidden = false;
  place.textContent = text;
}

/** Shows what the edited body would send, some moments after each change. */
export function watchEditor(editor) {
  let timer;
  let number = 0;
  const update = async () => {
    const current = ++number;
    const preview = await postJson(editor.dataset.preview, new FormData(editor));
    if (current === number) show(preview);
  };
  editor.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(update, PREVIEW_DELAY_MS);
  });
  // What was typed before this script was loaded counts too.
  if ([...editor.elements].some((field) => "defaultValue" in field && field.value !== field.defaultValue)) update();
}

function show(preview) {
  const problem = preview.error ?? preview.problem;
  find("preview-problem").hidden = !problem;
  setText(find("preview-problem"), problem ?? "");
  find("preview-results").replaceChildren(...(preview.results ?? []).map(resultOf));
  const lines = (preview.diff ?? []).map(([sign, line]) =>
    element("span", { "-": "old", "+": "new" }[sign] ?? "same", `${sign} ${line}\n`),
  );
  document.querySelector("#preview .diff").replaceChildren(...lines);
}

function resultOf({ outcome, group, reason, sentence }) {
  const paragraph = document.createElement("p");
  paragraph.append(element("span", `outcome g-${group}`, outcome), " ");
  if (reason) paragraph.append(element("code", "", reason), " ");
  paragraph.append(sentence);
  return paragraph;
}

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}
