// The inspector's behaviour: lists that update themselves, keyboard shortcuts, and pages that show when they have
// changed. Every page also works without it. Text from outside is set as text and never parsed as markup.

import { colourJson, watchCopyButtons } from "./code.js";
import { countDown } from "./countdown.js";
import { watchFaults } from "./faults.js";
import { listenToKeys } from "./keys.js";
import { find, keepDetails, watchRevision } from "./page.js";
import { ParkedList } from "./parked.js";
import { watchAskingForms, watchEditor } from "./resend.js";
import { leadBack } from "./way_back.js";
import { startWebhooks } from "./webhooks.js";

keepDetails();
colourJson();
watchCopyButtons();
countDown();
watchAskingForms();
if (document.body.dataset.revisionUrl) watchRevision();
if (find("parked")) new ParkedList();
if (find("clear-faults")) watchFaults(document.querySelectorAll(".fault"));
if (find("editor")) watchEditor(find("editor"));
if (find("rows")) {
  startWebhooks();
} else {
  leadBack();
  listenToKeys();
}
