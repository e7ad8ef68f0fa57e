// Draws the charts of the first page. The tables below them say the same without this script.
"use strict";

(function () {
    const source = document.getElementById("timeline-data");
    if (!source || typeof Chart === "undefined") { return; }
    const data = JSON.parse(source.textContent);
    const charts = [];

    // The colours are those of the legend and of the page, whatever theme is on.
    function colourOf(series) {
        const swatch = document.querySelector(".gsm-swatch-" + series.colour);
        return swatch ? getComputedStyle(swatch).backgroundColor : "gray";
    }
    function colourOfPage(name) {
        return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    }

    function paint(chart, series) {
        chart.data.datasets.forEach(function (dataset, number) {
            dataset.backgroundColor = colourOf(series[number]);
        });
        Object.values(chart.options.scales).forEach(function (scale) {
            scale.ticks.color = colourOfPage("--body-quiet-color");
            scale.grid.color = colourOfPage("--hairline-color");
            scale.border.color = colourOfPage("--border-color");
        });
        chart.update();
    }

    function draw(canvas) {
        const series = data.charts[canvas.dataset.chart];
        const chart = new Chart(canvas, {
            type: "bar",
            data: {
                labels: data.labels,
                datasets: series.map(function (one) {
                    return {label: one.name, data: one.bars.map(function (bar) { return bar.count; })};
                })
            },
            options: {
                animation: false,
                maintainAspectRatio: false,
                interaction: {mode: "nearest", axis: "xy", intersect: true},
                // The colours of the library would hide ours.
                plugins: {legend: {display: false}, colors: {enabled: false}},
                scales: {
                    x: {stacked: true, ticks: {maxRotation: 0, autoSkipPadding: 12}, grid: {display: false}, border: {}},
                    y: {stacked: true, beginAtZero: true, ticks: {precision: 0}, grid: {}, border: {}}
                },
                onHover: function (event, found) { canvas.style.cursor = found.length ? "pointer" : "default"; },
                onClick: function (event, found) {
                    if (found.length) { location.href = series[found[0].datasetIndex].bars[found[0].index].url; }
                }
            }
        });
        charts.push([chart, series]);
        paint(chart, series);
    }

    function paintAll() { charts.forEach(function (pair) { paint(pair[0], pair[1]); }); }

    document.querySelectorAll("canvas[data-chart]").forEach(draw);
    new MutationObserver(paintAll).observe(document.documentElement, {attributeFilter: ["data-theme"]});
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paintAll);
})();
