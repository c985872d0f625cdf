/* shopwire as a Shopify custom pixel (docs/storefront.md). Add it in Settings, Customer events, Add custom pixel.
   A pixel runs in a sandbox on every page, also in the checkout. It has no access to the page and cannot prove the
   customer's identity, so its visits carry the cart token. Shopify asks for consent before it loads the pixel. */
const SHOPWIRE = "https://API.execute-api.REGION.amazonaws.com/storefront/SHOP";

async function tell(visit) {
  try {
    const cart = await browser.cookie.get("cart");
    if (!cart) return; // without a cart token, shopwire cannot know the visitor
    // The cookie is "token?key", and webhooks contain only the token.
    const body = JSON.stringify({ cart_token: cart.split(/[?]|%3F/i)[0], ...visit });
    await fetch(SHOPWIRE, { method: "POST", body, keepalive: true });
  } catch (_) {
    // An error here must not affect the shop.
  }
}

analytics.subscribe("page_viewed", (event) => tell({ type: "page", url: event.context.document.location.href }));

analytics.subscribe("collection_viewed", (event) =>
  tell({ type: "category", category: { id: event.data.collection.id } }),
);

analytics.subscribe("product_viewed", (event) => {
  const { id, price, sku, product } = event.data.productVariant;
  tell({
    type: "product",
    currency: price.currencyCode,
    product: { id, price: price.amount, name: product.title, ...(sku ? { sku } : {}) },
  });
});

analytics.subscribe("search_submitted", (event) => {
  const { query, productVariants } = event.data.searchResult;
  const text = Array.from(query).slice(0, 255).join(""); // the limit of shopwire
  if (!productVariants.length) tell({ type: "search", search: { text, found: false } });
});

// Shopify has no wish list. The theme or the app that has one publishes this event (docs/storefront.md).
analytics.subscribe("shopwire:wishlist", (event) => {
  const { currency, ...product } = event.customData;
  tell({ type: "wishlist", currency, product });
});
