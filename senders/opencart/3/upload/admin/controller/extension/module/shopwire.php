<?php
/** shopwire in the admin (OpenCart 3.x): the settings page, and the events. */

require_once DIR_SYSTEM . 'library/shopwire/shop.php';

class ControllerExtensionModuleShopwire extends Controller {
	const ROUTE = 'extension/module/shopwire';

	private $error = array();

	/** Returns trigger => method of each event. */
	private function events() {
		return array(
			'catalog/model/checkout/order/addOrder/after' => 'orderAdded',
			'catalog/model/checkout/order/addOrderHistory/after' => 'orderChanged',
			'catalog/model/checkout/order/editOrder/after' => 'orderChanged',
			'catalog/model/checkout/order/deleteOrder/before' => 'orderDeleted',
			'catalog/model/account/customer/addCustomer/after' => 'customerAdded',
			'catalog/model/account/customer/editCustomer/after' => 'customerEdited',
			'catalog/model/account/customer/editNewsletter/after' => 'newsletterEdited',
			'catalog/controller/checkout/cart/add/before' => 'cartChanged',
			'catalog/controller/checkout/cart/edit/before' => 'cartChanged',
			'catalog/controller/checkout/cart/remove/before' => 'cartChanged',
			'catalog/controller/checkout/guest/save/before' => 'cartChanged',
			'catalog/controller/checkout/register/save/before' => 'cartChanged',
			'admin/model/customer/customer/addCustomer/after' => 'customerAdded',
			'admin/model/customer/customer/editCustomer/after' => 'customerEdited',
			'admin/model/customer/customer_approval/approveCustomer/after' => 'customerApproved',
		);
	}

	public function install() {
		$this->module()->install();
		$this->registerEvents();
	}

	public function uninstall() {
		$this->load->model('setting/event');
		$this->model_setting_event->deleteEventByCode('shopwire');
		$this->module()->uninstall();
	}

	public function index() {
		$this->load->language(self::ROUTE);
		$this->document->setTitle($this->language->get('heading_title'));
		$this->load->model('setting/setting');
		$this->load->model('localisation/order_status');
		if ($this->request->server['REQUEST_METHOD'] == 'POST' && $this->validate()) {
			$this->model_setting_setting->editSetting('module_shopwire', $this->request->post);
			$this->session->data['success'] = $this->language->get('text_success');
			$this->response->redirect($this->link('marketplace/extension', '&type=module'));
		}
		// An upgrade of OpenCart may have changed them.
		$this->module()->install();
		$this->registerEvents();
		$data = array(
			'error_warning' => isset($this->error['warning']) ? $this->error['warning'] : '',
			'action' => $this->link(self::ROUTE),
			'cancel' => $this->link('marketplace/extension', '&type=module'),
			'breadcrumbs' => array(
				array('text' => $this->language->get('text_home'), 'href' => $this->link('common/dashboard')),
				array('text' => $this->language->get('text_extension'), 'href' => $this->link('marketplace/extension', '&type=module')),
				array('text' => $this->language->get('heading_title'), 'href' => $this->link(self::ROUTE)),
			),
			'meanings' => array('INITIALIZED', 'IN_PROGRESS', 'DELIVERED', 'CANCELLED'),
			'order_statuses' => $this->model_localisation_order_status->getOrderStatuses(),
			'report' => $this->module()->report(),
			'cron_url' => HTTPS_CATALOG . 'index.php?route=' . self::ROUTE . '/cron&key=' . $this->module()->cronKey(),
		);
		foreach (array('status', 'url', 'secret', 'statuses') as $name) {
			$key = 'module_shopwire_' . $name;
			$data[$key] = isset($this->request->post[$key]) ? $this->request->post[$key] : $this->config->get($key);
		}
		if (!is_array($data['module_shopwire_statuses'])) {
			$data['module_shopwire_statuses'] = ShopwireModule::$default_statuses;
		}
		$data['header'] = $this->load->controller('common/header');
		$data['column_left'] = $this->load->controller('common/column_left');
		$data['footer'] = $this->load->controller('common/footer');
		$this->response->setOutput($this->load->view(self::ROUTE, $data));
	}

	public function customerAdded(&$route, &$args, &$output = null) {
		$id = $output;
		ShopwireShop::guard($this->registry, function ($shop) use ($id) {
			$shop->module()->customerChanged($id, true);
		});
	}

	public function customerEdited(&$route, &$args, &$output = null) {
		$id = isset($args[0]) ? $args[0] : 0;
		ShopwireShop::guard($this->registry, function ($shop) use ($id) {
			$shop->module()->customerChanged($id, false);
		});
	}

	/** An account that waited for approval was not sent yet, nor was the choice of its newsletter. */
	public function customerApproved(&$route, &$args, &$output = null) {
		$id = isset($args[0]) ? $args[0] : 0;
		ShopwireShop::guard($this->registry, function ($shop) use ($id) {
			$shop->module()->customerChanged($id, true);
		});
	}

	private function registerEvents() {
		$this->load->model('setting/event');
		$this->model_setting_event->deleteEventByCode('shopwire');
		foreach ($this->events() as $trigger => $method) {
			$this->model_setting_event->addEvent('shopwire', $trigger, self::ROUTE . '/' . $method, 1, 0);
		}
	}

	private function validate() {
		if (!$this->user->hasPermission('modify', self::ROUTE)) {
			$this->error['warning'] = $this->language->get('error_permission');
		} elseif (!empty($this->request->post['module_shopwire_status'])) {
			$url = html_entity_decode(isset($this->request->post['module_shopwire_url']) ? $this->request->post['module_shopwire_url'] : '', ENT_QUOTES, 'UTF-8');
			if (!preg_match('{^https?://[^/\s]+/webhooks/[a-z0-9-]+$}', $url)) {
				$this->error['warning'] = $this->language->get('error_url');
			} elseif (empty($this->request->post['module_shopwire_secret'])) {
				$this->error['warning'] = $this->language->get('error_secret');
			}
		}
		return !$this->error;
	}

	private function link($route, $more = '') {
		return $this->url->link($route, 'user_token=' . $this->session->data['user_token'] . $more, true);
	}

	private function module() {
		return ShopwireShop::of($this->registry)->module();
	}
}
