"""The stylesheet of the page: two columns in a wide window, one in a narrow one."""

from base64 import b64encode
from hashlib import sha256

from klarna24.sandbox.page.markup import Html

# Html, so that it is not escaped: a browser reads no escapes in a style element
STYLE = Html("""
:root { color-scheme: light; --ink: #1b2533; --soft: #586577; --rule: #dde3ea; --good: #17633f; --bad: #a4161a }
* { box-sizing: border-box }
body { margin: 0; background: #f2f4f7; color: var(--ink);
  font: 15px/1.45 system-ui, "Segoe UI", "DejaVu Sans", sans-serif }
header, main { max-width: 1500px; margin: 0 auto; padding: 0 24px }
header { padding-top: 20px }
h1 { font-size: 24px; margin: 0 }
h2 { font-size: 19px; margin: 28px 0 4px }
h3 { font-size: 16px; margin: 12px 0 }
h4 { font-size: 16px; margin: 0; overflow-wrap: anywhere }
p { margin: 4px 0 }
a { color: #1d4f91; white-space: nowrap }
.soft { color: var(--soft); font-weight: normal }
.message { margin: 16px 0; padding: 10px 14px; background: #fff4ce; border-left: 4px solid #c98a00 }
.columns { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0 24px; align-items: start }
.empty { padding: 20px; border: 1px dashed #b9c3cf; border-radius: 8px; color: var(--soft) }
article { margin: 0 0 16px; padding: 14px 16px; background: #fff; border: 1px solid var(--rule);
  border-radius: 8px; scroll-margin-top: 12px }
article:target { border-color: var(--good); box-shadow: 0 0 0 2px var(--good) }
table { width: 100%; margin-top: 8px; border-collapse: collapse; font-size: 14px }
th, td { padding: 4px 0 4px 12px; text-align: left; vertical-align: top; overflow-wrap: anywhere }
th:first-child, td:first-child { padding-left: 0 }
thead th:first-child { width: 32% }
thead .number { width: 7.6em }
thead th { color: var(--soft); font-weight: normal; border-bottom: 1px solid #aab5c2 }
tbody td { border-bottom: 1px solid var(--rule) }
td small { display: block; color: var(--soft); font-size: 12.5px }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
tfoot { font-weight: 600 }
tfoot .balanced { color: var(--good) }
tfoot .off { background: #fde7e7; color: var(--bad) }
tfoot .off th { padding-left: 6px; border-left: 4px solid var(--bad) }
form { margin-top: 12px; text-align: right }
button { padding: 8px 16px; border: 0; border-radius: 6px; background: var(--good); color: #fff;
  font: inherit; font-weight: 600; cursor: pointer }
button:hover { background: #0f4a2f }
button:focus-visible, a:focus-visible { outline: 3px solid #f0b429; outline-offset: 2px }
@media (max-width: 1000px) { .columns { grid-template-columns: minmax(0, 1fr) } }
@media (max-width: 560px) {
  header, main { padding-left: 12px; padding-right: 12px }
  article { padding: 12px }
  table, thead, tbody, tfoot { display: block; font-size: 13px }
  tr { display: grid; grid-template-columns: minmax(0, 1fr) 7.8em 7.8em; border-bottom: 1px solid var(--rule) }
  tbody td, thead th { border: 0; padding-left: 0 }
  thead th:first-child, thead .number { width: auto }
  .number { padding-left: 4px }
  th:nth-child(2):not(.number), td:nth-child(2):not(.number) { grid-row: 2; grid-column: 1 / -1; padding-top: 0;
    color: var(--soft) }
  tfoot th { grid-column: 1 }
  tfoot tr:last-child { grid-template-columns: minmax(0, 1fr) auto; border: 0 }
  button { width: 100%; padding: 12px }
}
""")

# for Content-Security-Policy: only this stylesheet is allowed
SOURCE = f"'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
