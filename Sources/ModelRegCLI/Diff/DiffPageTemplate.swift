/// The page without its data. Texts from the data reach the document as text nodes only, never as markup.
enum DiffPageTemplate {
    static let html = #"""
        <!doctype html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{{title}}</title>
        <style>
        :root { color-scheme: light dark; --page: #f7f7f5; --card: #fff; --ink: #1d1d1b; --soft: #6c6b66;
          --line: #e3e2dd; --low: #eef3fb; --high: #0b3d91; --bar: #2f6fdd; --alarm: #b3261e; --good: #1b7f4b; }
        @media (prefers-color-scheme: dark) { :root { --page: #161615; --card: #1f1f1e; --ink: #ecebe6;
          --soft: #9b9a94; --line: #353532; --low: #22272f; --high: #8ab8ff; --bar: #5b97f5; --alarm: #ff8a80;
          --good: #6fd39c; } }
        * { box-sizing: border-box }
        body { margin: 0; background: var(--page); color: var(--ink);
          font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif }
        main { max-width: 1180px; margin: 0 auto; padding: 28px 20px 60px }
        h1 { font-size: 22px; margin: 0 0 4px; font-weight: 650; overflow-wrap: anywhere }
        h1 i { color: var(--soft); font-style: normal; font-weight: 400; padding: 0 .3em }
        h2 { font-size: 15px; margin: 0 0 2px }
        .soft { color: var(--soft) } .alarm { color: var(--alarm) } .good { color: var(--good) }
        section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
          padding: 16px 18px; margin-top: 18px }
        .pair { display: grid; grid-template-columns: 1fr 1fr; gap: 18px }
        .pair > section { min-width: 0 }
        @media (max-width: 800px) { .pair { grid-template-columns: 1fr } }
        .scroll { overflow-x: auto }
        code, .mono { font: 12.5px/1.45 ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace }
        table { border-collapse: collapse; width: 100% }
        th { text-align: left; font-weight: 600; color: var(--soft); font-size: 12px; white-space: nowrap;
          border-bottom: 1px solid var(--line); padding: 4px 8px }
        td { padding: 4px 8px; border-bottom: 1px solid var(--line); vertical-align: middle }
        tr:last-child td { border-bottom: 0 }
        .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
        #list th { cursor: pointer; user-select: none } #list th[aria-sort] { color: var(--ink) }
        #list th[aria-sort=descending]::after { content: " ↓" } #list th[aria-sort=ascending]::after { content: " ↑" }
        #list td.mono { white-space: nowrap }
        .track { background: var(--low); border-radius: 3px; height: 10px; min-width: 90px }
        .track div { background: var(--bar); border-radius: 3px; height: 10px; min-width: 2px }
        #heat table { width: auto; border-collapse: separate; border-spacing: 2px }
        #heat th, #heat td { border: 0; padding: 0 6px; font-weight: 500 }
        #heat thead th { height: 96px; vertical-align: bottom; padding: 0 }
        #heat thead div { width: 30px; height: 90px; position: relative }
        #heat thead span { position: absolute; bottom: 0; left: 16px; transform-origin: 0 100%;
          transform: rotate(-38deg); white-space: nowrap; font: 11px ui-monospace, "DejaVu Sans Mono", monospace }
        #heat td { width: 30px; min-width: 30px; height: 22px; border-radius: 4px; padding: 0 }
        #heat tbody th { text-align: right; font: 12px ui-monospace, "DejaVu Sans Mono", monospace; color: var(--ink) }
        #heat .none { background: transparent }
        #heat .same { box-shadow: inset 0 0 0 1px var(--line) }
        #heat .sick { box-shadow: inset 0 0 0 2px var(--alarm) }
        #heat .other { box-shadow: inset 0 0 0 2px var(--good) }
        .legend { display: flex; align-items: center; gap: 8px; margin-top: 10px; font-size: 12px; color: var(--soft);
          flex-wrap: wrap }
        .legend b { display: inline-block; width: 140px; height: 10px; border-radius: 3px;
          background: linear-gradient(90deg in oklab, var(--low), var(--bar) 60%, var(--high)) }
        .legend u { display: inline-block; width: 14px; height: 14px; border-radius: 3px }
        input { font: inherit; color: inherit; background: var(--page); border: 1px solid var(--line);
          border-radius: 6px; padding: 5px 9px; width: 260px; max-width: 100% }
        svg text { fill: var(--soft); font: 10.5px system-ui, "DejaVu Sans", sans-serif }
        svg rect { fill: var(--bar) }
        .row { display: flex; justify-content: space-between; gap: 12px; flex-wrap: wrap; align-items: end;
          margin-bottom: 8px }
        </style>
        <main>
        <h1 id="title"></h1>
        <div class="soft" id="summary"></div>
        <section id="gates" hidden><h2>Conditions</h2><div id="gateList"></div></section>
        <section id="heat" hidden><h2>Where it moved</h2>
          <div class="soft">L2 norm of the change in terms of the old norm, by layer and parameter</div>
          <div class="scroll" id="heatMap"></div><div class="legend" id="heatLegend"></div></section>
        <div class="pair">
          <section id="spread" hidden><h2>How far tensors moved</h2>
            <div class="soft">tensors by relative change, from … on</div><div id="spreadChart"></div></section>
          <section id="ulps" hidden><h2>How far numbers moved</h2>
            <div class="soft">elements of changed tensors, by units in the last place</div><div id="ulpChart"></div></section>
        </div>
        <section id="listing" hidden><div class="row"><h2>Parameters</h2>
          <input id="filter" type="search" placeholder="filter by path" aria-label="filter by path"></div>
          <div class="scroll"><table id="list"><thead></thead><tbody></tbody></table></div>
          <div class="soft" id="more"></div></section>
        <section id="facts" hidden><h2>Beside the weights</h2><table id="factList"></table></section>
        <noscript><section>This page draws its tables with JavaScript.</section></noscript>
        </main>
        <script type="application/json" id="data">{{data}}</script>
        <script>
        "use strict";
        const data = JSON.parse(document.getElementById("data").textContent);
        // JSON has no infinity: what moved away from zero.
        for (const tensor of data.tensors) if (tensor.r === undefined && tensor.l > 0) tensor.r = Infinity;
        const byId = id => document.getElementById(id);
        const make = (tag, text, name) => {
          const element = document.createElement(tag);
          if (text !== undefined && text !== null) element.textContent = text;
          if (name) element.className = name;
          return element;
        };
        const show = id => { byId(id).hidden = false; return byId(id) };
        const short = x => x === null || x === undefined ? "" : x === 0 ? "0" : x === Infinity ? "∞" :
          Math.abs(x) >= 1e-3 && Math.abs(x) < 1e5 ? String(+x.toPrecision(3)) : x.toExponential(1);
        const share = x => x === null || x === undefined ? "" : x === 0 ? "0 %" : x === 1 ? "100 %" :
          x < .001 ? "<0.1 %" : (100 * x).toFixed(x < .0995 ? 1 : 0) + " %";
        const title = byId("title");
        title.append(data.old, make("i", "→"), data.new);
        byId("summary").textContent = data.summary;

        if (data.gates.length) {
          show("gates");
          for (const gate of data.gates) {
            const line = make("div");
            line.append(make("b", gate.holds ? "✗ fails  " : "✓ passes  ", gate.holds ? "alarm" : "good"),
              make("code", gate.condition));
            if (gate.paths.length) line.append(make("div", gate.paths.slice(0, 30).join(", ")
              + (gate.paths.length > 30 ? " …" : ""), "soft"));
            byId("gateList").append(line);
          }
        }

        // Colours by logarithm: what moved ten times as far is a step away, not all there is to see.
        const moved = data.tensors.filter(tensor => tensor.r > 0 && tensor.r < Infinity);
        const greatest = Math.max(...moved.map(tensor => tensor.r), 1e-300);
        const least = Math.max(Math.min(...moved.map(tensor => tensor.r), greatest), greatest / 1e4);
        const level = r => greatest === least || r === Infinity ? 1
          : Math.max(0, Math.log(r / least) / Math.log(greatest / least));
        const colour = r => {
          const at = 12 + 88 * level(r);
          return at <= 60 ? `color-mix(in oklab, var(--low), var(--bar) ${at / .6}%)`
            : `color-mix(in oklab, var(--bar), var(--high) ${(at - 60) / .4}%)`;
        };

        // Rows are layers: the path up to its first number. Columns are what is the same in each of them.
        const place = path => {
          const parts = path.split(/([./])/);
          for (let i = 0; i < parts.length - 1; i += 2)
            if (/^\d+$/.test(parts[i])) return [parts.slice(0, i + 1).join(""), parts.slice(i + 2).join("")];
          return [parts.slice(0, -2).join("") || "(top)", parts[parts.length - 1]];
        };
        const layers = new Map(), kinds = new Map();
        const put = (path, cell) => {
          const [layer, kind] = place(path);
          if (!layers.has(layer)) layers.set(layer, new Map());
          layers.get(layer).set(kind, cell);
          kinds.set(kind, (kinds.get(kind) || 0) + 1);
        };
        for (const path of data.unchanged) put(path, { p: path, k: "unchanged" });
        for (const tensor of data.tensors) if (tensor.r !== undefined || tensor.k !== "changed") put(tensor.p, tensor);
        const natural = new Intl.Collator("en", { numeric: true });
        if (data.tensors.some(tensor => tensor.r > 0) && layers.size && kinds.size <= 60) {
          show("heat");
          const table = make("table"), head = make("tr");
          const columns = [...kinds.keys()].sort((a, b) => kinds.get(b) - kinds.get(a) || natural.compare(a, b));
          head.append(make("th"));
          for (const kind of columns) {
            const cell = make("th"), box = make("div");
            box.append(make("span", kind)); cell.append(box); head.append(cell);
          }
          const top = make("thead"), body = make("tbody");
          top.append(head);
          for (const layer of [...layers.keys()].sort(natural.compare).slice(0, 400)) {
            const row = make("tr");
            row.append(make("th", layer));
            for (const kind of columns) {
              const cell = make("td"), tensor = layers.get(layer).get(kind);
              if (!tensor) cell.className = "none";
              else if (tensor.r > 0) cell.style.background = colour(tensor.r);
              else cell.className = tensor.k === "unchanged" || tensor.r === 0 ? "same" : "other";
              if (tensor && tensor.a) cell.className = "sick";
              if (tensor) cell.title = tensor.p + (tensor.r === undefined ? `: ${tensor.k}` :
                `: rel_l2 ${short(tensor.r)}, max_abs ${short(tensor.m)}${tensor.n ? ", " + tensor.n : ""}`);
              row.append(cell);
            }
            body.append(row);
          }
          table.append(top, body);
          byId("heatMap").append(table);
          const mark = (name, text) => {
            const box = make("u", "", name), label = make("span", text);
            box.style.boxShadow = { same: "inset 0 0 0 1px var(--line)", sick: "inset 0 0 0 2px var(--alarm)",
              other: "inset 0 0 0 2px var(--good)" }[name];
            return [box, label];
          };
          byId("heatLegend").append(short(least), make("b"), short(greatest), ...mark("same", "unchanged"),
            ...mark("sick", "NaN or infinity appeared or gone"), ...mark("other", "added, removed or moved"));
        }

        const chart = (target, labels, counts, describe) => {
          const width = 520, height = 150, base = 120, step = width / counts.length;
          const most = Math.max(...counts, 1);
          const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
          svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
          svg.setAttribute("width", "100%");
          const add = (tag, attributes, text) => {
            const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
            for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
            if (text !== undefined) element.textContent = text;
            svg.append(element);
            return element;
          };
          let lastLabel = -100;
          counts.forEach((count, i) => {
            const tall = count ? Math.max(1.5, (base - 14) * count / most) : 0;
            const bar = add("rect", { x: i * step + 1, y: base - tall, width: Math.max(1, step - 2), height: tall, rx: 1.5 });
            const note = document.createElementNS("http://www.w3.org/2000/svg", "title");
            note.textContent = describe(i);
            bar.append(note);
            if ((i + .5) * step - lastLabel > 34) {
              lastLabel = (i + .5) * step;
              add("text", { x: lastLabel, y: base + 15, "text-anchor": "middle" }, labels[i]);
            }
          });
          add("text", { x: 0, y: 10 }, most.toLocaleString("en"));
          byId(target).append(svg);
        };
        if (moved.length) {
          show("spread");
          const decades = moved.map(tensor => Math.floor(Math.log10(tensor.r) * 2));
          const from = Math.min(...decades), to = Math.max(...decades);
          const counts = Array(Math.min(200, to - from + 1)).fill(0);
          for (const decade of decades) counts[Math.min(counts.length - 1, decade - from)]++;
          const labels = counts.map((_, i) => short(Math.pow(10, (from + i) / 2)));
          chart("spreadChart", labels, counts, i => `${counts[i]} tensors from ${labels[i]}`);
        }
        const ulps = [];
        for (const tensor of data.tensors) (tensor.h || []).forEach((count, i) => ulps[i] = (ulps[i] || 0) + count);
        if (ulps.length) {
          show("ulps");
          const counts = Array.from(ulps, count => count || 0);
          const power = i => i === 0 ? "0" : i < 11 ? String(2 ** (i - 1)) : `2^${i - 1}`;
          chart("ulpChart", counts.map((_, i) => power(i)), counts,
            i => `${counts[i].toLocaleString("en")} elements: ${i < 2 ? power(i) : power(i) + " to less than " + power(i + 1)} ulp`);
        }

        const columns = [
          ["", t => t.k, false], ["parameter", t => t.p, false], ["type", t => t.t, false], ["rel_l2", t => t.r, true],
          ["", t => t.r, true], ["l2", t => t.l, true], ["max_abs", t => t.m, true], ["cosine", t => t.c, true],
          ["changed", t => t.s, true], ["", t => t.n, false],
        ];
        let order = 3, descending = true;
        const limit = 2000;
        const draw = () => {
          const wanted = byId("filter").value.toLowerCase();
          const rows = data.tensors.filter(tensor => tensor.p.toLowerCase().includes(wanted));
          const [, key, isNumber] = columns[order];
          rows.sort((a, b) => {
            const x = key(a), y = key(b);
            const way = isNumber ? (x ?? -1) - (y ?? -1) : natural.compare(x ?? "", y ?? "");
            return descending ? -way : way;
          });
          const body = byId("list").tBodies[0];
          body.replaceChildren(...rows.slice(0, limit).map(tensor => {
            const row = make("tr");
            const sign = { added: "+", removed: "−", renamed: "R", moved: "R", changed: "M" }[tensor.k];
            row.append(make("td", sign, "mono " + ({ added: "good", removed: "alarm" }[tensor.k] || "soft")),
              make("td", tensor.p, "mono"), make("td", tensor.t, "soft mono"), make("td", short(tensor.r), "number"));
            const cell = make("td");
            if (tensor.r > 0) {
              const track = make("div", "", "track"), bar = make("div");
              bar.style.width = Math.min(100, 100 * tensor.r / greatest) + "%";
              track.append(bar); cell.append(track);
            }
            row.append(cell, make("td", short(tensor.l), "number"), make("td", short(tensor.m), "number"),
              make("td", tensor.c === undefined ? "" : tensor.c > .9995 && tensor.c < 1 - 1e-12 ? "1−" + short(1 - tensor.c) : short(tensor.c), "number"),
              make("td", share(tensor.s), "number"), make("td", tensor.n, tensor.a ? "alarm" : "soft"));
            return row;
          }));
          byId("more").textContent = rows.length > limit ? `… ${rows.length - limit} more` : "";
          [...byId("list").tHead.rows[0].cells].forEach((cell, i) =>
            i === order ? cell.setAttribute("aria-sort", descending ? "descending" : "ascending") : cell.removeAttribute("aria-sort"));
        };
        if (data.tensors.length) {
          show("listing");
          const head = make("tr");
          columns.forEach(([name, , isNumber], i) => {
            const cell = make("th", name, isNumber && name ? "number" : "");
            cell.addEventListener("click", () => { descending = order === i ? !descending : isNumber; order = i; draw() });
            head.append(cell);
          });
          byId("list").tHead.append(head);
          byId("filter").addEventListener("input", draw);
          draw();
        }
        if (data.facts.length) {
          show("facts");
          for (const [source, key, before, now] of data.facts) {
            const row = make("tr");
            row.append(make("td", source, "soft"), make("td", key, "mono"), make("td", before, "mono"), make("td", "→", "soft"),
              make("td", now, "mono"));
            byId("factList").append(row);
          }
        }
        </script>
        """#
}
