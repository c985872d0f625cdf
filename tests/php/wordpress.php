<?php
/**
 * Imitates the functions of WordPress and WooCommerce that the plugin calls, as their references describe them. Loads the
 * plugin whose path is the first argument, renders one page and prints JSON: {"enqueued", "tag", "other", "session"}.
 *
 * The standard input is JSON: "constants", "email", "product", "category", "search" (its text and the number of posts
 * "found"), "cart" (a list of lines), "session" (its content from earlier pages, or null if the visitor has no session),
 * "actions" (name and arguments of those that plugins run before the page is rendered), and "products" by their ids.
 */

$page_input = json_decode( stream_get_contents( STDIN ), true ) + array(
	'constants' => array(),
	'email'     => '',
	'product'   => null,
	'category'  => null,
	'search'    => null,
	'actions'   => array(),
	'products'  => array(),
	'cart'      => array(),
	'session'   => null,
);
define( 'ABSPATH', __DIR__ );
foreach ( $page_input['constants'] as $name => $value ) {
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
	return $GLOBALS['page_input']['asset'] . '/' . $file;
}

function wp_json_encode( $value ) {
	return json_encode( $value );
}

function wp_get_current_user() {
	return (object) array( 'user_email' => $GLOBALS['page_input']['email'] );
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
	return null !== $GLOBALS['page_input']['product'];
}

function is_product_category() {
	return null !== $GLOBALS['page_input']['category'];
}

function get_queried_object_id() {
	return $GLOBALS['page_input']['category'];
}

function is_search() {
	return null !== $GLOBALS['page_input']['search'];
}

function get_search_query( $escaped = true ) {
	$text = $GLOBALS['page_input']['search']['text'];
	return $escaped ? htmlspecialchars( $text, ENT_QUOTES ) : $text;
}

function wc_get_product( $id = null ) {
	$product = null === $id ? $GLOBALS['page_input']['product'] : ( $GLOBALS['page_input']['products'][ $id ] ?? null );
	return $product ? new Product( $product ) : false;
}

function WC() {
	return $GLOBALS['shop'];
}

class Product {
	public $price;
	private $fields;

	public function __construct( $fields ) {
		$this->fields = $fields;
		$this->price  = $fields['price'] ?? null;
	}

	public function get_id() {
		return $this->fields['id'];
	}

	public function get_name() {
		return $this->fields['name'];
	}

	public function is_in_stock() {
		return $this->fields['in_stock'];
	}
}

class Session {
	public $data;

	public function __construct( $data ) {
		$this->data = $data;
	}

	public function has_session() {
		return null !== $this->data;
	}

	public function get_customer_id() {
		return 't_5e55104';
	}

	public function get( $name, $default ) {
		return $this->data[ $name ] ?? $default;
	}

	public function set( $name, $value ) {
		$this->data[ $name ] = $value;
	}
}

class Cart {
	public function get_cart() {
		foreach ( $GLOBALS['page_input']['cart'] as $line ) {
			yield array( 'data' => new Product( $line ) ) + $line;
		}
	}
}

$shop = (object) array( 'session' => new Session( $page_input['session'] ), 'cart' => new Cart() );

$wp_query = (object) array( 'found_posts' => $page_input['search']['found'] ?? 1 );

require $argv[1];

foreach ( $page_input['actions'] as list( $hook, $arguments ) ) {
	$hooks[ $hook ]( ...array_slice( $arguments, 0, 1 ) ); // WordPress passes one argument unless more are asked for
}

$hooks['wp_enqueue_scripts']();
$page = array( 'enqueued' => $enqueued, 'tag' => '', 'other' => $hooks['script_loader_tag']( '<script src="/a.js"></script>', 'a' ) );
foreach ( $enqueued as $handle => $source ) {
	$page['tag'] = $hooks['script_loader_tag']( '<script defer src="' . $source . '" id="shopwire-js"></script>', $handle );
}
echo json_encode( $page + array( 'session' => $shop->session->data ) );
