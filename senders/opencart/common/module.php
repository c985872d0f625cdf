<?php
/**
 * The part of the OpenCart module that all versions share: a queue in the database, and its sender.
 *
 * An event handler only writes a row that names what changed. The order itself is read when it is sent, so the newest
 * state goes out, and many changes of one order are one message. PHP 5.4 or later.
 */

require_once __DIR__ . '/client.php';
require_once __DIR__ . '/orders.php';

class ShopwireModule
{
    /** Seconds until the next attempt, after one failure, two failures, and so on. */
    private static $delays = array(5, 30, 120, 600, 1800, 3600);
    /** The catch-up job looks back this far, because rows of MyISAM appear without any order. */
    const LOOK_BACK_MS = 300000;

    /** The meaning of OpenCart's default statuses. All others are in progress until the merchant says otherwise. */
    public static $default_statuses = array(
        1 => 'INITIALIZED', 2 => 'IN_PROGRESS', 3 => 'IN_PROGRESS', 15 => 'IN_PROGRESS', 9 => 'IN_PROGRESS',
        5 => 'DELIVERED',
        7 => 'CANCELLED', 8 => 'CANCELLED', 10 => 'CANCELLED', 11 => 'CANCELLED', 12 => 'CANCELLED', 13 => 'CANCELLED',
        14 => 'CANCELLED', 16 => 'CANCELLED',
    );

    private $db;
    private $prefix;
    private $config;
    private $clock;
    private $client;
    private $own_emails;

    /**
     * @param object $db     OpenCart's database
     * @param object $config OpenCart's config, with the settings module_shopwire_*
     * @param array  $options of ShopwireClient
     */
    public function __construct($db, $prefix, $config, array $options = array())
    {
        $this->db = $db;
        $this->prefix = $prefix;
        $this->config = $config;
        $this->clock = isset($options['clock']) ? $options['clock'] : array('ShopwireClient', 'milliseconds');
        // OpenCart stores settings with HTML entities.
        $url = (string)ShopwireOrders::text($config->get('module_shopwire_url'));
        $secrets = preg_split('/\s+/', (string)ShopwireOrders::text($config->get('module_shopwire_secret')));
        $this->client = new ShopwireClient($url, $secrets, $options);
    }

    /** Creates the tables. Orders from before are not sent. */
    public function install()
    {
        $this->db->query("CREATE TABLE IF NOT EXISTS `{$this->prefix}shopwire_queue` (`name` VARCHAR(100) NOT NULL, "
            . "`changed_at` BIGINT NOT NULL, `consent_at` BIGINT NOT NULL DEFAULT 0, `body` MEDIUMTEXT, `problem` TEXT, "
            . "PRIMARY KEY (`name`), KEY `changed_at` (`changed_at`)) DEFAULT CHARSET=utf8mb4");
        $this->db->query("CREATE TABLE IF NOT EXISTS `{$this->prefix}shopwire_order` (`order_id` INT NOT NULL, "
            . "`token` VARCHAR(64) NOT NULL DEFAULT '', `digest` CHAR(32) NOT NULL DEFAULT '', PRIMARY KEY (`order_id`)) DEFAULT CHARSET=utf8mb4");
        $this->db->query("CREATE TABLE IF NOT EXISTS `{$this->prefix}shopwire_state` (`name` VARCHAR(32) NOT NULL, "
            . "`value` TEXT NOT NULL, PRIMARY KEY (`name`)) DEFAULT CHARSET=utf8mb4");
        $last = $this->db->query("SELECT MAX(`order_history_id`) AS `last` FROM `{$this->prefix}order_history`")->row;
        $first = array('history' => (int)$last['last'], 'looked' => $this->now(), 'key' => md5(ShopwireClient::newId() . microtime()));
        foreach ($first as $name => $value) {
            $this->db->query("INSERT IGNORE INTO `{$this->prefix}shopwire_state` (`name`, `value`) VALUES ('$name', '$value')");
        }
    }

    /** Removes the tables, with everything that waits. */
    public function uninstall()
    {
        foreach (array('queue', 'order', 'state') as $table) {
            $this->db->query("DROP TABLE IF EXISTS `{$this->prefix}shopwire_$table`");
        }
    }

