<?php
// Runs commands of tests/senders/senders.py against the PHP sender. One result per command is printed as JSON.

declare(strict_types=1);

require __DIR__ . '/../../senders/php/queue.php';

$input = json_decode(stream_get_contents(STDIN), true);
$now = $input['now'];
$options = ['timeout' => $input['timeout'], 'clock' => function () use (&$now) { return $now; }];
if (isset($input['transport'])) {
    $options['transport'] = $input['transport'];
}
$queue = new ShopwireQueue($input['folder'], $input['url'], $input['secrets'], $options);
$results = [];
foreach ($input['commands'] as [$name, $argument]) {
    if ($name === 'add') {
        $results[] = $queue->add($argument);
    } elseif ($name === 'flush') {
        $results[] = $queue->flush($argument);
    } else {
        $now += $argument;
        $results[] = null;
    }
}
echo json_encode($results);
