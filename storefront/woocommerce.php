<?php
/**
 * Plugin Name: shopwire storefront
 * Description: Sends a visitor's views and cart to shopwire (docs/storefront.md).
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
		$product         = wc_get_product();
		$said['product'] = wp_json_encode( array(
			'id'       => (string) $product->get_id(),
			'price'    => shopwire_price( wc_get_price_to_display( $product ) ),
			'in_stock' => $product->is_in_stock(),
			'name'     => $product->get_name(),
		) );
	} elseif ( is_product_category() ) {
		$said['category'] = (string) get_queried_object_id();
	} else {
		$said['page'] = '';
	}
	return $said + shopwire_cart();
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