    /** Returns whether the module is switched on and configured. */
    public function isOn()
    {
        return $this->config->get('module_shopwire_status') && $this->config->get('module_shopwire_url')
            && $this->config->get('module_shopwire_secret');
    }

    /** Returns the key that the cron URL must have. */
    public function cronKey()
    {
        return $this->state('key');
    }

    // What the event handlers call. Each only writes a row.

    /** Records that an order changed. */
    public function orderChanged($id)
    {
        if ((int)$id) {
            $this->enqueue('order:' . (int)$id);
        }
    }

    /** Records from which cart an order was made. */
    public function orderAdded($id, $token)
    {
        if ((int)$id) {
            $this->db->query("INSERT INTO `{$this->prefix}shopwire_order` (`order_id`, `token`) VALUES ('" . (int)$id . "', '"
                . $this->db->escape($token) . "') ON DUPLICATE KEY UPDATE `token` = VALUES(`token`)");
        }
    }

    /** Records that an order is deleted, if shopwire has it: of another one it could only say that it does not know it. */
    public function orderDeleted($id)
    {
        $id = (int)$id;
        if ($id && $this->lastDigest($id) !== '') {
            $this->enqueue("order_deleted:$id", '{"type":"order_deleted","id":"' . $id . '"}');
        }
        $this->db->query("DELETE FROM `{$this->prefix}shopwire_queue` WHERE `name` = 'order:$id'");
        $this->db->query("DELETE FROM `{$this->prefix}shopwire_order` WHERE `order_id` = '$id'");
    }

    /** Records that a customer changed. `$consent`: whether the choice of the newsletter was part of it. */
    public function customerChanged($id, $consent)
    {
        if ((int)$id) {
            $this->enqueue('customer:' . (int)$id, null, $consent);
        }
    }

    /** Records the whole cart. It is the one change that exists only in the shopper's session. */
    public function cartChanged($token, array $cart)
    {
        $now = $this->now();
        $body = ShopwireClient::encode(array('type' => 'cart', 'version' => ShopwireClient::moment($now), 'token' => $token) + $cart);
        if ($body !== null) {
            $this->enqueue('cart:' . $token, $body);
        }
    }

    /** Returns the name of a session's cart for shopwire. It does not reveal the session. */
    public function cartToken($session_id)
    {
        return substr(hash_hmac('sha256', (string)$session_id, $this->cronKey()), 0, 40);
    }

    // Sending.

    /**
     * Sends what waits, in order, until a call fails. After a failure it waits longer and longer.
     *
     * @return array sent, rejected, waiting: numbers of messages. error: why it stopped; "" if nothing is wrong.
     */
    public function send($seconds)
    {
        $summary = array('sent' => 0, 'rejected' => 0, 'waiting' => 0, 'error' => '');
        $lock = $this->db->escape('shopwire.' . $this->prefix . (defined('DB_DATABASE') ? DB_DATABASE : ''));
        $held = $this->db->query("SELECT GET_LOCK('$lock', 0) AS `held`")->row;
        if (!$held['held']) {
            $summary['error'] = 'another process is sending';
            return $summary;
        }
        try {
            $wait = (float)$this->state('not_before') - $this->now();
            // A longer wait was recorded while the clock was wrong.
            if ($wait > 0 && $wait <= ShopwireClient::MAX_WAIT * 1000) {
                $summary['error'] = 'waiting after a failure: ' . $this->state('error');
            } else {
                $this->sendWaiting($summary, $this->now() + $seconds * 1000);
            }
        } catch (Exception $error) {
            $this->db->query("SELECT RELEASE_LOCK('$lock')");
            throw $error;
        } catch (Throwable $error) {
            $this->db->query("SELECT RELEASE_LOCK('$lock')");
            throw $error;
        }
        $this->db->query("SELECT RELEASE_LOCK('$lock')");
        $summary['waiting'] = $this->count('`problem` IS NULL');
        return $summary;
    }

