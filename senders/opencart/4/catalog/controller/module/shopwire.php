<?php
namespace Opencart\Catalog\Controller\Extension\Shopwire\Module;

require_once DIR_EXTENSION . 'shopwire/system/library/shopwire/shop.php';

/**
 * shopwire in the shop (OpenCart 4.x): event handlers, and the URL for cron.
 *
 * In the admin, OpenCart runs these handlers too, for orders, with a session that is thrown away.
 */
class Shopwire extends \Opencart\System\Engine\Controller {
	public function orderAdded(&$route = '', &$args = [], &$output = null): void {
		$id = $output;
		\ShopwireShop::guard($this->registry, function ($shop) use ($id): void {
			$shop->module()->orderAdded($id, $shop->token());
		});
	}

	public function orderChanged(&$route = '', &$args = [], &$output = null): void {
		$id = $args[0] ?? 0;
		\ShopwireShop::guard($this->registry, function ($shop) use ($id): void {
			$shop->module()->orderChanged($id);
			$shop->sendAfterResponse();
		});
	}

	public function orderDeleted(&$route = '', &$args = []): void {
		$id = $args[0] ?? 0;
		\ShopwireShop::guard($this->registry, function ($shop) use ($id): void {
			$shop->module()->orderDeleted($id);
		});
	}

	public function customerAdded(&$route = '', &$args = [], &$output = null): void {
		$id = $output;
		\ShopwireShop::guard($this->registry, function ($shop) use ($id): void {
			$shop->module()->customerChanged($id, true);
			$shop->sendAfterResponse();
		});
	}

	public function customerEdited(&$route = '', &$args = [], &$output = null): void {
		$id = $args[0] ?? 0;
		\ShopwireShop::guard($this->registry, function ($shop) use ($id): void {
			$shop->module()->customerChanged($id, false);
		});
	}

	public function newsletterEdited(&$route = '', &$args = [], &$output = null): void {
		// 4.0 passes the choice only, of the customer who is signed in; 4.1 the customer and the choice.
		$id = count($args) > 1 ? $args[0] : $this->customer->getId();
		\ShopwireShop::guard($this->registry, function ($shop) use ($id): void {
			$shop->module()->customerChanged($id, true);
		});
	}

	public function cartChanged(&$route = '', &$args = []): void {
		\ShopwireShop::guard($this->registry, function ($shop): void {
			$shop->watchCart();
			$shop->sendAfterResponse();
		});
	}

	/** The URL for cron: index.php?route=extension/shopwire/module/shopwire.cron&key=... */
	public function cron(): void {
		$module = \ShopwireShop::of($this->registry)->module();
		$key = (string)($this->request->get['key'] ?? '');
		$this->response->addHeader('Content-Type: application/json');
		if (!$module->isOn() || $key === '' || !hash_equals($module->cronKey(), $key)) {
			$this->response->addHeader('HTTP/1.1 403 Forbidden');
			$this->response->setOutput('{"error":"the module is off, or the key is wrong"}');
			return;
		}
		$module->catchUp();
		$this->response->setOutput(\ShopwireClient::encode($module->send(20)));
	}
}
