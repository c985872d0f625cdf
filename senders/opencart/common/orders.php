<?php
/**
 * Reads orders and customers out of OpenCart's tables, as bodies of shopwire's generic format (docs/platforms/generic.md).
 *
 * It reads by SQL, because the models differ between the versions and do other things too. PHP 5.4 or later.
 */

class ShopwireOrders
{
    /** Rows of order_total that are no part of their own: the lines, and the sum. */
    private static $sums = array('sub_total', 'total');
    /** What checkouts of other vendors write for a buyer without an e-mail address. */
    private static $placeholder = '/@localhost(\.|$)|^empty\d*@/i';

    private $db;
    private $prefix;
    private $settings;

    /**
     * @param object $db       OpenCart's database
     * @param string $prefix   DB_PREFIX
     * @param array  $settings statuses: status id => one of the four. void: id of the status of orders never confirmed.
     *                         emails: the shop's own addresses, in small letters. timezone: of its dates. url: the shop's URL
     */
    public function __construct($db, $prefix, array $settings)
    {
        $this->db = $db;
        $this->prefix = $prefix;
        $known = in_array(isset($settings['timezone']) ? $settings['timezone'] : '', timezone_identifiers_list(DateTimeZone::ALL_WITH_BC), true);
        $settings['timezone'] = $known ? $settings['timezone'] : 'UTC';
        $this->settings = $settings + array('statuses' => array(), 'void' => 16, 'emails' => array(), 'timezone' => 'UTC', 'url' => '');
    }

    /** Returns the body of an order; null if it was never confirmed, or does not exist. */
    public function order($id, $token)
    {
        $order = $this->row('order', 'order_id', $id);
        $status = $order ? $this->status($order) : 0;
        if (!$status) {
            return null;
        }
        $currency = $this->row('currency', 'code', $order['currency_code']);
        $digits = $currency ? (int)$currency['decimal_place'] : 2;
        $rate = (float)$order['currency_value'] ? (float)$order['currency_value'] : 1.0;
        $amounts = $this->amounts($id, $rate, $digits);
        $name = $this->db->query("SELECT `name` FROM `{$this->prefix}order_status` WHERE `order_status_id` = '" . (int)$status
            . "' ORDER BY `language_id` = '" . (int)$order['language_id'] . "' DESC LIMIT 1")->row;
        return array_filter(array(
            'type' => 'order',
            'id' => (string)$order['order_id'],
            'created_at' => $this->moment($order['date_added']),
            'status' => $this->meaning($status),
            'status_text' => $name ? self::text($name['name']) : null,
            'currency' => $order['currency_code'],
            'total' => self::money(max(0, $order['total'] * $rate), $digits),
            'items' => $this->items($order, $rate, $digits),
            'discount' => $amounts['discount'],
            'shipping' => $amounts['shipping'],
            'taxes' => $amounts['taxes'],
            'fees' => $amounts['fees'],
            'contact' => $this->buyer($order),
            'coupons' => $this->coupons($id),
            'payment_method' => self::method($order['payment_method']),
            'delivery_method' => self::method($order['shipping_method']),
            'delivery_address' => $this->line($order, 'shipping_'),
            'note' => self::text($order['comment']),
            'store_id' => (string)$order['store_id'],
            'source' => 'online',
            'cart_token' => $token,
        ), array(__CLASS__, 'isGiven'));
    }

    /** Returns the body of a customer's account; null if it is not approved, or does not exist. */
    public function customer($id, $consent_at)
    {
        $customer = $this->row('customer', 'customer_id', $id);
        if (!$customer || !$customer['status']) {
            return null;
        }
        $contact = array(
            'id' => (string)$customer['customer_id'],
            'email' => $this->email($customer['email']),
            'phone' => self::text($customer['telephone']),
            'first_name' => self::text($customer['firstname']),
            'last_name' => self::text($customer['lastname']),
            'language' => empty($customer['language_id']) ? null : $this->language($customer['language_id']),
            'address' => $this->home($customer),
        );
        if ($consent_at) {
            $contact['consent'] = array(
                'subscribed' => (bool)$customer['newsletter'],
                'at' => ShopwireClient::moment($consent_at),
            );
        }
        return array(
            'type' => 'contact',
            'created_at' => $this->moment($customer['date_added']),
            'contact' => array_filter($contact, array(__CLASS__, 'isGiven')),
        );
    }