    /** Finds changes that no event reports: other programs, other checkouts, lost events. Call it before `send`, by cron. */
    public function catchUp()
    {
        $found = $this->orders()->changedSince($this->state('history'));
        $now = $this->now();
        $modified = $this->orders()->modifiedWithin($now - (float)$this->state('looked') + self::LOOK_BACK_MS);
        foreach (array_unique(array_merge($found['orders'], $modified)) as $id) {
            $this->orderChanged($id);
        }
        $this->setState('history', $found['last']);
        $this->setState('looked', $now);
    }

    /** Returns what the settings page shows: numbers, the last error, and up to 20 messages that were refused. */
    public function report()
    {
        return array(
            'waiting' => $this->count('`problem` IS NULL'),
            'rejected' => $this->count('`problem` IS NOT NULL'),
            'error' => $this->state('error'),
            'problems' => $this->db->query("SELECT `name`, `problem` FROM `{$this->prefix}shopwire_queue` WHERE `problem` IS NOT NULL "
                . "ORDER BY `changed_at` DESC LIMIT 20")->rows,
        );
    }

    private function sendWaiting(array &$summary, $end)
    {
        do {
            $rows = $this->db->query("SELECT * FROM `{$this->prefix}shopwire_queue` WHERE `problem` IS NULL "
                . "ORDER BY `changed_at`, `name` LIMIT 50")->rows;
            foreach ($rows as $row) {
                if ($this->now() >= $end) {
                    return;
                }
                try {
                    if (!$this->sendRow($row, $summary)) {
                        return;
                    }
                } catch (Exception $error) {
                    $this->setAside($row, $error, $summary);
                } catch (Throwable $error) {
                    $this->setAside($row, $error, $summary);
                }
            }
        } while (count($rows) === 50);
    }

    /** Sends one row. Returns whether to go on with the next one. */
    private function sendRow(array $row, array &$summary)
    {
        list($kind, $id) = explode(':', $row['name'], 2);
        $digest = '';
        $body = $row['body'];
        if ($body === null) {
            $change = $this->read($kind, $id, $row['consent_at']);
            $digest = md5((string)ShopwireClient::encode($change));
            if ($change === null || ($kind === 'order' && $digest === $this->lastDigest($id))) {
                $this->forget($row);
                return true;
            }
            $body = (string)ShopwireClient::encode(array('version' => ShopwireClient::moment($this->now())) + $change);
        }
        $response = $this->client->post('oc_' . md5($row['name'] . $row['changed_at']), $body);
        $decision = ShopwireClient::decide($response['status']);
        if ($decision === ShopwireClient::LATER) {
            $summary['error'] = $response['error'] ? $response['error'] : 'HTTP ' . $response['status'] . ': ' . $response['body'];
            $this->recordFailure($summary['error'], $response['retry_after']);
            if ($kind === 'order' && !$response['status']) {
                // It may have arrived. So the order counts as known (`orderDeleted`), whatever it was.
                $this->db->query("INSERT INTO `{$this->prefix}shopwire_order` (`order_id`, `digest`) VALUES ('" . (int)$id . "', '?') "
                    . "ON DUPLICATE KEY UPDATE `digest` = '?'");
            }
            return false;
        }
        if ($decision === ShopwireClient::REJECTED) {
            $this->keepAside($row, $response['body'], $summary);
        } else {
            if ($kind === 'order') {
                $this->db->query("INSERT INTO `{$this->prefix}shopwire_order` (`order_id`, `digest`) VALUES ('" . (int)$id . "', '$digest') "
                    . "ON DUPLICATE KEY UPDATE `digest` = VALUES(`digest`)");
            }
            $this->forget($row);
            $summary['sent']++;
        }
        if ((int)$this->state('failures')) {
            $this->setState('failures', 0);
            $this->setState('error', '');
        }
        return true;
    }

    /** Keeps a row aside that cannot be read, so that it delays no other one. */
    private function setAside(array $row, $error, array &$summary)
    {
        $this->keepAside($row, get_class($error) . ' in ' . basename($error->getFile()) . ':' . $error->getLine(), $summary);
    }

    private function keepAside(array $row, $problem, array &$summary)
    {
        $this->db->query("UPDATE `{$this->prefix}shopwire_queue` SET `problem` = '" . $this->db->escape(substr($problem, 0, 5000))
            . "' WHERE `name` = '" . $this->db->escape($row['name']) . "' AND `changed_at` = '" . $row['changed_at'] . "'");
        $summary['rejected']++;
    }

