"""The inspector: pages that show what happened to each webhook of a running `shopwire dev` or of a deployed stack.

- `journal`: the webhooks that arrived, their deliveries and attempts. In dev, shopwire_dev's recorder fills it while
  the functions run. For a deployed stack, `log_reader` fills it from log lines.
- `minutes`, `charts`: the journal's counts per minute, and the charts of them.
- `data_source`: what the pages read from shopwire itself: ledger entries, parked webhooks, shops, the queue.
- `dry_run`: what a webhook would send now.
- `masking`: hides personal data of a deployed stack.
- `words`: outcomes and reasons as sentences.
- `views`, `pages`: the content of each page, and the WSGI application.
- `stack_inspector`: serves the pages of a deployed stack on this machine.

Only the pages show content of webhooks, and they treat it as text: templates escape it, and the script sets only text.
"""
