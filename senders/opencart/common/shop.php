<?php
/**
 * What the catalog controllers of all versions share: the cart of the session, and sending after the response.
 * PHP 5.4 or later.
 */

require_once __DIR__ . '/module.php';

class ShopwireShop
{
    private $registry;
    private $module;
    private $is_watching = false;

    public function __construct($registry)
    {
        $this->registry = $registry;
        $this->module = new ShopwireModule($registry->get('db'), DB_PREFIX, $registry->get('config'));
    }

    /** Returns the one of this request. */
    public static function of($registry)
    {
        if (!$registry->has('shopwire_shop')) {
            $registry->set('shopwire_shop', new ShopwireShop($registry));
        }
        return $registry->get('shopwire_shop');
    }

    /**
     * Runs the work of an event handler. Whatever goes wrong there must not reach the shop: an exception would break the
     * checkout, and a warning would be printed in front of its JSON.
     */
    public static function guard($registry, $work)
    {
        set_error_handler(array(__CLASS__, 'ignore'));
        try {
            $shop = self::of($registry);
            if ($shop->module()->isOn()) {
                call_user_func($work, $shop);
            }
        } catch (Exception $error) {
            self::report($registry, $error);
        } catch (Throwable $error) {
            self::report($registry, $error);
        }
        restore_error_handler();
    }

    /** An error handler that lets nothing be printed. */
    public static function ignore()
    {
        return true;
    }

    public function module()
    {
        return $this->module;
    }

    /** Returns the token of the session's cart. */
    public function token()
    {
        return $this->module->cartToken($this->registry->get('session')->getId());
    }

    /** Writes the cart into the queue at the end of the request, because a redirect would skip everything after it. */
    public function watchCart()
    {
        if (!$this->is_watching) {
            $this->is_watching = true;
            register_shutdown_function(array($this, 'writeCart'));
        }
    }

    /** Sends what waits once the shopper has the page, if the server can do that. Otherwise cron sends. */
    public function sendAfterResponse()
    {
        foreach (array('fastcgi_finish_request', 'litespeed_finish_request') as $finish) {
            if (function_exists($finish) && !$this->registry->has('shopwire_sends')) {
                $this->registry->set('shopwire_sends', true);
                register_shutdown_function(array($this, 'finishAndSend'), $finish);
            }
        }
    }

    /** Internal: called at the end of the request. */
    public function writeCart()
    {
        self::guard($this->registry, array($this, 'enqueueCart'));
    }

    /** Internal: called at the end of the request. */
    public function finishAndSend($finish)
    {
        call_user_func($finish);
        self::guard($this->registry, array($this, 'sendSome'));
    }

    /** Internal. */
    public function sendSome()
    {
        $this->module->send(5);
    }

    /** Internal. */
    public function enqueueCart()
    {
        $config = $this->registry->get('config');
        $session = $this->registry->get('session');
        $code = isset($session->data['currency']) ? $session->data['currency'] : $config->get('config_currency');
        $currency = $this->registry->get('currency');
        $digits = (int)$currency->getDecimalPlace($code);
        $rate = (float)$currency->getValue($code) ? (float)$currency->getValue($code) : 1.0;
        $items = array();
        foreach ($this->registry->get('cart')->getProducts() as $product) {
            $price = $this->registry->get('tax')->calculate($product['price'], $product['tax_class_id'], $config->get('config_tax'));
            $items[] = array_filter(array(
                'id' => (string)$product['product_id'],
                'name' => ShopwireOrders::text($product['name']),
                'quantity' => (int)$product['quantity'],
                'price' => ShopwireOrders::money($price * $rate, $digits),
                'url' => $this->url('index.php?route=product/product&product_id=' . (int)$product['product_id']),
                'image_url' => empty($product['image']) ? null : $this->url('image/' . implode('/', array_map('rawurlencode', explode('/', $product['image'])))),
            ), array('ShopwireOrders', 'isGiven'));
        }
        $cart = array('currency' => $code, 'items' => $items, 'url' => $this->url('index.php?route=checkout/cart'));
        $contact = $this->contact();
        if ($contact) {
            $cart['contact'] = $contact;
        }
        $this->module->cartChanged($this->token(), array_filter($cart, array(__CLASS__, 'isPresent')));
    }

    /** Returns whether a field of a cart is present. An empty list of items is: the cart is empty. */
    public static function isPresent($value)
    {
        return $value !== null && $value !== '';
    }

    /** Returns the person of the session: the customer, or what a guest typed in the checkout. */
    private function contact()
    {
        $customer = $this->registry->get('customer');
        $data = $this->registry->get('session')->data;
        if ($customer && $customer->isLogged()) {
            $contact = array(
                'id' => (string)$customer->getId(),
                'email' => $customer->getEmail(),
                'phone' => $customer->getTelephone(),
                'first_name' => $customer->getFirstName(),
                'last_name' => $customer->getLastName(),
            );
        } else {
            $guest = isset($data['guest']) ? $data['guest'] : (isset($data['customer']) ? $data['customer'] : array());
            $contact = array();
            foreach (array('email' => 'email', 'phone' => 'telephone', 'first_name' => 'firstname', 'last_name' => 'lastname') as $to => $from) {
                $contact[$to] = isset($guest[$from]) ? $guest[$from] : null;
            }
        }
        $contact = array_filter(array_map(array('ShopwireOrders', 'text'), $contact), array('ShopwireOrders', 'isGiven'));
        return isset($contact['email']) || isset($contact['phone']) || isset($contact['id']) ? $contact : null;
    }

    private function url($path)
    {
        $url = (string)$this->registry->get('config')->get('config_url');
        if ($url === '') {
            $url = defined('HTTPS_SERVER') && HTTPS_SERVER ? HTTPS_SERVER : (defined('HTTP_SERVER') ? HTTP_SERVER : '');
        }
        return preg_match('{^https?://}', $url) ? rtrim($url, '/') . '/' . $path : null;
    }

    private static function report($registry, $error)
    {
        if ($registry->has('log')) {
            // The message could contain a person's data.
            $registry->get('log')->write('shopwire: ' . get_class($error) . ' in ' . basename($error->getFile()) . ':' . $error->getLine());
        }
    }
}