    /** Returns the ids of orders with a history entry above this one, and the last entry. */
    public function changedSince($history_id)
    {
        $rows = $this->db->query("SELECT `order_history_id`, `order_id` FROM `{$this->prefix}order_history` WHERE "
            . "`order_history_id` > '" . (int)$history_id . "' ORDER BY `order_history_id` LIMIT 500")->rows;
        $ids = array();
        foreach ($rows as $row) {
            $ids[$row['order_id']] = (int)$row['order_id'];
            $history_id = (int)$row['order_history_id'];
        }
        return array('orders' => array_values($ids), 'last' => (int)$history_id);
    }

    /** Returns the ids of orders that were changed within the last milliseconds, by whatever program. */
    public function modifiedWithin($milliseconds)
    {
        // The clock and the time zone of the database wrote these dates.
        $now = $this->db->query("SELECT NOW() AS `now`")->row;
        $since = date_create($now['now'])->modify('-' . (int)($milliseconds / 1000) . ' seconds');
        $rows = $this->db->query("SELECT `order_id` FROM `{$this->prefix}order` WHERE `order_status_id` > 0 AND `date_modified` >= '"
            . $since->format('Y-m-d H:i:s') . "'")->rows;
        $ids = array();
        foreach ($rows as $row) {
            $ids[] = (int)$row['order_id'];
        }
        return $ids;
    }

    /** Returns text as people read it. OpenCart stores it with HTML entities. */
    public static function text($value)
    {
        $text = trim(html_entity_decode((string)$value, ENT_QUOTES, 'UTF-8'));
        return $text === '' ? null : $text;
    }

    /** Returns an amount as text, with the currency's own digits. */
    public static function money($amount, $digits)
    {
        return number_format(round($amount, $digits), $digits, '.', '');
    }

    /** Returns whether a field has something to say. */
    public static function isGiven($value)
    {
        return $value !== null && $value !== '' && $value !== array();
    }

    /**
     * Returns the status of an order that was confirmed once, otherwise 0. While an order is edited its status is 0 or
     * void, and 4.1.0.0 to 4.1.0.3 void orders that were never confirmed.
     */
    private function status(array $order)
    {
        $void = (int)$this->settings['void'];
        $last = $this->db->query("SELECT `order_status_id` FROM `{$this->prefix}order_history` WHERE `order_id` = '"
            . (int)$order['order_id'] . "' AND `order_status_id` NOT IN (0, $void) ORDER BY `order_history_id` DESC LIMIT 1")->row;
        if (!$last) {
            $current = (int)$order['order_status_id'];
            return $current === $void ? 0 : $current;
        }
        return (int)$order['order_status_id'] ? (int)$order['order_status_id'] : (int)$last['order_status_id'];
    }

    private function meaning($status)
    {
        $statuses = $this->settings['statuses'];
        return isset($statuses[$status]) && $statuses[$status] ? $statuses[$status] : 'IN_PROGRESS';
    }

    /** Returns the parts of the total beside the lines. Amounts are stored in the shop's default currency. */
    private function amounts($id, $rate, $digits)
    {
        $found = array('discount' => 0.0, 'shipping' => 0.0, 'taxes' => 0.0, 'fees' => 0.0);
        $rows = $this->db->query("SELECT `code`, `value` FROM `{$this->prefix}order_total` WHERE `order_id` = '" . (int)$id . "'")->rows;
        foreach ($rows as $row) {
            $value = $row['value'] * $rate;
            if (in_array($row['code'], self::$sums, true)) {
                continue;
            }
            if ($value < 0) {
                $found['discount'] -= $value;
            } elseif ($row['code'] === 'shipping') {
                $found['shipping'] += $value;
            } else {
                $found[$row['code'] === 'tax' ? 'taxes' : 'fees'] += $value;
            }
        }
        foreach ($found as $part => $value) {
            $found[$part] = round($value, $digits) > 0 ? self::money($value, $digits) : null;
        }
        return $found;
    }

