<?php
/**
 * A queue of changes for shopwire, in a folder. It needs PHP 7.4 or later and no other package.
 *
 *     require 'queue.php';
 *     $shopwire = new ShopwireQueue('/var/lib/shopwire', 'https://.../webhooks/my-shop', 'whsec_...');
 *     $shopwire->add(['type' => 'order', ...]);   // in the page: writes a file, and calls nothing
 *     $shopwire->flushAfterResponse();            // sends it once the buyer has the page (PHP-FPM, LiteSpeed)
 *
 * Run each minute, from cron:  SHOPWIRE_QUEUE=... SHOPWIRE_URL=... SHOPWIRE_SECRET=... php queue.php flush
 * The folder must be outside of the web root: the files in it are personal data.
 */

declare(strict_types=1);

require_once __DIR__ . '/client.php';

final class ShopwireQueue
{
    /** Seconds until the next attempt, after one failure, two failures, and so on. */
    private const DELAYS = [5, 30, 120, 600, 1800, 3600];
    private const SNAPSHOTS = ['order', 'cart', 'contact'];

    private string $folder;
    private ShopwireClient $client;
    /** @var callable(): int */
    private $clock;
    private int $lastAdded = 0;

    /**
     * @param string          $folder  where the messages wait
     * @param string|string[] $secrets as of ShopwireClient
     * @param array           $options as of ShopwireClient
     */
    public function __construct(string $folder, string $url, $secrets, array $options = [])
    {
        $this->folder = rtrim($folder, '/');
        $this->client = new ShopwireClient($url, $secrets, $options);
        $this->clock = $options['clock'] ?? [ShopwireClient::class, 'milliseconds'];
    }

    /**
     * Writes a change into the queue. It never throws, prints nothing, and does not use the network.
     *
     * @param array $change a body of the format. Without `version` it gets the present time.
     *
     * @return bool whether it is written. Otherwise the reason is in PHP's error log.
     */
    public function add(array $change): bool
    {
        try {
            // Of two changes of one millisecond, the second is the newer one.
            $now = $this->lastAdded = max(($this->clock)(), $this->lastAdded + 1);
            if (in_array($change['type'] ?? '', self::SNAPSHOTS, true) && !isset($change['version'])) {
                $change['version'] = ShopwireClient::moment($now);
            }
            $body = ShopwireClient::encode($change);
            $id = ShopwireClient::newId();
            $message = $body === null ? null : ShopwireClient::encode(['id' => $id, 'body' => $body]);
            // The name begins with the time, so that the messages are sent in their order.
            $name = sprintf('%013d-%s.json', $now, $id);
            if ($message !== null && $this->write("$this->folder/waiting/$name", $message)) {
                return true;
            }
            error_log("shopwire: a change could not be written to $this->folder");
        } catch (Throwable $error) {
            error_log('shopwire: ' . get_class($error) . ' while a change was written');
        }
        return false;
    }

    /**
     * Sends what waits, in order, until a call fails. After a failure it waits longer and longer before the next attempt.
     *
     * @param int $seconds no call begins later than this
     *
     * @return array sent, rejected, waiting: numbers of messages. error: why it stopped; "" if nothing is wrong.
     */
    public function flush(int $seconds = 20): array
    {
        $summary = ['sent' => 0, 'rejected' => 0, 'waiting' => 0, 'error' => ''];
        $this->makeFolder($this->folder);
        $lock = fopen("$this->folder/lock", 'c');
        if (!$lock || !flock($lock, LOCK_EX | LOCK_NB)) {
            return ['error' => 'another process is sending'] + $summary;
        }
        try {
            $state = $this->readState();
            if ($state['not_before'] > ($this->clock)()) {
                $summary['error'] = "waiting after a failure: {$state['error']}";
            } else {
                $this->sendWaiting($summary, $state['failures'], ($this->clock)() + $seconds * 1000);
            }
            $summary['waiting'] = count($this->waiting());
        } finally {
            flock($lock, LOCK_UN);
            fclose($lock);
        }
        return $summary;
    }

