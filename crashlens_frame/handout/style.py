"""How the report looks: on a screen, light or dark, and on paper."""

REPORT_STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #5a6472; --line: #d6dbe2; --box: #f4f6f8; --accent: #0a6ebd; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ee; --soft: #a2abb8; --line: #3a424e; --box: #222831; --accent: #6db5f2; }
  body { background: #161a20; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 60rem; color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; font-variant-numeric: tabular-nums; }
h1 { margin: 0; overflow-wrap: anywhere; font-size: 1.7rem; line-height: 1.2; }
h2 { margin: 2rem 0 .6rem; padding-bottom: .25rem; border-bottom: 2px solid var(--line); font-size: 1.15rem; }
p { margin: .4rem 0; overflow-wrap: anywhere; }
.days { color: var(--soft); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: .75rem; margin: 1.2rem 0; }
.cards div { padding: .7rem .9rem; background: var(--box); border-left: 4px solid var(--accent); }
.cards dt, .cards span { color: var(--soft); font-size: .85rem; }
.cards dd { margin: 0; }
.cards b { display: block; font-size: 1.5rem; line-height: 1.3; }
.patterns { padding-left: 1.4rem; }
.patterns li { margin-bottom: .8rem; break-inside: avoid; overflow-wrap: anywhere; }
.patterns p { margin: .1rem 0; color: var(--soft); }
.patterns .todo { color: var(--ink); }
.patterns .todo::before { content: "\\2192\\a0"; color: var(--accent); font-weight: bold; }
.table { overflow-x: auto; margin: .6rem 0; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th, td { white-space: nowrap; }
th { color: var(--soft); font-weight: 600; }
figure { margin: .8rem 0; overflow-x: auto; }
svg { width: 100%; min-width: 34rem; height: auto; }
.method p { color: var(--soft); font-size: .87rem; }
@page { size: A4; margin: 14mm; }
@media print {
  :root { color-scheme: light; }
  body { max-width: none; padding: 0; font-size: 9.5pt; background: none; }
  figure, table, li, p, .cards { break-inside: avoid; }
  svg { max-height: 62mm; }
  h2 { break-after: avoid; }
  .table, figure { overflow: visible; }
  svg { min-width: 0; }
  th, td { white-space: normal; }
  .cards { grid-template-columns: repeat(4, 1fr); }
  .cards div { border: 1px solid var(--line); border-left: 4px solid var(--accent); }
}
"""
