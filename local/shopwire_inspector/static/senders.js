// The forms of the list that send something: a sample, a scenario, or all that the filter shows.

import { find, postWithQuestion } from "./page.js";

/** Posts samples and scenarios without leaving the list, and says what became of them. */
export function watchSenders() {
  const sample = find("send");
  sample?.addEventListener("submit", async (event) => {
    event.preventDefault();
    say("…");
    const answer = await postWithQuestion(sample.action, new FormData(sample));
    if (!answer?.sent) return say(answer?.error ?? "");
    const [sent] = answer.sent;
    say(`response ${sent.status}: ${statusIn(sent.body)}`, sent.webhook && [`/inspect/webhooks/${sent.webhook}`, "Show it"]);
  });
  const scenarios = find("scenarios");
  scenarios?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { value, textContent } = event.submitter;
    say(`${textContent}: …`);
    const fields = [...new FormData(scenarios), ["scenario", value]];
    const answer = await postWithQuestion(scenarios.action, fields);
    if (!answer?.sent) return say(answer?.error ?? "");
    const outcomes = answer.sent.map((sent) => statusIn(sent.body)).join(", ");
    const about = answer.sent.find((sent) => sent.entity?.startsWith("order ")) ?? answer.sent.find((sent) => sent.entity);
    const query = about && new URLSearchParams({ shop: about.shop, entity: about.entity });
    say(`${textContent}: ${outcomes}`, about && [`/inspect/entity?${query}`, "Show its story"]);
  });
}

/** Lets the buttons of the menu act on what the filter shows. */
export function watchBulk(list) {
  find("bulk")?.addEventListener("submit", async (event) => {
    event.preventDefault();
    find("menu").open = false;
    const answer = await postWithQuestion(event.submitter.getAttribute("formaction"), list.query);
    if (answer) say(answer.done ?? answer.error ?? "");
  });
}

function say(text, link) {
  const place = find("sent");
  place.replaceChildren(text);
  if (!link) return;
  const [href, label] = link;
  const anchor = document.createElement("a");
  anchor.href = href;
  anchor.textContent = label;
  place.append(" ", anchor);
}

/** Returns the status or the error in the body of a webhook's response. */
function statusIn(body) {
  try {
    const response = JSON.parse(body);
    return response.status ?? response.error;
  } catch {
    return body;
  }
}