    /** Sends after the buyer has the page. Without PHP-FPM or LiteSpeed it does nothing, and cron sends. */
    public function flushAfterResponse(int $seconds = 5): void
    {
        register_shutdown_function(function () use ($seconds): void {
            $finish = array_filter(['fastcgi_finish_request', 'litespeed_finish_request'], 'function_exists');
            if ($finish) {
                try {
                    (reset($finish))();
                    $this->flush($seconds);
                } catch (Throwable $error) {
                    error_log('shopwire: ' . get_class($error) . ' while changes were sent');
                }
            }
        });
    }

    private function sendWaiting(array &$summary, int $failures, int $end): void
    {
        foreach ($this->waiting() as $path) {
            if (($this->clock)() >= $end) {
                return;
            }
            $message = json_decode((string) @file_get_contents($path), true);
            if (!is_string($message['id'] ?? null) || !is_string($message['body'] ?? null)) {
                $this->reject($path, 'the file is damaged');
                $summary['rejected']++;
                continue;
            }
            $response = $this->client->post($message['id'], $message['body']);
            $decision = ShopwireClient::decide($response['status']);
            if ($decision === ShopwireClient::LATER) {
                $summary['error'] = $response['error'] ?: "HTTP {$response['status']}: {$response['body']}";
                $this->recordFailure($failures + 1, $summary['error']);
                return;
            }
            if ($decision === ShopwireClient::REJECTED) {
                $this->reject($path, $response['body']);
                $summary['rejected']++;
            } else {
                unlink($path);
                $summary['sent']++;
            }
            if ($failures) {
                $failures = 0;
                @unlink("$this->folder/state.json");
            }
        }
    }

    /** @return string[] the paths of what waits, the oldest first */
    private function waiting(): array
    {
        $found = glob("$this->folder/waiting/*.json") ?: [];
        sort($found);
        return $found;
    }

    /** Keeps a message aside, with the response that names its mistakes. */
    private function reject(string $path, string $why): void
    {
        $name = basename($path, '.json');
        $this->write("$this->folder/rejected/$name.response.txt", $why);
        rename($path, "$this->folder/rejected/$name.json");
    }

    private function readState(): array
    {
        $state = json_decode((string) @file_get_contents("$this->folder/state.json"), true);
        return (is_array($state) ? $state : []) + ['failures' => 0, 'not_before' => 0, 'error' => ''];
    }

    private function recordFailure(int $failures, string $error): void
    {
        $delay = self::DELAYS[min($failures, count(self::DELAYS)) - 1] * 1000;
        // Shops that failed together do not come back at the same moment.
        $not_before = ($this->clock)() + $delay - random_int(0, intdiv($delay, 5));
        $state = ['failures' => $failures, 'not_before' => $not_before, 'error' => substr($error, 0, 500)];
        $this->write("$this->folder/state.json", (string) json_encode($state, JSON_INVALID_UTF8_SUBSTITUTE));
    }

    /** Writes a file that no reader sees half-written. */
    private function write(string $path, string $content): bool
    {
        $this->makeFolder(dirname($path));
        $temporary = $path . '.' . bin2hex(random_bytes(4)) . '.tmp';
        return @file_put_contents($temporary, $content) === strlen($content) && @rename($temporary, $path);
    }

    private function makeFolder(string $path): void
    {
        if (!is_dir($path)) {
            @mkdir($path, 0700, true);
        }
    }
}

if (PHP_SAPI === 'cli' && realpath($_SERVER['SCRIPT_FILENAME']) === __FILE__) {
    $settings = array_map('getenv', ['SHOPWIRE_QUEUE', 'SHOPWIRE_URL', 'SHOPWIRE_SECRET']);
    if (($argv[1] ?? '') !== 'flush' || in_array(false, $settings, true)) {
        fwrite(STDERR, "usage: SHOPWIRE_QUEUE=FOLDER SHOPWIRE_URL=URL SHOPWIRE_SECRET=whsec_... php queue.php flush\n");
        exit(2);
    }
    $summary = (new ShopwireQueue(...$settings))->flush();
    echo json_encode($summary, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES), "\n";
    exit($summary['error'] === '' ? 0 : 1);
}
