// Draws the charts of the page from their data-spec, in the colours of the style sheet, and redraws when those change.
"use strict";

(() => {
  const drawings = { "churn-rate": churnRate, balances: balances };
  const nodes = [...document.querySelectorAll("[data-kind]")];

  if (window.echarts) {
    drawAll();
    nodes.forEach((node) => new ResizeObserver(() => echarts.getInstanceByDom(node)?.resize()).observe(node));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
    // Paper is white: the style sheet has the light colours for [data-paper] too.
    addEventListener("beforeprint", () => { document.documentElement.dataset.paper = ""; drawAll(); });
    addEventListener("afterprint", () => { delete document.documentElement.dataset.paper; drawAll(); });
    // A table is folded only behind a chart that was drawn.
    document.querySelectorAll("details[data-chart]").forEach((details) => { details.open = false; });
  }
  document.documentElement.classList.remove("drawing");

  function drawAll() {
    const colours = readColours();
    for (const node of nodes) {
      const chart = echarts.getInstanceByDom(node) ?? echarts.init(node, null, { renderer: "svg" });
      const spec = JSON.parse(node.dataset.spec);
      if (node.dataset.kind === "balances") node.style.minBlockSize = `${spec.bars.length * 2.1 + 0.5}rem`;
      chart.resize();
      chart.setOption({ ...frame(colours), ...drawings[node.dataset.kind](spec, colours) }, true);
      node.dataset.drawn = "";
    }
  }

  function readColours() {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(`--${name}`).trim();
    return { ink: read("ink"), muted: read("muted"), line: read("line"), surface: read("surface"),
             accent: read("accent"), second: read("second"), font: getComputedStyle(document.body).fontFamily };
  }

  function frame(colours) {
    return { animation: false, textStyle: { fontFamily: colours.font, color: colours.ink } };
  }

  // The tooltip is built of elements, never of HTML text: names come from the data, and the page's
  // security policy refuses style attributes.
  function tooltip(colours, rows) {
    return {
      confine: true, backgroundColor: colours.surface, borderColor: colours.line, padding: [6, 10],
      textStyle: { color: colours.ink, fontSize: 13 },
      formatter: (hit) => {
        const box = document.createElement("div");
        rows(Array.isArray(hit) ? hit[0].dataIndex : hit.dataIndex).forEach((text, at) => {
          const line = document.createElement(at ? "div" : "strong");
          line.textContent = text;
          box.append(line);
        });
        return box;
      },
    };
  }

  // Two charts over one row of months instead of two axes in one: above the rate, below how many left.
  function churnRate(spec, colours) {
    const label = { color: colours.muted, fontSize: 12 };
    const last = spec.rates.findLastIndex((rate) => rate !== null);
    const months = (grid, shown) => ({
      type: "category", gridIndex: grid, data: spec.months, axisTick: { show: false },
      axisLine: { lineStyle: { color: colours.line } }, axisLabel: { ...label, show: shown, hideOverlap: true },
    });
    const values = (grid, name, format) => ({
      type: "value", gridIndex: grid, name, min: 0, splitNumber: grid ? 2 : 3,
      nameTextStyle: { ...label, align: "left", padding: [0, 0, 0, -38] }, nameGap: 12,
      axisLabel: { ...label, formatter: format }, splitLine: { lineStyle: { color: colours.line } },
    });
    const unfinished = (at) => spec.running && at === spec.months.length - 1;
    return {
      grid: [{ left: 46, right: 14, top: 30, height: "45%" }, { left: 46, right: 14, bottom: 26, height: "20%" }],
      axisPointer: { link: [{ xAxisIndex: "all" }], lineStyle: { color: colours.muted } },
      tooltip: {
        trigger: "axis",
        ...tooltip(colours, (at) => [
          spec.months[at] + (unfinished(at) ? " so far" : ""),
          `Churn rate ${percent(spec.rates[at], 2)}`,
          `${count(spec.left[at])} left of ${count(spec.active[at])}`,
        ]),
      },
      xAxis: [months(0, false), months(1, true)],
      yAxis: [values(0, "Churn rate", (value) => percent(value)), values(1, "Customers who left", (value) => short(value))],
      series: [
        { type: "line", name: "Churn rate", data: spec.rates, showAllSymbol: true, symbol: "circle",
          symbolSize: (_, hit) => (hit.dataIndex === last ? 8 : 4), lineStyle: { color: colours.accent, width: 2.5 },
          itemStyle: { color: colours.accent } },
        { type: "bar", name: "Customers who left", xAxisIndex: 1, yAxisIndex: 1, barMaxWidth: 28,
          data: spec.left.map((value, at) => ({ value, itemStyle: unfinished(at) ? hollow(colours.second, colours) : {} })),
          itemStyle: { color: colours.second } },
      ],
    };
  }

  function balances(spec, colours) {
    const names = spec.bars.map((bar) => bar.name);
    // Room for names and labels by their length in letters of 7 px, 6.5 in the smaller size of n.
    const width = Math.min(130, 14 + 7 * Math.max(...names.map((name) => name.length)));
    const room = Math.max(...spec.bars.map((bar) => 7 * bar.label.length + 6.5 * (bar.size.length + 3))) + 12;
    return {
      grid: { left: width, right: room, top: 4, bottom: 4 },
      tooltip: {
        trigger: "item",
        ...tooltip(colours, (at) => {
          const bar = spec.bars[at];
          return [bar.name, `${bar.average} a customer`, `${bar.total} in total`,
                  `n ${bar.size}${bar.small ? `, fewer than ${spec.minimum}` : ""}`];
        }),
      },
      xAxis: { type: "value", show: false, min: (range) => Math.min(0, range.min) },
      yAxis: {
        type: "category", inverse: true, data: names, axisTick: { show: false },
        axisLine: { lineStyle: { color: colours.line } },
        axisLabel: { color: colours.ink, fontSize: 13, width: width - 10, overflow: "truncate", interval: 0 },
      },
      series: [{
        type: "bar", barWidth: "62%", barMaxWidth: 30,
        data: spec.bars.map((bar) => ({
          value: bar.value,
          itemStyle: bar.small ? hollow(colours.accent, colours) : { color: colours.accent },
          label: {
            show: true, position: "right", formatter: `{value|${bar.label}}  {size|n ${bar.size}}`,
            rich: { value: { color: colours.ink, fontSize: 13 }, size: { color: colours.muted, fontSize: 12 } },
          },
        })),
      }],
    };
  }

  // What is small or unfinished has an outline only.
  function hollow(colour, colours) {
    return { color: colours.surface, borderColor: colour, borderType: "dashed", borderWidth: 1.5 };
  }

  function percent(value, decimals = 1) {
    return value === null ? "–" : `${value.toFixed(decimals)}\u202f%`;
  }

  function count(value) {
    return value === null ? "–" : value.toLocaleString("en");
  }

  function short(value) {
    return value >= 10000 ? `${value / 1000}\u202fk` : value.toLocaleString("en");
  }
})();