    private function items(array $order, $rate, $digits)
    {
        $language = (int)$order['language_id'];
        $rows = $this->db->query("SELECT * FROM `{$this->prefix}order_product` WHERE `order_id` = '" . (int)$order['order_id']
            . "' ORDER BY `order_product_id`")->rows;
        $items = array();
        foreach ($rows as $row) {
            if ($row['quantity'] <= 0 || $row['price'] < 0) {
                continue;
            }
            $id = (int)$row['product_id'];
            $product = $id ? $this->row('product', 'product_id', $id) : array();
            $items[] = array_filter(array(
                // A line added by hand has no product.
                'id' => $id ? (string)$id : self::cut(self::text($row['name'])),
                'product_id' => empty($product['master_id']) ? null : (string)$product['master_id'],
                'sku' => $this->sku($product),
                'name' => self::text($row['name']),
                'category' => $id ? $this->category($id, $language) : null,
                'quantity' => (int)$row['quantity'],
                'total' => self::money($row['price'] * $row['quantity'] * $rate, $digits),
                'url' => $id ? $this->url($order, 'index.php?route=product/product&product_id=' . $id) : null,
                'image_url' => empty($product['image']) ? null : $this->image($order, $product['image']),
            ), array(__CLASS__, 'isGiven'));
        }
        return array_merge($items, $this->vouchers($order, $rate, $digits));
    }

    /** Returns the SKU of a product. 4.1 has it in a table of codes. */
    private function sku(array $product)
    {
        if ($product && !array_key_exists('sku', $product)) {
            $code = $this->db->query("SELECT `value` FROM `{$this->prefix}product_code` WHERE `product_id` = '"
                . (int)$product['product_id'] . "' AND `code` = 'sku' LIMIT 1")->row;
            return $code ? self::cut(self::text($code['value'])) : null;
        }
        return empty($product['sku']) ? null : self::cut(self::text($product['sku']));
    }

    /** Returns the gift vouchers that were bought (3.x and 4.0). */
    private function vouchers(array $order, $rate, $digits)
    {
        if (!$this->db->query("SHOW TABLES LIKE '" . $this->db->escape($this->prefix) . "order\\_voucher'")->num_rows) {
            return array();
        }
        $items = array();
        $rows = $this->db->query("SELECT * FROM `{$this->prefix}order_voucher` WHERE `order_id` = '" . (int)$order['order_id'] . "'")->rows;
        foreach ($rows as $row) {
            $items[] = array(
                'id' => 'voucher',
                'name' => self::text($row['description']),
                'quantity' => 1,
                'total' => self::money($row['amount'] * $rate, $digits),
            );
        }
        return $items;
    }

    private function buyer(array $order)
    {
        $side = self::text($order['payment_country']) || self::text($order['payment_address_1']) ? 'payment_' : 'shipping_';
        $contact = array_filter(array(
            'id' => (int)$order['customer_id'] ? (string)$order['customer_id'] : null,
            'email' => $this->email($order['email']),
            'phone' => self::text($order['telephone']),
            'first_name' => self::text($order['firstname'] ? $order['firstname'] : $order[$side . 'firstname']),
            'last_name' => self::text($order['lastname'] ? $order['lastname'] : $order[$side . 'lastname']),
            'language' => $this->language($order['language_id']),
            'address' => array_filter(array(
                'country' => $this->country($order[$side . 'country_id']),
                'region' => self::text($order[$side . 'zone']),
                'town' => self::text($order[$side . 'city']),
                'street' => self::street($order[$side . 'address_1'], $order[$side . 'address_2']),
                'postcode' => self::text($order[$side . 'postcode']),
            ), array(__CLASS__, 'isGiven')),
        ), array(__CLASS__, 'isGiven'));
        // An order without any address is sent all the same, and shopwire answers which field is missing.
        return $contact ? $contact : new stdClass();
    }

    private function home(array $customer)
    {
        $address = empty($customer['address_id']) ? array() : $this->row('address', 'address_id', $customer['address_id']);
        if (!$address) {
            $address = $this->row('address', 'customer_id', $customer['customer_id']);
        }
        if (!$address) {
            return null;
        }
        $zone = $this->row('zone', 'zone_id', $address['zone_id']);
        return array_filter(array(
            'country' => $this->country($address['country_id']),
            'region' => $this->zoneName($zone, $customer),
            'town' => self::text($address['city']),
            'street' => self::street($address['address_1'], $address['address_2']),
            'postcode' => self::text($address['postcode']),
        ), array(__CLASS__, 'isGiven'));
    }

