// Times that run down: the next try of a webhook, the end of a fault.

/** Returns how long `seconds` are, in words. */
export function inWords(seconds) {
  const whole = Math.max(Math.ceil(seconds), 0);
  if (whole < 120) return `${whole} s`;
  return whole < 7200 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${Math.floor(whole / 3600)} h`;
}

/** Shows in each element with data-left-ms how long it is until the moment beside it. */
export function countDown() {
  const began = performance.now();
  const elements = [...document.querySelectorAll("[data-left-ms]")];
  if (!elements.length) return;
  const show = () => {
    for (const element of elements) {
      const left = (Number(element.dataset.leftMs) - (performance.now() - began)) / 1000;
      element.textContent = left > 0 ? `, in ${inWords(left)}` : ", any moment";
    }
  };
  show();
  setInterval(show, 500);
}
