<?php
namespace Opencart\Admin\Controller\Extension\Shopwire\Module;

require_once DIR_EXTENSION . 'shopwire/system/library/shopwire/shop.php';

/** shopwire in the admin (OpenCart 4.x): the settings page, and the events. */
class Shopwire extends \Opencart\System\Engine\Controller {
	private const ROUTE = 'extension/shopwire/module/shopwire';

	/** Returns trigger => method of each event. Models are separated by a dot from 4.1 on, controllers in all of 4.0.2+. */
	private function events(): array {
		$is_41 = version_compare(VERSION, '4.1', '>=');
		$dot = $is_41 ? '.' : '/';
		// The admin of 4.1 deletes orders by a model of its own.
		$more = $is_41 ? ['admin/model/sale/order.deleteOrder/before' => 'orderDeleted'] : [];
		return $more + [
			"catalog/model/checkout/order{$dot}addOrder/after" => 'orderAdded',
			"catalog/model/checkout/order{$dot}addHistory/after" => 'orderChanged',
			"catalog/model/checkout/order{$dot}editOrder/after" => 'orderChanged',
			"catalog/model/checkout/order{$dot}deleteOrder/before" => 'orderDeleted',
			"catalog/model/account/customer{$dot}addCustomer/after" => 'customerAdded',
			"catalog/model/account/customer{$dot}editCustomer/after" => 'customerEdited',
			"catalog/model/account/customer{$dot}editNewsletter/after" => 'newsletterEdited',
			'catalog/controller/checkout/cart.add/before' => 'cartChanged',
			'catalog/controller/checkout/cart.edit/before' => 'cartChanged',
			'catalog/controller/checkout/cart.remove/before' => 'cartChanged',
			'catalog/controller/checkout/register.save/before' => 'cartChanged',
			"admin/model/customer/customer{$dot}addCustomer/after" => 'customerAdded',
			"admin/model/customer/customer{$dot}editCustomer/after" => 'customerEdited',
			"admin/model/customer/customer_approval{$dot}approveCustomer/after" => 'customerApproved',
		];
	}

	public function install(): void {
		$this->module()->install();
		$this->registerEvents();
	}

	public function uninstall(): void {
		$this->load->model('setting/event');
		$this->model_setting_event->deleteEventByCode('shopwire');
		$this->module()->uninstall();
	}

	public function index(): void {
		$this->load->language(self::ROUTE);
		$this->document->setTitle($this->language->get('heading_title'));
		$this->load->model('localisation/order_status');
		// An upgrade of OpenCart may have changed them.
		$this->module()->install();
		$this->registerEvents();
		$statuses = $this->config->get('module_shopwire_statuses');
		$data = [
			'breadcrumbs' => [
				['text' => $this->language->get('text_home'), 'href' => $this->link('common/dashboard')],
				['text' => $this->language->get('text_extension'), 'href' => $this->link('marketplace/extension', '&type=module')],
				['text' => $this->language->get('heading_title'), 'href' => $this->link(self::ROUTE)],
			],
			'save' => $this->link(self::ROUTE . '.save'),
			'back' => $this->link('marketplace/extension', '&type=module'),
			'meanings' => ['INITIALIZED', 'IN_PROGRESS', 'DELIVERED', 'CANCELLED'],
			'order_statuses' => $this->model_localisation_order_status->getOrderStatuses(),
			'report' => $this->module()->report(),
			'cron_url' => HTTP_CATALOG . 'index.php?route=' . self::ROUTE . '.cron&key=' . $this->module()->cronKey(),
			'module_shopwire_status' => $this->config->get('module_shopwire_status'),
			'module_shopwire_url' => $this->config->get('module_shopwire_url'),
			'module_shopwire_secret' => $this->config->get('module_shopwire_secret'),
			'module_shopwire_statuses' => is_array($statuses) ? $statuses : \ShopwireModule::$default_statuses,
			'header' => $this->load->controller('common/header'),
			'column_left' => $this->load->controller('common/column_left'),
			'footer' => $this->load->controller('common/footer'),
		];
		$this->response->setOutput($this->load->view(self::ROUTE, $data));
	}

	public function save(): void {
		$this->load->language(self::ROUTE);
		$json = [];
		$post = $this->request->post;
		$url = html_entity_decode((string)($post['module_shopwire_url'] ?? ''), ENT_QUOTES, 'UTF-8');
		if (!$this->user->hasPermission('modify', self::ROUTE)) {
			$json['error'] = $this->language->get('error_permission');
		} elseif (!empty($post['module_shopwire_status']) && !preg_match('{^https?://[^/\s]+/webhooks/[a-z0-9-]+$}', $url)) {
			$json['error'] = $this->language->get('error_url');
		} elseif (!empty($post['module_shopwire_status']) && empty($post['module_shopwire_secret'])) {
			$json['error'] = $this->language->get('error_secret');
		} else {
			$this->load->model('setting/setting');
			$this->model_setting_setting->editSetting('module_shopwire', $post);
			$json['success'] = $this->language->get('text_success');
		}
		$this->response->addHeader('Content-Type: application/json');
		$this->response->setOutput(json_encode($json));
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
		});
	}

	public function customerEdited(&$route = '', &$args = [], &$output = null): void {
		$id = $args[0] ?? 0;
		\ShopwireShop::guard($this->registry, function ($shop) use ($id): void {
			$shop->module()->customerChanged($id, false);
		});
	}

	/** An account that waited for approval was not sent yet, nor was the choice of its newsletter. */
	public function customerApproved(&$route = '', &$args = [], &$output = null): void {
		$id = $args[0] ?? 0;
		\ShopwireShop::guard($this->registry, function ($shop) use ($id): void {
			$shop->module()->customerChanged($id, true);
		});
	}

	private function registerEvents(): void {
		$this->load->model('setting/event');
		$this->model_setting_event->deleteEventByCode('shopwire');
		foreach ($this->events() as $trigger => $method) {
			$this->model_setting_event->addEvent([
				'code' => 'shopwire',
				'description' => 'Tells shopwire what changed.',
				'trigger' => $trigger,
				'action' => self::ROUTE . '.' . $method,
				'status' => true,
				'sort_order' => 0,
			]);
		}
	}

	private function link(string $route, string $more = ''): string {
		return $this->url->link($route, 'user_token=' . $this->session->data['user_token'] . $more);
	}

	private function module(): \ShopwireModule {
		return \ShopwireShop::of($this->registry)->module();
	}
}
