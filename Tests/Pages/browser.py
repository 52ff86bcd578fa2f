"""Looks at every page of a registry in headless Chromium, as a person would: at three widths, light and dark, and without
a script. Nothing may overflow, the console stays empty, everything has a name, and text can be read.

usage: browser.py MODELREG REGISTRY [PICTURES]
"""

import base64
import json
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

MODELREG, REGISTRY = sys.argv[1], sys.argv[2]
PICTURES = Path(sys.argv[3]) if len(sys.argv) > 3 else None
WIDTHS = [390, 820, 1360]

# What a checker of accessibility looks for first: names, one heading, headers of tables, contrast (WCAG 2.2, 1.4.3).
CHECKS = r"""
const found = [];
const root = document.documentElement;
if (root.scrollWidth > innerWidth) {
  const wide = Array.from(document.querySelectorAll("body *")).find((e) =>
    e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll"));
  found.push(`overflows by ${root.scrollWidth - innerWidth}: ${wide ? wide.outerHTML.slice(0, 160) : "?"}`);
}
if (!root.lang) found.push("no language");
if (document.querySelectorAll("h1").length !== 1) found.push("not one h1");
if (!document.title) found.push("no title");
const ids = Array.from(document.querySelectorAll("[id]"), (e) => e.id);
if (new Set(ids).size !== ids.length) found.push("an id twice");
for (const e of document.querySelectorAll("a,button")) {
  const name = e.textContent.trim() || e.getAttribute("aria-label") || (e.querySelector("title") || {}).textContent;
  if (!name) found.push("no name: " + e.outerHTML.slice(0, 160));
}
for (const e of document.querySelectorAll("input:not([type=hidden])")) {
  if (!e.labels.length && !e.getAttribute("aria-label")) found.push("no label: " + e.outerHTML.slice(0, 160));
}
for (const e of document.querySelectorAll("svg")) {
  if (!e.getAttribute("aria-label") && !e.getAttribute("aria-hidden") && !e.querySelector("title") && !e.closest("[aria-label]"))
    found.push("a picture without words: " + e.outerHTML.slice(0, 120));
}
for (const e of document.querySelectorAll("table")) if (!e.querySelector("th[scope]")) found.push("a table without headers");
const colour = (text) => (text.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
const light = (rgb) => rgb.slice(0, 3).map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (e) => {
  const layers = [];
  for (; e; e = e.parentElement) {
    const c = colour(getComputedStyle(e).backgroundColor);
    const alpha = c.length > 3 ? c[3] : 1;
    if (alpha > 0) layers.push([c, alpha]);
    if (alpha === 1) break;
  }
  let base = [255, 255, 255];
  for (const [c, alpha] of layers.reverse()) base = base.map((b, i) => b * (1 - alpha) + c[i] * alpha);
  return base;
};
const seen = new Set();
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const e = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || e.closest("noscript,script,title,.skip")) continue;
  const style = getComputedStyle(e);
  if (style.visibility === "hidden" || !e.getClientRects().length) continue;
  const text = colour(e.closest("svg") ? style.fill : style.color);
  const back = behind(e.closest("svg") ? e.closest("svg").parentElement : e);
  const [a, b] = [light(text), light(back)];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const key = [text, back].join();
  if (ratio < 4.5 && !seen.has(key)) {
    seen.add(key);
    found.push(`contrast ${ratio.toFixed(2)}: ${e.outerHTML.slice(0, 120)}`);
  }
}
return found;
"""


