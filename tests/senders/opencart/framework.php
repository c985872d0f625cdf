<?php
// Imitates the parts of OpenCart 3 and 4 that the module uses, with SQLite in place of MySQL. driver.php uses it.

class Db
{
    public $fails = false;
    private $pdo;

    public function __construct($file, $now)
    {
        $this->pdo = new PDO('sqlite:' . $file);
        $this->pdo->exec('PRAGMA journal_mode = OFF');
        $this->pdo->exec('PRAGMA synchronous = OFF');
        $this->pdo->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
        $this->pdo->sqliteCreateFunction('GREATEST', function ($one, $other) { return max((int)$one, (int)$other); });
        $this->pdo->sqliteCreateFunction('NOW', function () use ($now) { return $now ?: gmdate('Y-m-d H:i:s'); });
        $this->pdo->sqliteCreateFunction('GET_LOCK', function () { return 1; });
        $this->pdo->sqliteCreateFunction('RELEASE_LOCK', function () { return 1; });
    }

    public function query($sql)
    {
        if ($this->fails) {
            throw new Exception('Error: the server has gone away, ann@example.com');
        }
        $result = (object)array('rows' => array(), 'row' => array(), 'num_rows' => 0);
        if (preg_match('/^SHOW TABLES LIKE \'(.*)\'$/', $sql, $found)) {
            $sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = '" . str_replace('\\', '', $found[1]) . "'";
        }
        $sql = preg_replace('/, KEY `\w+` \(`\w+`\)/', '', $sql);
        $sql = str_replace(array('INSERT IGNORE', ' DEFAULT CHARSET=utf8mb4'), array('INSERT OR IGNORE', ''), $sql);
        if (strpos($sql, 'ON DUPLICATE KEY UPDATE')) {
            $sql = str_replace('ON DUPLICATE KEY UPDATE', 'ON CONFLICT DO UPDATE SET', $sql);
            $sql = preg_replace('/VALUES\((`\w+`)\)/', 'excluded.$1', $sql);
        }
        $statement = $this->pdo->query($sql);
        if ($statement->columnCount()) {
            // MySQL's driver returns every value as text.
            foreach ($statement->fetchAll(PDO::FETCH_ASSOC) as $row) {
                $result->rows[] = array_map(function ($value) { return $value === null ? null : (string)$value; }, $row);
            }
            $result->num_rows = count($result->rows);
            $result->row = $result->rows ? $result->rows[0] : array();
        }
        return $result;
    }

    public function escape($value)
    {
        return str_replace("'", "''", (string)$value);
    }
}

class Values
{
    public $data = array();

    public function __construct(array $data = array()) { $this->data = $data; }
    public function get($name) { return isset($this->data[$name]) ? $this->data[$name] : null; }
    public function set($name, $value) { $this->data[$name] = $value; }
    public function has($name) { return isset($this->data[$name]); }
}

class Session { public $data = array(); public function getId() { return 'session-of-the-shopper'; } }
class Log { public $lines = array(); public function write($line) { $this->lines[] = $line; } }
class Currency
{
    public function getDecimalPlace($code) { return $code === 'JPY' ? '0' : '2'; }
    public function getValue($code) { return $code === 'EUR' ? 0.5 : 1.0; }
}
class Tax { public function calculate($price, $class, $shown) { return $shown ? $price * 1.2 : $price; } }
class Customer
{
    public $id = 0;
    public function isLogged() { return $this->id > 0; }
    public function getId() { return $this->id ?: null; }
    public function getEmail() { return 'ann@example.com'; }
    public function getTelephone() { return '067 123 45 67'; }
    public function getFirstName() { return 'Ann &amp; Co'; }
    public function getLastName() { return ''; }
}
class Cart { public $products = array(); public function getProducts() { return $this->products; } }
class Request { public $get = array(); public $post = array(); public $server = array('SERVER_PROTOCOL' => 'HTTP/1.1', 'REQUEST_METHOD' => 'GET'); }
class Response
{
    public $output = '';
    public $headers = array();
    public function addHeader($header) { $this->headers[] = $header; }
    public function setOutput($output) { $this->output = $output; }
    public function redirect($url) { $this->headers[] = "location: $url"; }
}
class Document { public function setTitle($title) {} }
class User { public function hasPermission($kind, $route) { return true; } }
class Language { public function get($key) { return $key; } }
class Url { public function link($route, $query = '', $secure = false) { return "index.php?route=$route&$query"; } }

class Loader
{
    private $registry;
    public $views = array();
    public function __construct($registry) { $this->registry = $registry; }
    public function language($route) {}
    public function controller($route) { return ''; }
    public function view($route, $data) { $this->views[$route] = $data; return $route; }
    public function model($route)
    {
        $name = 'model_' . str_replace('/', '_', $route);
        if (!$this->registry->has($name)) {
            $this->registry->set($name, $route === 'setting/event' ? new Events($this->registry->get('db'))
                : ($route === 'setting/setting' ? new Settings($this->registry->get('config')) : new OrderStatuses()));
        }
    }
}
class OrderStatuses { public function getOrderStatuses() { return array(array('order_status_id' => '1', 'name' => 'Pending')); } }
class Settings
{
    private $config;
    public function __construct($config) { $this->config = $config; }
    public function editSetting($code, $values) { foreach ($values as $name => $value) { $this->config->set($name, $value); } }
}
class Events
{
    private $db;
    public function __construct($db) { $this->db = $db; }
    public function deleteEventByCode($code) { $this->db->query("DELETE FROM oc_event WHERE code = '$code'"); }
    public function addEvent($event, $trigger = '', $action = '', $status = 1, $sort_order = 0)
    {
        $event = is_array($event) ? $event : compact('trigger', 'action') + array('code' => $event);
        $this->db->query("INSERT INTO oc_event (code, `trigger`, action) VALUES ('{$event['code']}', '{$event['trigger']}', '{$event['action']}')");
    }
}

class BaseController
{
    protected $registry;
    public function __construct($registry) { $this->registry = $registry; }
    public function __get($name) { return $this->registry->get($name); }
}
