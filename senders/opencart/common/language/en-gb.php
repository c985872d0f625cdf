<?php
$_['heading_title'] = 'shopwire';
$_['text_extension'] = 'Extensions';
$_['text_success'] = 'The settings of shopwire are saved.';
$_['text_edit'] = 'shopwire: orders, carts and customers for eSputnik';
$_['text_cron'] = 'Call this URL each minute, by cron. It sends what waits, and finds changes that no event reported.';
$_['text_waiting'] = 'Messages that wait';
$_['text_rejected'] = 'Messages that shopwire refused';
$_['text_error'] = 'Last error';
$_['entry_status'] = 'Status';
$_['entry_url'] = 'URL';
$_['help_url'] = 'As `shopwire shop show` prints it: https://.../webhooks/my-shop';
$_['entry_secret'] = 'Secret';
$_['help_secret'] = 'whsec_... While you replace it: both, with a space between them.';
$_['entry_statuses'] = 'Meaning of the statuses';
$_['error_permission'] = 'You do not have permission to change shopwire.';
$_['error_url'] = 'The URL must be like https://.../webhooks/my-shop';
$_['error_secret'] = 'The secret is missing.';