class Browser:
    """A Chromium, by WebDriver (W3C)."""

    def __init__(self):
        self.process = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
        self.port = None
        for line in self.process.stdout:
            if "successfully on port" in line:
                self.port = line.rstrip(". \n").split()[-1]
                break
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        self.session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]

    def call(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, {"Content-Type": "application/json"},
                                         method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["value"]

    def do(self, name, **body):
        return self.call("POST", f"/session/{self.session}/{name}", body)

    def devtools(self, command, **parameters):
        return self.do("goog/cdp/execute", cmd=command, params=parameters)

    def look(self, width, dark):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.devtools("Emulation.setEmulatedMedia",
                      features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def run(self, script):
        return self.do("execute/sync", script=script, args=[])

    def console(self):
        return self.do("se/log", type="browser")

    def picture(self, path, whole=True):
        size = self.devtools("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 3000) if whole else 900, "scale": 1}
        shot = self.devtools("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self):
        try:
            self.call("DELETE", f"/session/{self.session}")
        finally:
            self.process.terminate()
            self.process.wait()


def fetch(address):
    with urllib.request.urlopen(address, timeout=60) as answer:
        return json.load(answer)


def pages(base):
    """One page of each kind and more, with a short name."""
    model = "digits/encoder"
    def at(page, **query):
        return page + ("?" + urllib.parse.urlencode(query) if query else "")
    yield "models", at("/")
    yield "model", at("/model", name=model)
    yield "version", at("/version", ref=f"{model}:v11")
    yield "version-nan", at("/version", ref=f"{model}:v12")
    yield "version-first", at("/version", ref=f"{model}:v1")
    yield "module", at("/version", ref=f"{model}:v11", module="encoder.layers.1")
    yield "parameter", at("/parameter", model=model, path="encoder.layers.1.mlp.up.weight")
    yield "diff", at("/diff", a=f"{model}:v1", b=f"{model}:v11")
    yield "diff-nan", at("/diff", a=f"{model}:v11", b=f"{model}:v12")
    yield "diff-structure", at("/diff", a=f"{model}:v14", b="student:v1")
    yield "runs", at("/runs")
    yield "runs-log", at("/runs", model=model, metric="loss", log=1, smooth="0.9")
    yield "runs-where", at("/runs", where="loss < 1 and batch == 64")
    yield "runs-wrong", at("/runs", where="loss <")
    yield "run", at("/run", ref=f"{model}/fast")
    yield "lineage", at("/lineage", ref="student:v2")
    yield "storage", at("/storage")
    yield "storage-model", at("/storage", model=model)
    yield "missing", at("/version", ref="nobody:v1")


def settle(browser, address):
    """Opens a page, and waits until what is computed behind it is there."""
    browser.do("url", url=address)
    for _ in range(200):
        live = browser.run("const m = document.querySelector('main'); return m ? m.dataset.live || '' : ''")
        if live != "1":
            return
        time.sleep(0.1)
    raise SystemExit(f"test-pages: {address} does not get ready")


def behave(browser, base, problems):
    """What the script adds: sorting, searching, reading off, without leaving the page."""
    settle(browser, base + "/model?" + urllib.parse.urlencode({"name": "digits/encoder"}))
    versions = browser.run("""
      const head = Array.from(document.querySelectorAll("table.sort th button")).find((b) => b.textContent === "val/loss");
      head.click(); head.click();
      return Array.from(document.querySelectorAll("table.sort tbody tr"), (r) => r.cells[0].textContent);""")
    if len(versions) != 14 or versions[0] not in ("v14", "v13", "v12", "v11"):
        problems.append(f"sorting: {versions}")
    read = browser.run("""
      const svg = document.querySelector("svg.plot"), area = svg.getBoundingClientRect();
      svg.dispatchEvent(new PointerEvent("pointermove", {clientX: area.left + area.width / 2, clientY: area.top + 50}));
      return (document.querySelector(".read") || {}).textContent || "";""")
    if "·" not in read:
        problems.append(f"reading off: {read!r}")
    shown = browser.run("""
      const input = document.querySelector("input[type=search]");
      input.value = "step 80"; input.dispatchEvent(new Event("input"));
      return Array.from(document.querySelectorAll("table.sort tbody tr")).filter((r) => !r.hidden).length;""")
    if shown != 1:
        problems.append(f"searching: {shown} rows")


def live(browser, base, problems):
    """A version that is saved while a page is open appears on it, and what was opened there stays."""
    settle(browser, base + "/model?name=student")
    browser.run("window.marker = 1; document.querySelector('main').dataset.live = '0.2'")
    before = browser.run("return document.querySelectorAll('table.sort tbody tr').length")
    subprocess.run([MODELREG, "load", "student", "-o", f"{REGISTRY}.copy.safetensors", "--registry", REGISTRY], check=True,
                   capture_output=True)
    subprocess.run([MODELREG, "save", f"{REGISTRY}.copy.safetensors", "student", "-m", "live", "--registry", REGISTRY],
                   check=True, capture_output=True)
    for _ in range(300):
        if browser.run("return document.querySelectorAll('table.sort tbody tr').length") == before + 1:
            break
        time.sleep(0.1)
    else:
        problems.append("live: the new version does not appear")
    if browser.run("return window.marker") != 1:
        problems.append("live: the page was loaded again")


def main():
    server = subprocess.Popen([MODELREG, "serve", "--port", "0", "--registry", REGISTRY], stdout=subprocess.PIPE, text=True)
    browser = None
    problems = []
    count = 0
    try:
        base = server.stdout.readline().strip().rstrip("/")
        browser = Browser()
        for name, path in pages(base):
            for dark in [False, True]:
                for width in WIDTHS:
                    browser.look(width, dark)
                    settle(browser, base + path)
                    count += 1
                    where = f"{name} at {width} {'dark' if dark else 'light'}"
                    problems += [f"{where}: {text}" for text in browser.run(CHECKS)]
                    for entry in browser.console():
                        # A page that is not there is meant to be an error.
                        if name != "missing":
                            problems.append(f"{where}: console: {entry['message']}")
                    if PICTURES:
                        browser.picture(PICTURES / f"{name}-{width}{'-dark' if dark else ''}.png")
        browser.look(1360, False)
        behave(browser, base, problems)
        live(browser, base, problems)
        # Without a script, each page says the same.
        browser.devtools("Emulation.setScriptExecutionDisabled", value=True)
        for name, path in pages(base):
            if name != "missing":
                browser.do("url", url=base + path)
        problems += [f"without a script: {entry['message']}" for entry in browser.console()]
    finally:
        if browser:
            browser.close()
        server.terminate()
        server.wait()
    for problem in problems:
        print(f"test-pages: {problem}", file=sys.stderr)
    print(f"{count} views of pages, {len(problems)} problems")
    sys.exit(1 if problems else 0)


main()
