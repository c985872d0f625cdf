<?php
/**
 * Plugin Name: shopwire storefront
 * Description: Sends a visitor's views, wish list, searches and cart to shopwire (docs/storefront.md).
 * Requires PHP: 7.4
 *
 * Save this file as wp-content/plugins/shopwire/shopwire.php and put shopwire.js beside it. In wp-config.php:
 *   define( 'SHOPWIRE_URL', 'https://API.execute-api.REGION.amazonaws.com/storefront/SHOP' );
 *   define( 'SHOPWIRE_SECRET', 'the storefront_secret of this shop' );
 *   define( 'SHOPWIRE_CONSENT', true ); // send nothing until the page calls shopwire.consent(true)
 */

defined( 'ABSPATH' ) || exit;

add_action( 'wp_enqueue_scripts', function () {
	if ( defined( 'SHOPWIRE_URL' ) && defined( 'SHOPWIRE_SECRET' ) && function_exists( 'WC' ) ) {
		wp_enqueue_script( 'shopwire', plugins_url( 'shopwire.js', __FILE__ ), array(), null, array( 'strategy' => 'defer' ) );
	}
} );

add_filter( 'script_loader_tag', function ( $tag, $handle ) {
	if ( 'shopwire' !== $handle ) {
		return $tag;
	}
	$attributes = '';
	foreach ( shopwire_said() as $name => $value ) {
		// esc_attr does not escape existing entities again. An &quot; in a name would then become a quote inside the JSON.
		$attributes .= sprintf( ' data-%s="%s"', $name, htmlspecialchars( $value, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8' ) );
	}
	return str_replace( ' src=', $attributes . ' src=', $tag );
}, 10, 2 );

// The wish lists of YITH (its first argument is the product's id) and of TI (its argument is an array).
add_action( 'yith_wcwl_added_to_wishlist', 'shopwire_remember_wish' );
add_action( 'tinvwl_product_added', 'shopwire_remember_wish' );

/** Remembers a product that the visitor added to the wish list, for the next page. A plugin of your own may call it. */
function shopwire_remember_wish( $added ) {
	if ( ! function_exists( 'WC' ) || ! WC()->session || ! WC()->session->has_session() ) {
		return;
	}
	if ( is_array( $added ) ) {
		$added = empty( $added['variation_id'] ) ? $added['product_id'] : $added['variation_id'];
	}
	$wishes = array_diff( WC()->session->get( 'shopwire_wishes', array() ), array( (int) $added ) );
	WC()->session->set( 'shopwire_wishes', array_slice( array_merge( $wishes, array( (int) $added ) ), -20 ) );
}

/** Returns the data attributes of the script tag by name, without the prefix data-. */
function shopwire_said() {
	$said = array( 'url' => SHOPWIRE_URL, 'currency' => get_woocommerce_currency() );
	if ( shopwire_asks_consent() ) {
		$said['consent'] = '';
	}
	$email = wp_get_current_user()->user_email;
	if ( $email ) {
		$said['email']     = $email;
		$said['signature'] = shopwire_signature( 'email', $email );
	}
	if ( is_product() ) {
		$said['product'] = wp_json_encode( shopwire_product( wc_get_product() ) );
	} elseif ( is_search() && ! $GLOBALS['wp_query']->found_posts ) {
		$said['search'] = wp_json_encode( array( 'text' => get_search_query( false ), 'found' => false ) );
	} elseif ( is_product_category() ) {
		$said['category'] = (string) get_queried_object_id();
	} else {
		$said['page'] = '';
	}
	return $said + shopwire_wishes() + shopwire_cart();
}

/** Returns a product as the script sends it. */
function shopwire_product( $product ) {
	return array(
		'id'       => (string) $product->get_id(),
		'price'    => shopwire_price( wc_get_price_to_display( $product ) ),
		'in_stock' => $product->is_in_stock(),
		'name'     => $product->get_name(),
	);
}

/** Returns the attribute of the products that were added to the wish list since the last page, each product once. */
function shopwire_wishes() {
	$wishes = WC()->session ? WC()->session->get( 'shopwire_wishes', array() ) : array();
	if ( ! $wishes ) {
		return array();
	}
	WC()->session->set( 'shopwire_wishes', array() );
	$products = array_values( array_filter( array_map( 'wc_get_product', $wishes ) ) );
	return array( 'wishlist' => wp_json_encode( array_map( 'shopwire_product', $products ) ) );
}

/** Returns the signature of a contact: of the shop's id (the end of the URL), kind, value and today's date in UTC. */
function shopwire_signature( $kind, $value ) {
	$shop = basename( rtrim( SHOPWIRE_URL, '/' ) );
	return hash_hmac( 'sha256', implode( ':', array( $shop, $kind, $value, gmdate( 'Y-m-d' ) ) ), SHOPWIRE_SECRET );
}

/** Returns a price with the shop's number of decimals and a decimal point, whatever the server's locale is. */
function shopwire_price( $price ) {
	return wc_format_decimal( $price, wc_get_price_decimals() );
}

/** Returns whether the script waits for shopwire.consent(true). */
function shopwire_asks_consent() {
	return defined( 'SHOPWIRE_CONSENT' ) && SHOPWIRE_CONSENT;
}

/**
 * Returns the attributes of the cart. The token is always there. The content is there if it has changed since the last
 * page. If consent is required, it is on every page, because the server does not know whether the script was allowed to
 * send it. shopwire ignores a cart that has not changed.
 */
function shopwire_cart() {
	if ( ! WC()->session || ! WC()->cart || ! WC()->session->has_session() ) {
		return array();
	}
	// The session id gives access to the session, so the browser gets a hash of it.
	$token = substr( hash_hmac( 'sha256', 'cart:' . WC()->session->get_customer_id(), SHOPWIRE_SECRET ), 0, 32 );
	$items = array();
	foreach ( WC()->cart->get_cart() as $line ) {
		$items[] = array(
			// The same id as in order lines with the setting item_id = "variant".
			'id'       => (string) ( $line['variation_id'] ? $line['variation_id'] : $line['product_id'] ),
			'quantity' => $line['quantity'],
			'price'    => shopwire_price( ( $line['line_total'] + $line['line_tax'] ) / $line['quantity'] ),
			'name'     => $line['data']->get_name(),
		);
	}
	$cart = wp_json_encode( array( 'token' => $token, 'items' => $items ) );
	$said = array( 'cart-token' => $token );
	$hash = md5( wp_json_encode( $items ) );
	if ( shopwire_asks_consent() || WC()->session->get( 'shopwire_cart', md5( '[]' ) ) !== $hash ) {
		WC()->session->set( 'shopwire_cart', $hash );
		$said['cart'] = $cart;
	}
	return $said;
}