    private function read($kind, $id, $consent_at)
    {
        if ($kind === 'customer') {
            return $this->orders()->customer($id, (float)$consent_at);
        }
        $row = $this->db->query("SELECT `token` FROM `{$this->prefix}shopwire_order` WHERE `order_id` = '" . (int)$id . "'")->row;
        return $this->orders()->order($id, $row && $row['token'] !== '' ? $row['token'] : null);
    }

    /** Removes a row, unless it was changed while it was sent. */
    private function forget(array $row)
    {
        $this->db->query("DELETE FROM `{$this->prefix}shopwire_queue` WHERE `name` = '" . $this->db->escape($row['name'])
            . "' AND `changed_at` = '" . $this->db->escape($row['changed_at']) . "'");
    }

    private function lastDigest($id)
    {
        $row = $this->db->query("SELECT `digest` FROM `{$this->prefix}shopwire_order` WHERE `order_id` = '" . (int)$id . "'")->row;
        return $row ? $row['digest'] : '';
    }

    private function enqueue($name, $body = null, $consent = false)
    {
        $now = $this->now();
        $text = $body === null ? 'NULL' : "'" . $this->db->escape($body) . "'";
        $at = $consent ? $now : 0;
        $this->db->query("INSERT INTO `{$this->prefix}shopwire_queue` (`name`, `changed_at`, `consent_at`, `body`) VALUES ('"
            . $this->db->escape($name) . "', '$now', '$at', $text) ON DUPLICATE KEY UPDATE `changed_at` = GREATEST(`changed_at` + 1, '$now'), "
            . "`body` = $text, `consent_at` = GREATEST(`consent_at`, '$at'), `problem` = NULL");
    }

    private function recordFailure($error, $retry_after)
    {
        $failures = (int)$this->state('failures') + 1;
        $delay = self::$delays[min($failures, count(self::$delays)) - 1] * 1000;
        $this->setState('failures', $failures);
        // Shops that failed together do not come back at the same moment.
        $wait = max($delay - mt_rand(0, (int)($delay / 5)), $retry_after * 1000);
        $this->setState('not_before', $this->now() + $wait);
        $this->setState('error', substr($error, 0, 1000));
    }

    private function orders()
    {
        $statuses = $this->config->get('module_shopwire_statuses');
        $void = (int)$this->config->get('config_void_status_id');
        $zone = (string)$this->config->get('config_timezone');
        return new ShopwireOrders($this->db, $this->prefix, array(
            'statuses' => is_array($statuses) ? $statuses : self::$default_statuses,
            'void' => $void ? $void : 16,
            'emails' => $this->ownEmails(),
            'timezone' => $zone ? $zone : date_default_timezone_get(),
            'url' => (string)$this->config->get('config_url'),
        ));
    }

    /** Returns the addresses of the shop and of its other stores. */
    private function ownEmails()
    {
        if ($this->own_emails === null) {
            $emails = array((string)$this->config->get('config_email'));
            foreach ($this->db->query("SELECT `value` FROM `{$this->prefix}setting` WHERE `key` = 'config_email'")->rows as $row) {
                $emails[] = (string)$row['value'];
            }
            $this->own_emails = array_filter(array_map('strtolower', array_map('trim', $emails)), 'strlen');
        }
        return $this->own_emails;
    }

    private function count($where)
    {
        $row = $this->db->query("SELECT COUNT(*) AS `n` FROM `{$this->prefix}shopwire_queue` WHERE $where")->row;
        return (int)$row['n'];
    }

    private function state($name)
    {
        $row = $this->db->query("SELECT `value` FROM `{$this->prefix}shopwire_state` WHERE `name` = '" . $this->db->escape($name) . "'")->row;
        return $row ? $row['value'] : '';
    }

    private function setState($name, $value)
    {
        $this->db->query("REPLACE INTO `{$this->prefix}shopwire_state` (`name`, `value`) VALUES ('" . $this->db->escape($name) . "', '"
            . $this->db->escape((string)$value) . "')");
    }

    private function now()
    {
        return (int)call_user_func($this->clock);
    }
}
