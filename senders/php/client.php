<?php
/**
 * Signs a message by Standard Webhooks and posts it to shopwire (docs/platforms/generic.md). It needs no other package,
 * and PHP 5.4 or later, because the OpenCart module uses this file too.
 */

class ShopwireClient
{
    /** The longest wait in seconds, whatever the response asks for, and whatever is recorded after the clock was wrong. */
    const MAX_WAIT = 3600;
    const MAX_RESPONSE_BYTES = 65536;
    /** What to do after a response: remove the message, keep it aside for an engineer, or send it again later. */
    const SENT = 'sent';
    const REJECTED = 'rejected';
    const LATER = 'later';

    private $url;
    private $secrets;
    private $timeout;
    private $transport;
    private $clock;

    /**
     * @param string          $url     the shop's URL, as `shopwire shop show` prints it
     * @param string|string[] $secrets the shop's secret ("whsec_..."); two of them while one is being replaced
     * @param array           $options timeout: seconds for one call (default 10). transport: "curl" or "streams" (default:
     *                                 curl if PHP has it). clock: returns milliseconds since 1970
     */
    public function __construct($url, $secrets, array $options = array())
    {
        $this->url = trim((string) $url);
        $this->secrets = array_values(array_filter(array_map('trim', (array) $secrets), 'strlen'));
        $this->timeout = isset($options['timeout']) ? $options['timeout'] : 10;
        $this->clock = isset($options['clock']) ? $options['clock'] : array(__CLASS__, 'milliseconds');
        $this->transport = function_exists('curl_init') ? 'curl' : 'streams';
        if (isset($options['transport'])) {
            $this->transport = $options['transport'];
        }
    }

    /** Returns the time in milliseconds since 1970. */
    public static function milliseconds()
    {
        return (int) (microtime(true) * 1000);
    }

    /** Returns a time (milliseconds since 1970) as the format writes it, in UTC. */
    public static function moment($milliseconds)
    {
        return gmdate('Y-m-d\TH:i:s', (int) floor($milliseconds / 1000)) . sprintf('.%03dZ', $milliseconds % 1000);
    }

    /** Returns the id of a new message. It stays the same when the message is sent again. */
    public static function newId()
    {
        $random = function_exists('random_bytes') ? random_bytes(12) : openssl_random_pseudo_bytes(12);
        return 'msg_' . bin2hex($random);
    }

    /** Returns a change as JSON. Returns null if it cannot be written. */
    public static function encode($change)
    {
        $flags = JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES;
        if (defined('JSON_INVALID_UTF8_SUBSTITUTE')) {
            $flags |= JSON_INVALID_UTF8_SUBSTITUTE;
        }
        $text = json_encode($change, $flags);
        return is_string($text) ? $text : null;
    }

    /** Returns the headers of one attempt, each as "name: value". */
    public function headers($id, $body)
    {
        $timestamp = (string) (int) floor(call_user_func($this->clock) / 1000);
        $signatures = array();
        foreach ($this->secrets as $secret) {
            $key = strpos($secret, 'whsec_') === 0 ? base64_decode(substr($secret, 6)) : $secret;
            $mac = hash_hmac('sha256', $id . '.' . $timestamp . '.' . $body, $key, true);
            $signatures[] = 'v1,' . base64_encode($mac);
        }
        return array(
            'content-type: application/json',
            'webhook-id: ' . $id,
            'webhook-timestamp: ' . $timestamp,
            'webhook-signature: ' . implode(' ', $signatures),
        );
    }

    /**
     * Posts a message once.
     *
     * @return array status: the HTTP status, 0 without a response. body: the response. error: why there is none.
     *               retry_after: seconds that the response asks to wait, or 0
     */
    public function post($id, $body)
    {
        $headers = $this->headers($id, $body);
        return $this->transport === 'curl' ? $this->byCurl($headers, $body) : $this->byStreams($headers, $body);
    }

    /** Returns what to do with a message after a response: SENT, REJECTED or LATER. */
    public static function decide($status)
    {
        if ($status >= 200 && $status < 300) {
            return self::SENT;
        }
        // The body has mistakes, or more than 4 MiB. Sending it again would not help.
        return $status === 400 || $status === 413 ? self::REJECTED : self::LATER;
    }

    /** Returns the seconds that the header Retry-After asks to wait; 0 without one. */
    private static function retryAfter(array $headers)
    {
        foreach ($headers as $header) {
            if (preg_match('/^retry-after:\s*(\d{1,9})\s*$/i', (string) $header, $found)) {
                return min((int) $found[1], self::MAX_WAIT);
            }
        }
        return 0;
    }

    private function byCurl(array $headers, $body)
    {
        $call = curl_init($this->url);
        $received = array();
        curl_setopt_array($call, array(
            CURLOPT_POST => true,
            CURLOPT_POSTFIELDS => $body,
            // Without "expect:", curl waits a second for a large body.
            CURLOPT_HTTPHEADER => array_merge($headers, array('expect:')),
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_CONNECTTIMEOUT => min(5, $this->timeout),
            CURLOPT_TIMEOUT => $this->timeout,
            CURLOPT_NOSIGNAL => true,
            CURLOPT_HEADERFUNCTION => function ($call, $header) use (&$received) {
                $received[] = $header;
                return strlen($header);
            },
        ));
        $response = curl_exec($call);
        $result = array(
            'status' => is_string($response) ? (int) curl_getinfo($call, CURLINFO_HTTP_CODE) : 0,
            'body' => is_string($response) ? substr($response, 0, self::MAX_RESPONSE_BYTES) : '',
            'error' => is_string($response) ? '' : curl_error($call),
            'retry_after' => self::retryAfter($received),
        );
        if (PHP_VERSION_ID < 80000) {
            curl_close($call);
        }
        return $result;
    }

    private function byStreams(array $headers, $body)
    {
        $context = stream_context_create(array('http' => array(
            'method' => 'POST',
            'header' => implode("\r\n", array_merge($headers, array('connection: close'))),
            'content' => $body,
            'timeout' => $this->timeout,
            'follow_location' => 0,
            'ignore_errors' => true,
        )));
        // The warning of a refused connection must not get into the shop's page.
        $stream = @fopen($this->url, 'r', false, $context);
        if (!$stream) {
            return array('status' => 0, 'body' => '', 'error' => 'no connection, or no response in time', 'retry_after' => 0);
        }
        // The time-out of the stream begins again with every byte. This one is for the whole response.
        $end = microtime(true) + $this->timeout;
        $response = '';
        while (!feof($stream) && strlen($response) < self::MAX_RESPONSE_BYTES && microtime(true) < $end) {
            $piece = @fread($stream, 8192);
            if ($piece === false || ($piece === '' && self::timedOut($stream))) {
                break;
            }
            $response .= $piece;
        }
        $meta = stream_get_meta_data($stream);
        fclose($stream);
        $headers = isset($meta['wrapper_data']) ? (array) $meta['wrapper_data'] : array();
        $status = $headers && preg_match('{^HTTP/\S+ (\d{3})}', (string) reset($headers), $found) ? (int) $found[1] : 0;
        return array(
            'status' => $status,
            'body' => $response,
            'error' => $status ? '' : 'no HTTP response',
            'retry_after' => self::retryAfter($headers),
        );
    }

    private static function timedOut($stream)
    {
        $meta = stream_get_meta_data($stream);
        return $meta['timed_out'];
    }
}
