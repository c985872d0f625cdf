"""The inspector: pages that show the way of every webhook, of the running `shopwire dev` or of a deployed stack.

- `journal`: what came in and what became of it; fed by `taps` (dev: the functions as they run) or by `stack` (its log
  lines). One shape for both, so that the pages know no difference.
- `minutes`: the journal's counts by minute, for the charts.
- `installation`: what the pages ask of shopwire itself: entries, parked webhooks, and in dev faults and samples.
- `rehearsal`: what a webhook would send now, without sending.
- `masking`: what of a body may be shown where its people are real.
- `words`: outcomes and reasons as sentences.
- `views`, `pages`: what each page shows, and the WSGI application around it.

Only the pages look at webhooks' content, and to them it is text: templates escape, the script sets text only.
"""
