/* Sends a visitor's views, wish list, searches and cart to shopwire (docs/storefront.md). It sets no cookies, stores
   nothing and has no dependencies. Its errors never reach the page. */
(function (window, document, navigator) {
  "use strict";

  const LONGEST_QUEUE = 20; // visits that wait for consent
  const LONGEST_URL = 2048; // the limit of shopwire
  const LONGEST_SEARCH = 255; // characters, the limit of shopwire
  const CART_RESTS = 1000; // milliseconds to wait for more changes

  const early = window.shopwire;
  if (early && early.page) return; // the script is included twice

  // An element with the name "currentScript", such as a picture in a review, would replace this property of the page.
  const script = document.currentScript;
  const said = script instanceof HTMLScriptElement ? script.dataset : {};
  const url = said.url;
  let contact = null;
  let signature = said.signature;
  let token = said.cartToken;
  let currency = said.currency;
  let allowed = "consent" in said ? null : true; // null means that the visitor has not answered yet
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
        // An error here must not affect the shop's page.
      }
    };
  }

  function tell(visit) {
    if (allowed) return send(visit);
    if (allowed === null) waiting = waiting.concat(visit).slice(-LONGEST_QUEUE);
  }

  function send(visit) {
    // shopwire ignores a visit of an unknown visitor.
    if (!url || !(contact || token || visit.cart)) return;
    const proof = contact ? { contact, signature } : {};
    // Plain text needs no CORS preflight. The type application/json would need one.
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
    wishlist(products) {
      for (const product of [].concat(products)) tell({ type: "wishlist", product });
    },
    search(search) {
      const text = Array.from(String(search.text || "").trim()).slice(0, LONGEST_SEARCH).join("");
      if (text) tell({ type: "search", search: { text, found: search.found } });
    },
    cart(changed) {
      // This copy does not change when the page changes its own object.
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
  // Handles calls from before this file was loaded, like shopwire.push(["product", {...}]).
  shopwire.push = safely((call) => shopwire[call[0]].apply(null, call.slice(1)));
  window.shopwire = shopwire;

  const leave = safely(sendCart);
  window.addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && leave());

  if (Array.isArray(early)) early.forEach(shopwire.push);
  if ("page" in said) shopwire.page(said.page);
  if ("category" in said) shopwire.category(said.category);
  for (const name of ["product", "wishlist", "search", "cart"]) {
    if (name in said) safely(() => calls[name](JSON.parse(said[name])))();
  }
})(window, document, navigator);
