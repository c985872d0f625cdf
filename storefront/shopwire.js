/* Tells shopwire what a visitor looks at and what is in his cart: docs/storefront.md.
   No cookies, nothing stored, no dependencies; whatever goes wrong in here never reaches the page. */
(function (window, document, navigator) {
  "use strict";

  const LONGEST_QUEUE = 20; // visits that wait for consent
  const LONGEST_URL = 2048; // as shopwire takes it
  const CART_RESTS = 1000; // milliseconds without a change

  const early = window.shopwire;
  if (early && early.page) return; // included twice

  const said = (document.currentScript || {}).dataset || {};
  const url = said.url;
  let contact = null;
  let signature = said.signature;
  let token = said.cartToken;
  let currency = said.currency;
  let allowed = "consent" in said ? null : true; // null: not asked yet
  let waiting = [];
  let cart = null; // the last change, not sent yet
  let timer = 0;

  for (const kind of ["email", "phone", "id"]) {
    if (said[kind] && !contact) contact = { [kind]: said[kind] };
  }

  function safely(action) {
    return function () {
      try {
        action.apply(null, arguments);
      } catch (_) {
        // A shop's page works, whatever becomes of our numbers.
      }
    };
  }

  function tell(visit) {
    if (allowed) return send(visit);
    if (allowed === null) waiting = waiting.concat(visit).slice(-LONGEST_QUEUE);
  }

  function send(visit) {
    // Nobody's visit would only be ignored.
    if (!url || !(contact || token || visit.cart)) return;
    const proof = contact ? { contact, signature } : {};
    // A text is sent at once; a body of type application/json would have the browser ask first.
    const body = JSON.stringify({ currency, cart_token: token, ...proof, ...visit });
    if (navigator.sendBeacon && navigator.sendBeacon(url, body)) return;
    fetch(url, { method: "POST", body, keepalive: true, mode: "no-cors", credentials: "omit" }).catch(() => {});
  }

  function sendCart() {
    clearTimeout(timer);
    if (!cart || !allowed) return;
    const last = cart;
    cart = null;
    send({ type: "cart", cart: last });
  }

  const calls = {
    page(address) {
      let seen = (address || window.location.href).split("#")[0];
      if (seen.length > LONGEST_URL) seen = seen.split("?")[0];
      tell({ type: "page", url: seen });
    },
    product(product) {
      tell({ type: "product", product });
    },
    category(id) {
      tell({ type: "category", category: { id } });
    },
    cart(changed) {
      // A copy: the page may go on changing its own.
      cart = allowed === false ? null : JSON.parse(JSON.stringify(changed));
      token = changed.token || token;
      clearTimeout(timer);
      timer = setTimeout(safely(sendCart), CART_RESTS);
    },
    cartToken(known) {
      token = known;
    },
    currency(code) {
      currency = code;
    },
    contact(person, proof) {
      contact = person;
      signature = proof;
    },
    consent(given) {
      allowed = given === true;
      const held = waiting;
      waiting = [];
      if (!allowed) cart = null;
      else held.forEach(safely(send));
      sendCart();
    },
  };

  const shopwire = {};
  for (const name in calls) shopwire[name] = safely(calls[name]);
  // Calls made before this file was there: shopwire.push(["product", {...}]).
  shopwire.push = safely((call) => shopwire[call[0]].apply(null, call.slice(1)));
  window.shopwire = shopwire;

  const leave = safely(sendCart);
  window.addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && leave());

  if (Array.isArray(early)) early.forEach(shopwire.push);
  if ("page" in said) shopwire.page(said.page);
  if ("category" in said) shopwire.category(said.category);
  for (const name of ["product", "cart"]) {
    if (name in said) safely(() => calls[name](JSON.parse(said[name])))();
  }
})(window, document, navigator);
