// Draws the charts of a page of Ondine's, with Chart.js.
(() => {
  const colors = ['#1b4f8f', '#dd8327', '#5da646', '#c0495c', '#8a63b3', '#1f7a6b', '#d1b62c', '#74482c', '#4a8fd6', '#7d7466'];
  Chart.defaults.font.family = 'system-ui, sans-serif';
  Chart.defaults.color = '#5f6368';
  Chart.defaults.animation = false;

  const dataset = (series) => {
    const color = colors[series.color % colors.length];
    const band = series.style === 'BAND';
    const rings = series.style === 'RINGS';
    const points = rings || series.style === 'POINTS';
    return {
      label: series.name,
      data: series.points.map(([x, y]) => ({ x, y: y === null ? NaN : y })),
      borderColor: color,
      backgroundColor: rings ? 'transparent' : band ? color + '2b' : color,
      borderWidth: band ? 0.6 : rings ? 1.2 : 1.7,
      borderDash: { DASHED: [6, 4], DOTTED: [1.5, 3] }[series.style] ?? [],
      showLine: !points,
      pointRadius: rings ? 3.6 : points ? 2.2 : series.points.length < 12 && !band && series.style !== 'DOTTED' ? 2.5 : 0,
      pointHoverRadius: 4,
      fill: band ? '-1' : false,
    };
  };

  const axis = (text, logarithmic) => ({
    type: logarithmic ? 'logarithmic' : 'linear',
    title: { display: text !== '', text },
    grid: { color: '#eceff1' },
    ticks: { maxRotation: 0, autoSkipPadding: 16 },
  });

  // Numbers of epochs, layers or channels have nothing between them.
  const whole = (chart) => chart.series.every((s) => s.points.every(([x]) => Number.isInteger(x)));
  const nothing = (chart) => chart.series.every((s) => s.points.every(([, y]) => y === 0));

  const short = (value) => (Number.isInteger(value) ? value.toLocaleString('en') : String(Number(value.toPrecision(4))));

  for (const canvas of document.querySelectorAll('canvas[data-chart]')) {
    const chart = JSON.parse(document.getElementById(canvas.dataset.chart).textContent);
    const one = chart.series.length === 1;
    const x = axis(chart.x, chart.logX);
    const y = axis(chart.y, chart.logY);
    if (whole(chart)) x.ticks.precision = 0;
    if (nothing(chart)) Object.assign(y, { min: 0, max: 1 });
    new Chart(canvas, {
      type: 'line',
      data: { datasets: chart.series.map(dataset) },
      options: {
        responsive: true,
        maintainAspectRatio: false,
        parsing: false,
        normalized: true,
        interaction: { mode: 'nearest', axis: 'x', intersect: false },
        scales: { x, y },
        plugins: {
          title: { display: true, text: chart.title, color: '#202124', font: { size: 13, weight: 500 } },
          legend: { display: !one && (chart.series.length < 4 || !canvas.closest('.small')), position: 'bottom', labels: { boxWidth: 18, boxHeight: 2, padding: 10 } },
          tooltip: {
            callbacks: {
              title: (items) => (items.length ? chart.x + ' ' + short(items[0].parsed.x) : ''),
              label: (item) => item.dataset.label + ': ' + short(item.parsed.y),
            },
          },
        },
      },
    });
  }
})();
