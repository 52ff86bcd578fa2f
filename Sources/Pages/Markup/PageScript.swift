/// The script of all pages: 15 kB at most. Pages say the same without it; with it, tables are sorted and searched where
/// they are, charts are read off, and what changes appears by itself.
enum PageScript {
    static let javaScript = #"""
        "use strict";
        (() => {
        const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));

        // Numbers as cells give them, else their text.
        const key = (row, column) => {
          const cell = row.cells[column];
          if (!cell) return "";
          const value = cell.dataset.v === undefined ? cell.textContent.trim() : cell.dataset.v;
          const number = Number(value);
          return value !== "" && !Number.isNaN(number) ? number : value;
        };

        const sortable = (table) => {
          const head = table.tHead && table.tHead.rows[0];
          if (!head || table.tBodies.length !== 1 || table.tBodies[0].rows.length < 2) return;
          Array.from(head.cells).forEach((cell, column) => {
            if (cell.querySelector("a,button") || !cell.textContent.trim()) return;
            const button = document.createElement("button");
            button.type = "button";
            button.textContent = cell.textContent;
            cell.textContent = "";
            cell.append(button);
            button.addEventListener("click", () => sort(table, column, cell.getAttribute("aria-sort") !== "descending"));
          });
        };

        const sort = (table, column, falling) => {
          const body = table.tBodies[0];
          const rows = Array.from(body.rows);
          const order = falling ? -1 : 1;
          const keys = new Map(rows.map((row) => [row, key(row, column)]));
          rows.sort((left, right) => {
            const a = keys.get(left), b = keys.get(right);
            // What has no value comes last, either way.
            if (a === "" || b === "") return (a === "") - (b === "");
            if (typeof a === "number" && typeof b === "number") return order * (a - b);
            return order * String(a).localeCompare(String(b), undefined, {numeric: true});
          });
          body.append(...rows);
          Array.from(table.tHead.rows[0].cells).forEach((cell, index) => {
            if (index === column) cell.setAttribute("aria-sort", falling ? "descending" : "ascending");
            else cell.removeAttribute("aria-sort");
          });
          table.dataset.sorted = column + (falling ? "-" : "+");
        };

        const filterable = (table) => {
          if (table.tBodies[0].rows.length < 12) return;
          const input = document.createElement("input");
          input.type = "search";
          input.placeholder = "Find in this table";
          input.setAttribute("aria-label", "Find in this table");
          const form = document.createElement("form");
          form.append(input);
          form.addEventListener("submit", (event) => event.preventDefault());
          (table.closest(".scroll") || table).before(form);
          input.addEventListener("input", () => filter(table, input.value));
        };

        const filter = (table, text) => {
          table.dataset.filter = text;
          const wanted = text.toLowerCase();
          for (const row of table.tBodies[0].rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
        };

        const short = (value) => {
          if (value === 0) return "0";
          const size = Math.abs(value);
          return size >= 1e6 || size < 1e-3 ? value.toExponential(3) : String(Number(value.toPrecision(5)));
        };

        // Lines are where they are drawn; the axes say what that means.
        const readable = (svg) => {
          const [left, right, top, bottom] = svg.dataset.frame.split(",").map(Number);
          const [x0, x1, y0, y1, isLog] = svg.dataset.axes.split(",").map(Number);
          const lines = all("polyline", svg).map((line) => ({
            name: line.dataset.name,
            points: line.getAttribute("points").split(" ").map((point) => point.split(",").map(Number)),
          }));
          const valueX = (x) => x0 + (x - left) / (right - left) * (x1 - x0);
          const valueY = (y) => {
            const share = (bottom - y) / (bottom - top);
            return isLog ? 10 ** (Math.log10(y0) + share * (Math.log10(y1) - Math.log10(y0))) : y0 + share * (y1 - y0);
          };
          const rule = document.createElementNS("http://www.w3.org/2000/svg", "path");
          rule.setAttribute("class", "rule");
          const box = document.createElement("div");
          box.className = "read";
          svg.addEventListener("pointermove", (event) => {
            const area = svg.getBoundingClientRect();
            const x = (event.clientX - area.left) / area.width * svg.viewBox.baseVal.width;
            const found = new Map();
            for (const line of lines) {
              let best = null;
              for (const point of line.points) {
                if (!best || Math.abs(point[0] - x) < Math.abs(best[0] - x)) best = point;
              }
              const before = found.get(line.name);
              if (!before || Math.abs(best[0] - x) < Math.abs(before[0] - x)) found.set(line.name, best);
            }
            if (!found.size) return;
            const nearest = Array.from(found.values()).sort((a, b) => Math.abs(a[0] - x) - Math.abs(b[0] - x))[0];
            rule.setAttribute("d", `M${nearest[0]} ${top}V${bottom}`);
            svg.append(rule);
            box.textContent = [short(valueX(nearest[0]))].concat(Array.from(found, ([name, point]) =>
              (found.size > 1 ? name + " " : "") + short(valueY(point[1])))).join("  ·  ");
            svg.parentNode.append(box);
          });
          svg.addEventListener("pointerleave", () => { rule.remove(); box.remove(); });
        };

        const enliven = (root) => {
          for (const table of all("table.sort", root)) { sortable(table); filterable(table); }
          for (const svg of all("svg.plot", root)) readable(svg);
        };

        // The part of the page that changes is fetched again; what somebody has opened, sorted or typed stays.
        const refresh = async (state) => {
          const headers = state.tag ? {"If-None-Match": state.tag} : {};
          const answer = await fetch(location.href.split("#")[0], {headers, cache: "no-store"});
          if (answer.status !== 200) return;
          state.tag = answer.headers.get("ETag");
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          const next = page.querySelector("main");
          const main = document.querySelector("main");
          if (!next || next.isEqualNode(state.last)) return;
          state.last = next.cloneNode(true);
          const open = all("details", main).map((element) => element.open);
          const tables = all("table.sort", main).map((table) => [table.dataset.sorted, table.dataset.filter]);
          main.replaceWith(next);
          document.title = page.title;
          all("details", next).forEach((element, index) => { if (open[index] !== undefined) element.open = open[index]; });
          enliven(next);
          all("table.sort", next).forEach((table, index) => {
            const [sorted, text] = tables[index] || [];
            if (sorted) sort(table, parseInt(sorted, 10), sorted.endsWith("-"));
            const form = (table.closest(".scroll") || table).previousElementSibling;
            if (text && form && form.matches("form")) { form.firstChild.value = text; filter(table, text); }
          });
        };

        const live = () => {
          const state = {tag: document.body.dataset.tag, last: document.querySelector("main").cloneNode(true)};
          let wait = 0;
          const step = async () => {
            const seconds = Number(document.querySelector("main").dataset.live);
            if (!seconds) return;
            try {
              const busy = document.activeElement && document.activeElement.closest("main form");
              if (!document.hidden && !busy) await refresh(state);
              wait = 0;
            } catch { wait = Math.min(60, 2 * wait + 5); }
            setTimeout(step, 1000 * (seconds + wait));
          };
          const first = Number(document.querySelector("main").dataset.live);
          if (first) setTimeout(step, 1000 * first);
        };

        enliven(document);
        live();
        })();
        """#
}
