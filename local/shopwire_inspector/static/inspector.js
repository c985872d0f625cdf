// The inspector's behaviour: lists that update themselves, keyboard shortcuts, fault buttons, and pages that show when
// they have changed. Every page also works without it. Text from outside is set as text and never parsed as markup.

import { watchFaults } from "./faults.js";
import { find, keepDetailsOpen, watchRevision } from "./page.js";
import { ParkedList } from "./parked.js";
import { startWebhooks } from "./webhooks.js";

keepDetailsOpen();
if (document.body.dataset.revisionUrl) watchRevision();
if (find("parked")) new ParkedList();
if (find("clear-faults")) watchFaults(document.querySelectorAll(".fault"));
if (find("rows")) startWebhooks();
