<?php
/**
 * Stand-ins for what the plugin asks of WordPress and WooCommerce, as their references describe it. Loads the plugin that
 * is named first, renders one page and prints it as JSON: {"enqueued", "tag", "other", "session"}.
 *
 * The page is a JSON text on the standard input: "constants", "email", "product", "category", "cart" (its lines),
 * "session" (what it holds from earlier pages; null: the visitor has none).
 */

$scene = json_decode( stream_get_contents( STDIN ), true ) + array(
	'constants' => array(),
	'email'     => '',
	'product'   => null,
	'category'  => null,
	'cart'      => array(),
	'session'   => null,
);
define( 'ABSPATH', __DIR__ );
foreach ( $scene['constants'] as $name => $value ) {
	define( $name, $value );
}
$hooks    = array();
$enqueued = array();

function add_action( $hook, $call ) {
	$GLOBALS['hooks'][ $hook ] = $call;
}

function add_filter( $hook, $call, $priority, $arguments ) {
	$GLOBALS['hooks'][ $hook ] = $call;
}

function wp_enqueue_script( $handle, $source ) {
	$GLOBALS['enqueued'][ $handle ] = $source;
}

function plugins_url( $file, $plugin ) {
	return $GLOBALS['scene']['asset'] . '/' . $file;
}

function wp_json_encode( $value ) {
	return json_encode( $value );
}

function wp_get_current_user() {
	return (object) array( 'user_email' => $GLOBALS['scene']['email'] );
}

function get_woocommerce_currency() {
	return 'UAH';
}

function wc_get_price_decimals() {
	return 2;
}

function wc_format_decimal( $number, $decimals ) {
	return number_format( (float) $number, $decimals, '.', '' );
}

function wc_get_price_to_display( $product ) {
	return $product->price;
}

function is_product() {
	return null !== $GLOBALS['scene']['product'];
}

function is_product_category() {
	return null !== $GLOBALS['scene']['category'];
}

function get_queried_object_id() {
	return $GLOBALS['scene']['category'];
}

function wc_get_product() {
	return new Product( $GLOBALS['scene']['product'] );
}

function WC() {
	return $GLOBALS['shop'];
}

class Product {
	public $price;
	private $said;

	public function __construct( $said ) {
		$this->said  = $said;
		$this->price = $said['price'] ?? null;
	}

	public function get_id() {
		return $this->said['id'];
	}

	public function get_name() {
		return $this->said['name'];
	}

	public function is_in_stock() {
		return $this->said['in_stock'];
	}
}

class Session {
	public $held;

	public function __construct( $held ) {
		$this->held = $held;
	}

	public function has_session() {
		return null !== $this->held;
	}

	public function get_customer_id() {
		return 't_5e55104';
	}

	public function get( $name, $default ) {
		return $this->held[ $name ] ?? $default;
	}

	public function set( $name, $value ) {
		$this->held[ $name ] = $value;
	}
}

class Cart {
	public function get_cart() {
		foreach ( $GLOBALS['scene']['cart'] as $line ) {
			yield array( 'data' => new Product( $line ) ) + $line;
		}
	}
}

$shop = (object) array( 'session' => new Session( $scene['session'] ), 'cart' => new Cart() );

require $argv[1];

$hooks['wp_enqueue_scripts']();
$page = array( 'enqueued' => $enqueued, 'tag' => '', 'other' => $hooks['script_loader_tag']( '<script src="/a.js"></script>', 'a' ) );
foreach ( $enqueued as $handle => $source ) {
	$page['tag'] = $hooks['script_loader_tag']( '<script defer src="' . $source . '" id="shopwire-js"></script>', $handle );
}
echo json_encode( $page + array( 'session' => $shop->session->held ) );
