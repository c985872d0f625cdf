<?php
// Runs commands of tests/senders/opencart/test_opencart.py against the module, unpacked from its zip, in an imitated OpenCart.
// Prints the result of each command as JSON. What a handler prints or returns is a result too.

error_reporting(-1);
ini_set('display_errors', 'stderr');
require __DIR__ . '/framework.php';

$input = json_decode(stream_get_contents(STDIN), true);
$is_3 = strpos($input['version'], '3') === 0;
define('VERSION', $input['version']);
define('DB_PREFIX', 'oc_');
define('DB_DATABASE', 'shop');
define('DIR_SYSTEM', $input['root'] . '/upload/system/');
define('DIR_EXTENSION', dirname($input['root']) . '/');
define('HTTPS_CATALOG', 'https://shop.example/');
define('HTTP_CATALOG', 'https://shop.example/');
define('HTTP_SERVER', 'https://shop.example/');
if ($is_3) {
    class_alias('BaseController', 'Controller');
} else {
    class_alias('BaseController', 'Opencart\System\Engine\Controller');
}

$registry = new Values();
foreach (array(
    'db' => new Db($input['database'], $input['database_now']), 'config' => new Values($input['settings']), 'session' => new Session(), 'log' => new Log(),
    'currency' => new Currency(), 'tax' => new Tax(), 'customer' => new Customer(), 'cart' => new Cart(), 'request' => new Request(),
    'response' => new Response(), 'document' => new Document(), 'user' => new User(), 'language' => new Language(),
    'url' => new Url(), 'load' => new Loader($registry),
) as $name => $part) {
    $registry->set($name, $part);
}
$registry->get('session')->data = array('user_token' => 't') + $input['session'];
$registry->get('customer')->id = $input['customer'];
$registry->get('cart')->products = $input['cart'];

function controller($application, $registry)
{
    global $is_3, $input;
    $path = $is_3 ? "/upload/$application/controller/extension/module/shopwire.php" : "/$application/controller/module/shopwire.php";
    $class = $is_3 ? 'ControllerExtensionModuleShopwire' : 'Opencart\\' . ucfirst($application) . '\Controller\Extension\Shopwire\Module\Shopwire';
    require_once $input['root'] . $path;
    return new $class($registry);
}

$results = array();
foreach ($input['commands'] as $command) {
    list($name, $argument) = $command;
    ob_start();
    $result = null;
    if ($name === 'sql') {
        $result = $registry->get('db')->query($argument)->rows;
    } elseif ($name === 'fail') {
        $registry->get('db')->fails = $argument;
    } elseif ($name === 'event') {
        // As OpenCart does: the handler gets route, arguments and result by reference, and before the call no result.
        list($application, $method, $route, $args, $output) = $argument;
        $handler = controller($application, $registry);
        if (substr($route, -7) === '/before') {
            $result = $handler->$method($route, $args);
        } else {
            $result = $handler->$method($route, $args, $output);
        }
    } elseif ($name === 'end') {
        ShopwireShop::of($registry)->writeCart();
    } elseif ($name === 'cron') {
        $registry->get('request')->get = $argument;
        controller('catalog', $registry)->cron();
        $result = array(json_decode($registry->get('response')->output, true), $registry->get('response')->headers);
    } elseif ($name === 'admin') {
        $method = $argument;
        controller('admin', $registry)->$method();
        $result = array_values($registry->get('load')->views);
    } elseif ($name === 'log') {
        $result = $registry->get('log')->lines;
    }
    $results[] = array('result' => $result, 'printed' => ob_get_clean());
}
echo json_encode($results);
exit(0);
