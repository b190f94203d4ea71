// Draws each figure's panels in place of its picture when it comes into view. Without plotly.js the pictures stay.
(() => {
  const { Plotly } = globalThis;
  if (!Plotly) return;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  // Where there is no room to the left of the plot, names of rows stand in it, above what belongs to them.
  const isNarrow = (plot, { yaxis }) => yaxis?.type === "category" && plot.clientWidth < 420;
  const namesInside = ({ yaxis: { categoryarray } }) => ({
    bargap: 0.55,
    annotations: categoryarray.map((text, y) => (
      { text, x: 0, xref: "paper", xanchor: "left", y, yshift: 14, showarrow: false }
    )),
  });
  const themed = (layout, plot) => {
    const narrow = isNarrow(plot, layout);
    const style = getComputedStyle(document.documentElement);
    const [ink, line] = ["--ink", "--line"].map((name) => style.getPropertyValue(name).trim());
    const axis = { gridcolor: line, zerolinecolor: line, linecolor: line };
    return {
      showlegend: true,
      ...layout,
      xaxis: { ...axis, ...layout.xaxis },
      yaxis: { ...axis, ...layout.yaxis, showticklabels: !narrow },
      ...narrow ? namesInside(layout) : {},
      font: { color: ink, family: "system-ui, sans-serif", size: 13 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      colorway: dark.matches
        ? [
          "#8ab4f8",
          "#ffb454",
          "#ff8a80",
          "#80cbc4",
          "#9ccc65",
          "#ffe082",
          "#ce93d8",
          "#f8bbd0",
          "#bcaaa4",
          "#cfd8dc",
        ]
        : [
          "#2f6db5",
          "#d96c00",
          "#c8312e",
          "#2a8f8a",
          "#3d8a35",
          "#a88400",
          "#8e4f93",
          "#d1607a",
          "#7a5844",
          "#70706e",
        ],
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
      margin: { l: 10, r: 15, t: 10, b: 10 },
      dragmode: matchMedia("(pointer: fine)").matches ? "zoom" : false,
    };
  };
  const config = { responsive: true, displayModeBar: false };
  const drawn = new Map();
  const draw = (plot) => {
    const { data, layout } = JSON.parse(plot.querySelector("script").textContent);
    plot.replaceChildren();
    drawn.set(plot, layout);
    if (isNarrow(plot, layout)) plot.style.height = `${1.5 * parseFloat(plot.style.height)}px`;
    Plotly.newPlot(plot, data, themed(layout, plot), config);
  };
  const watch = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watch.unobserve(target);
      draw(target);
    }
  }, { rootMargin: "400px" });
  for (const figure of document.querySelectorAll("figure.chart")) {
    figure.classList.add("drawn");
    figure.querySelector(".live").hidden = false;
    for (const plot of figure.querySelectorAll(".plot")) watch.observe(plot);
  }
  dark.addEventListener("change", () => {
    for (const [plot, layout] of drawn) Plotly.relayout(plot, themed(layout, plot));
  });
})();
