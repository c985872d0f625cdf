<?php
/** shopwire in the shop (OpenCart 3.x): event handlers, and the URL for cron. A handler returns nothing, or it would replace a result. */

require_once DIR_SYSTEM . 'library/shopwire/shop.php';

class ControllerExtensionModuleShopwire extends Controller {
	public function orderAdded(&$route, &$args, &$output = null) {
		$id = $output;
		ShopwireShop::guard($this->registry, function ($shop) use ($id) {
			$shop->module()->orderAdded($id, $shop->token());
		});
	}

	public function orderChanged(&$route, &$args, &$output = null) {
		$id = isset($args[0]) ? $args[0] : 0;
		ShopwireShop::guard($this->registry, function ($shop) use ($id) {
			$shop->module()->orderChanged($id);
			$shop->sendAfterResponse();
		});
	}

	public function orderDeleted(&$route, &$args) {
		$id = isset($args[0]) ? $args[0] : 0;
		ShopwireShop::guard($this->registry, function ($shop) use ($id) {
			$shop->module()->orderDeleted($id);
		});
	}

	public function customerAdded(&$route, &$args, &$output = null) {
		$id = $output;
		ShopwireShop::guard($this->registry, function ($shop) use ($id) {
			$shop->module()->customerChanged($id, true);
			$shop->sendAfterResponse();
		});
	}

	public function customerEdited(&$route, &$args, &$output = null) {
		$id = isset($args[0]) ? $args[0] : 0;
		ShopwireShop::guard($this->registry, function ($shop) use ($id) {
			$shop->module()->customerChanged($id, false);
		});
	}

	public function newsletterEdited(&$route, &$args, &$output = null) {
		$id = $this->customer->getId();
		ShopwireShop::guard($this->registry, function ($shop) use ($id) {
			$shop->module()->customerChanged($id, true);
		});
	}

	public function cartChanged(&$route, &$args) {
		ShopwireShop::guard($this->registry, function ($shop) {
			$shop->watchCart();
			$shop->sendAfterResponse();
		});
	}

	/** The URL for cron: index.php?route=extension/module/shopwire/cron&key=... */
	public function cron() {
		$module = ShopwireShop::of($this->registry)->module();
		$key = isset($this->request->get['key']) ? (string)$this->request->get['key'] : '';
		$this->response->addHeader('Content-Type: application/json');
		if (!$module->isOn() || $key === '' || $key !== $module->cronKey()) {
			$this->response->addHeader($this->request->server['SERVER_PROTOCOL'] . ' 403 Forbidden');
			$this->response->setOutput('{"error":"the module is off, or the key is wrong"}');
			return;
		}
		$module->catchUp();
		$this->response->setOutput(ShopwireClient::encode($module->send(20)));
	}
}