    /** Returns the name of a zone. 4.1 has it in a table of languages. */
    private function zoneName(array $zone, array $customer)
    {
        if ($zone && !array_key_exists('name', $zone)) {
            $language = empty($customer['language_id']) ? 0 : (int)$customer['language_id'];
            $zone = $this->db->query("SELECT `name` FROM `{$this->prefix}zone_description` WHERE `zone_id` = '" . (int)$zone['zone_id']
                . "' ORDER BY `language_id` = '$language' DESC LIMIT 1")->row;
        }
        return $zone ? self::text($zone['name']) : null;
    }

    /** Returns an e-mail address, unless a checkout wrote its own or the shop's in place of the buyer's. */
    private function email($value)
    {
        $email = self::text($value);
        return $email === null || in_array(strtolower($email), $this->settings['emails'], true) || preg_match(self::$placeholder, $email) ? null : $email;
    }

    private function coupons($id)
    {
        $rows = $this->db->query("SELECT `title` FROM `{$this->prefix}order_total` WHERE `order_id` = '" . (int)$id
            . "' AND `code` = 'coupon'")->rows;
        $codes = array();
        foreach ($rows as $row) {
            $title = self::text($row['title']);
            $codes[] = preg_match('/\(([^()]+)\)\s*$/', (string)$title, $found) ? $found[1] : $title;
        }
        return array_values(array_filter($codes, array(__CLASS__, 'isGiven')));
    }

    /** Returns the name of the deepest category of a product. */
    private function category($product, $language)
    {
        $row = $this->db->query("SELECT cd.`name` FROM `{$this->prefix}product_to_category` pc "
            . "JOIN `{$this->prefix}category_path` cp ON cp.`category_id` = pc.`category_id` AND cp.`path_id` = pc.`category_id` "
            . "JOIN `{$this->prefix}category_description` cd ON cd.`category_id` = pc.`category_id` "
            . "WHERE pc.`product_id` = '" . (int)$product . "' "
            . "ORDER BY cp.`level` DESC, cd.`language_id` = '" . (int)$language . "' DESC, pc.`category_id` LIMIT 1")->row;
        return $row ? self::text($row['name']) : null;
    }

    private function language($id)
    {
        $row = $this->row('language', 'language_id', $id);
        return $row ? $row['code'] : null;
    }

    private function country($id)
    {
        $row = $this->row('country', 'country_id', $id);
        return $row ? self::text($row['iso_code_2']) : null;
    }

    private function line(array $order, $side)
    {
        $parts = array('address_1', 'address_2', 'city', 'zone', 'postcode', 'country');
        $texts = array();
        foreach ($parts as $part) {
            $texts[] = self::text($order[$side . $part]);
        }
        return implode(', ', array_filter($texts, array(__CLASS__, 'isGiven')));
    }

    private static function street($one, $two)
    {
        return implode(', ', array_filter(array(self::text($one), self::text($two)), array(__CLASS__, 'isGiven')));
    }

    /** Returns the name of a payment or shipping method. 4.x stores it as JSON. */
    private static function method($value)
    {
        $decoded = json_decode(html_entity_decode((string)$value, ENT_QUOTES, 'UTF-8'), true);
        $decoded = is_array($decoded) ? $decoded : json_decode((string)$value, true);
        return self::text(strip_tags(is_array($decoded) ? (isset($decoded['name']) ? $decoded['name'] : '') : (string)$value));
    }

    private function image(array $order, $path)
    {
        return $this->url($order, 'image/' . implode('/', array_map('rawurlencode', explode('/', self::text($path)))));
    }

    private function url(array $order, $path)
    {
        $url = self::text($order['store_url']);
        $url = $url ? $url : $this->settings['url'];
        return preg_match('{^https?://}', (string)$url) ? rtrim($url, '/') . '/' . $path : null;
    }

    /** Returns a DATETIME of the shop's local time with its offset on that day. */
    private function moment($local)
    {
        $zone = new DateTimeZone($this->settings['timezone']);
        $moment = strpos((string)$local, '0000') === 0 ? false : date_create((string)$local, $zone);
        return $moment ? $moment->format('c') : date_create('now', $zone)->format('c');
    }

    private static function cut($value)
    {
        return $value === null ? null : (function_exists('mb_substr') ? mb_substr($value, 0, 255) : substr($value, 0, 255));
    }

    private function row($table, $column, $value)
    {
        return $this->db->query("SELECT * FROM `{$this->prefix}$table` WHERE `$column` = '" . $this->db->escape((string)$value)
            . "' LIMIT 1")->row;
    }
}
