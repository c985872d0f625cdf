// Bodies and requests: coloured JSON, and buttons that copy.

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\b(?:true|false|null)\b/g;
const MAX_COLOURED = 300_000; // characters; a longer text would make the page slow

/** Colours the JSON of the page. The text itself is not touched: the browser paints ranges of it. */
export function colourJson() {
  if (!window.CSS?.highlights) return;
  const ranges = { key: [], string: [], number: [], word: [] };
  for (const block of document.querySelectorAll("pre.json")) colourBlock(block.firstChild, ranges);
  for (const [name, found] of Object.entries(ranges)) CSS.highlights.set(`json-${name}`, new Highlight(...found));
}

function colourBlock(text, ranges) {
  if (text?.nodeType !== Node.TEXT_NODE || text.length > MAX_COLOURED) return;
  for (const match of text.data.matchAll(TOKEN)) {
    const [whole, string, colon] = match;
    const kind = colon ? "key" : string ? "string" : /\d/.test(whole) ? "number" : "word";
    const range = new StaticRange({
      startContainer: text,
      startOffset: match.index,
      endContainer: text,
      endOffset: match.index + (string ?? whole).length,
    });
    ranges[kind].push(range);
  }
}

/** Makes each copy button copy the text of the element that it names, and say so. */
export function watchCopyButtons() {
  for (const button of document.querySelectorAll("[data-copy]"))
    button.addEventListener("click", () => copyFrom(button));
}

export async function copyFrom(button) {
  const label = (button.dataset.label ??= button.textContent);
  let said = "Copied";
  try {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  } catch {
    said = "The browser does not allow it";
  }
  button.textContent = said;
  setTimeout(() => (button.textContent = label), 1500);
}
