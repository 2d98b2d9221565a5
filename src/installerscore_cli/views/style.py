"""The style sheet of the HTML report: light or dark, as the reader's system asks."""

CSS = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2126; --soft: #5b6670; --line: #d5dbe1;
  --panel: #f5f7f9; --critical: #b3123f; --high: #c2410c; --medium: #8a5a00; --low: #1d6a96;
  --quiet: #7a858f; --mark: #fff; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181c; --ink: #e3e7eb; --soft: #9aa6b1;
  --line: #333c45; --panel: #1c2228; --critical: #ff6b8b; --high: #ff9057; --medium: #f0be50;
  --low: #6dbbea; --quiet: #7f8b96; --mark: #14181c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
h1 { margin: 0 0 .5rem; font-size: 1.6rem; } h2 { margin: 0 0 .5rem; font-size: 1.2rem; }
h3 { margin: 1rem 0 .3rem; font-size: 1rem; }
section { margin: 1.5rem 0; padding: 1rem 1.2rem; border: 1px solid var(--line);
  border-radius: 8px; }
p, dd, code, .command { overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .5rem 0;
  font-size: .9rem; }
dt { color: var(--soft); } dd { margin: 0; }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .88rem; }
th, td { padding: .3rem .5rem; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
th { color: var(--soft); font-weight: 600; } th, td { white-space: nowrap; }
td.command, td.signals { white-space: normal; } td.signals { min-width: 9rem; }
a { color: var(--low); } a.badge { text-decoration: none; }
code, pre, .command, .tree text { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas,
  "DejaVu Sans Mono", monospace; }
code, .command { font-size: .85em; } .command { min-width: 16rem; }
pre { margin: .5rem 0; padding: .7rem; overflow-x: auto; background: var(--panel);
  border-radius: 6px; font-size: .8rem; line-height: 1.35; }
.counts { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
.badge { padding: .05rem .5rem; border-radius: 1rem; background: var(--quiet); color: var(--mark);
  font-size: .85em; font-weight: 600; white-space: nowrap; }
.badge.critical { background: var(--critical); } .badge.high { background: var(--high); }
.badge.medium { background: var(--medium); } .badge.low { background: var(--low); }
figure { margin: .8rem 0; padding: .6rem; overflow-x: auto; background: var(--panel);
  border-radius: 6px; }
figcaption { color: var(--soft); font-size: .85rem; }
.tree { display: block; width: 100%; min-width: 50rem; }
.tree text { font-size: 12px; fill: var(--ink); white-space: pre; }
.tree .links path { fill: none; stroke: var(--line); stroke-width: 1.5; }
.tree circle { fill: var(--paper); stroke: var(--quiet); stroke-width: 2; }
.tree .signals { font-weight: 700; }
.critical circle { fill: var(--critical); stroke: var(--critical); }
.high circle { fill: var(--high); stroke: var(--high); }
.medium circle { fill: var(--medium); stroke: var(--medium); }
.low circle, .informational circle { fill: var(--low); stroke: var(--low); }
.critical .signals { fill: var(--critical); } .high .signals { fill: var(--high); }
.medium .signals { fill: var(--medium); }
.low .signals, .informational .signals { fill: var(--low); }
.reasons { padding-left: 0; list-style: none; } .reasons li { margin: .2rem 0; }
summary { cursor: pointer; }
footer { color: var(--soft); font-size: .85rem; }
@media print { body { max-width: none; padding: 0; } section { break-inside: avoid-page; } }
"""
