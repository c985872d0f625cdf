<?php
/**
 * Plugin Name: shopwire storefront
 * Description: Tells shopwire what a visitor looks at and what is in the cart (docs/storefront.md).
 * Requires PHP: 7.4
 *
 * Save it as wp-content/plugins/shopwire/shopwire.php with shopwire.js beside it. In wp-config.php:
 *   define( 'SHOPWIRE_URL', 'https://API.execute-api.REGION.amazonaws.com/storefront/SHOP' );
 *   define( 'SHOPWIRE_SECRET', 'the storefront_secret of this shop' );
 *   define( 'SHOPWIRE_CONSENT', true ); // send nothing before shopwire.consent(true)
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
		// Not esc_attr: it leaves alone what looks escaped already, and a name with &quot; in it would end a JSON text.
		$attributes .= sprintf( ' data-%s="%s"', $name, htmlspecialchars( $value, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8' ) );
	}
	return str_replace( ' src=', $attributes . ' src=', $tag );
}, 10, 2 );

/** What the page says of itself, by the name of the data attribute. */
function shopwire_said() {
	$said = array( 'url' => SHOPWIRE_URL, 'currency' => get_woocommerce_currency() );
	if ( shopwire_asks_consent() ) {
		$said['consent'] = '';
	}
	$email = wp_get_current_user()->user_email;
	if ( $email ) {
		$said['email']     = $email;
		$said['signature'] = hash_hmac( 'sha256', 'email:' . $email, SHOPWIRE_SECRET );
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

/** With the shop's decimals and a point, whatever the server's language writes. */
function shopwire_price( $price ) {
	return wc_format_decimal( $price, wc_get_price_decimals() );
}

/** Whether the script waits for shopwire.consent(true). */
function shopwire_asks_consent() {
	return defined( 'SHOPWIRE_CONSENT' ) && SHOPWIRE_CONSENT;
}

/**
 * The cart: its token always; what is in it where that changed since it was last told, or where nobody here knows
 * whether the script was allowed to tell it (shopwire sends what did not change no further).
 */
function shopwire_cart() {
	if ( ! WC()->session || ! WC()->cart || ! WC()->session->has_session() ) {
		return array();
	}
	// The session's own id opens the session: the browser gets a hash of it.
	$token = substr( hash_hmac( 'sha256', 'cart:' . WC()->session->get_customer_id(), SHOPWIRE_SECRET ), 0, 32 );
	$items = array();
	foreach ( WC()->cart->get_cart() as $line ) {
		$items[] = array(
			// As the orders' lines are called with the setting item_id = "variant".
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
